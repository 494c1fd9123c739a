//! What a run cost. Every second of every machine's life has one class (`Class`), requests and storage are counted from
//! the records, and all money is integer nano-dollars: items sum to steps, steps to runs and runs to months without a
//! remainder. The crate is pure: it takes lives, attempts and prices as values and returns rows (`Charge`), groups of
//! rows (`Line`), how they compare with what AWS billed (`Reconciled`), and what the same work would cost elsewhere (`Elsewhere`). It never guesses: what the records do not
//! hold is absent, and whoever reads the records says so.

pub mod bill;
mod charge;
mod compared;
mod elsewhere;
mod group;
mod life;
mod money;
mod reconcile;
mod seen;
mod services;

pub use charge::{Category, Charge, PriceSource, Unit, of_machine};
pub use compared::{Compared, Period, billed_rows, compared};
pub use elsewhere::{Elsewhere, Emr, Work, elsewhere, emr};
pub use group::{By, Line, Summary, lines, total};
pub use life::{Attempt, Class, Life, Market, Slice, class_of, split};
pub use money::{apportion, nanos_of, usd};
pub use reconcile::{Estimated, MachineBill, Reconciled, Unmatched, estimates, reconcile};
pub use seen::{Fleet, Recorded, fleet};
pub use services::{Counted, ItemCounts, Place, of_services};
pub use spotmill_core::rates::{RATES, Rate, Rates, SetBy};
