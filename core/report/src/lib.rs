//! What a run came to, for people: one typed value out of the run's records (`Report`), the page that shows it (`page`),
//! and the list of the last runs with its page (`Ends`, `index`). The crate is pure: it takes records, the ledger's rows
//! and the time as values. It never guesses: what the records do not hold is absent, and the page says that it is
//! unknown. Whatever comes from outside, names of files and errors included, is escaped by the templates.

mod changes;
mod compile;
mod dossiers;
mod ends;
mod headline;
mod html;
mod loaded;
mod machines;
mod model;
mod money;
mod of;
pub mod openlineage;
mod steps;
mod words;

pub use compile::compile;
pub use ends::{End, Ends, KEPT};
pub use html::{index, page};
pub use loaded::{Commands, Good, GoodStep, ItemReads, Ledger, Loaded, LoadedStep, Machine, StepFile, Tried};
pub use model::{
    Attempt, Change, Changes, Destination, Dossier, Headline, Lane, Money, PastCost, Pool, Priced, REPORT_VERSION,
    Report, StepFiles, StepLine, Suggested,
};

/// Items whose attempts are reported one by one; of more, a report has the steps alone.
pub const MOST_ITEMS: u64 = 50_000;
/// Files of a step's input that a report names.
pub const MOST_FILES: usize = 10_000;
