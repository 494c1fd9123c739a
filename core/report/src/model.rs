//! The report as a value: everything that the page says, and `report-page.json`. Fields are added and not changed; a
//! change of meaning needs a new `REPORT_VERSION`. Times are milliseconds since 1970, money is integer nano-dollars.

use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::ids::{Generation, ItemIndex, RunId};
use spotmill_core::item::RowCounts;
use spotmill_ledger::{Class, Elsewhere, Line, PriceSource, Summary};
use std::collections::BTreeMap;

pub const REPORT_VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    pub v: u32,
    pub run: RunId,
    pub pipeline: String,
    /// `succeeded`, `warned`, `failed`, `stopped`, `interrupted` or `running`; `waiting`, `late` or `skipped` where its input
    /// was not there.
    pub state: String,
    /// When the run began, ever.
    pub started_ms: u64,
    /// When the execution began that this is about.
    pub claimed_ms: u64,
    /// Nothing of one that runs, or was killed.
    pub ended_ms: Option<u64>,
    /// From the claim to the end, or to the last sign of life.
    pub took_ms: u64,
    /// When this was compiled.
    pub made_ms: u64,
    pub items: u64,
    pub committed: u64,
    pub params: BTreeMap<String, String>,
    pub headline: Headline,
    /// Nothing where the run has too many items to read them all.
    pub money: Option<Money>,
    pub destinations: Vec<Destination>,
    pub steps: Vec<StepLine>,
    pub machines: Vec<Lane>,
    /// Items without a receipt that failed.
    pub failed: Vec<Dossier>,
    pub pools: Vec<Pool>,
    /// An attempt a row, of the newest generation of each step.
    pub attempts: Vec<Attempt>,
    pub inputs: Vec<StepFiles>,
    pub changes: Changes,
    /// What the figures lack.
    pub notes: Vec<String>,
}

/// What somebody on call reads first.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Headline {
    /// What readers of the results find.
    pub impact: String,
    /// Why it is not as it should be; nothing of a run that is.
    pub cause: Option<String>,
    /// What to change before the first command.
    pub remedy: Option<String>,
    pub commands: Vec<Suggested>,
    /// Whether machines that went away have anything to do with it.
    pub spot: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suggested {
    pub command: String,
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Money {
    #[serde(flatten)]
    pub total: Summary,
    pub budget_usd: Option<f64>,
    pub classes: Vec<Line>,
    pub steps: Vec<Line>,
    /// Where the prices of machines are from.
    pub prices: Vec<Priced>,
    /// The last runs of the pipeline, this one included, oldest first.
    pub past: Vec<PastCost>,
    /// Formulas over the hours of these machines, no measurements.
    pub elsewhere: Vec<Elsewhere>,
}

/// Machines whose prices have one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Priced {
    pub source: PriceSource,
    pub what: String,
    pub machines: u64,
    pub machine_ms: u64,
    /// Nothing where no price is known.
    pub usd_nanos: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PastCost {
    pub run: RunId,
    pub state: String,
    pub took_ms: u64,
    /// Nothing where a price was not known.
    pub usd_nanos: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Destination {
    pub step: String,
    /// Nothing where it cannot be named.
    pub location: Option<String>,
    /// `good`, `warned`, `few rows`, `many rows`, `partial`, `superseded`, `not published`.
    pub word: String,
    pub published_ms: Option<u64>,
    pub rows: Option<u64>,
    /// The middle of the last runs.
    pub usual_rows: Option<u64>,
    /// Runs that this was measured in.
    pub usual_of: usize,
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StepLine {
    pub step: String,
    pub generation: Generation,
    /// `done`, `incomplete`, `not started`.
    pub state: String,
    pub because: String,
    pub items: u32,
    pub committed: u32,
    /// Items without a receipt that failed.
    pub failed: u32,
    #[serde(flatten)]
    pub rows: RowCounts,
    pub bytes_out: u64,
    pub took_ms: u64,
    /// The item whose committed attempt took longest, and how long.
    pub longest: Option<(ItemIndex, u64)>,
    pub median_ms: Option<u64>,
    pub peak_bytes: u64,
    /// What the attempt with this peak could take.
    pub limit_bytes: u64,
    /// Machines and services; nothing where nothing was charged, or no price is known.
    pub usd_nanos: Option<u64>,
    /// Machine time without a price.
    pub unpriced_ms: u64,
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
}

/// A machine's life in a step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lane {
    pub step: String,
    pub generation: Generation,
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub zone: String,
    /// `spot`, `on demand`, `this machine`.
    pub market: String,
    pub vcpus: u32,
    pub slots: u32,
    pub launched_ms: u64,
    /// When its worker was ready; nothing of one that never was.
    pub ready_ms: Option<u64>,
    /// When it ended, or was last heard of.
    pub ended_ms: u64,
    /// When it heard that it will be taken away.
    pub noticed_ms: Option<u64>,
    /// It left no end of its own and did not end with its round.
    pub vanished: bool,
    /// How it ended, in its own words.
    pub end: Option<String>,
    pub items: u64,
    /// Of the machine; nothing where no price is known.
    pub usd_nanos: Option<u64>,
    /// The page draws them; here they are `attempts`.
    #[serde(skip)]
    pub bars: Vec<Bar>,
}

/// An attempt on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub item: ItemIndex,
    pub class: Class,
    pub from_ms: u64,
    pub to_ms: u64,
}

/// An item that failed and has no receipt.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Dossier {
    pub step: String,
    pub item: ItemIndex,
    pub label: String,
    /// `out of memory`
    pub class: String,
    pub message: String,
    pub remedy: Option<String>,
    pub file: Option<String>,
    pub ended: String,
    pub worker: String,
    pub peak_bytes: u64,
    pub limit_bytes: u64,
    pub bytes_in: u64,
    pub attempts: u32,
    pub failed_ms: u64,
    pub log_tail: String,
    pub commands: Vec<Suggested>,
}

/// Machines of one type, zone and market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pool {
    pub name: String,
    pub machines: u64,
    /// Of these, taken with notice.
    pub noticed: u64,
    /// Of these, gone without a word.
    pub vanished: u64,
    pub machine_ms: u64,
    pub useful_ms: u64,
    pub usd_nanos: Option<u64>,
}

/// One try at an item that left a record.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Attempt {
    pub step: String,
    pub generation: Generation,
    pub item: ItemIndex,
    pub label: String,
    pub attempt: String,
    /// `committed`, or how it failed.
    pub status: String,
    pub class: Class,
    pub worker: String,
    /// An earlier generation did it.
    pub carried: bool,
    pub started_ms: u64,
    pub ended_ms: u64,
    pub run_ms: u64,
    pub cpu_ms: u64,
    pub peak_bytes: u64,
    pub limit_bytes: u64,
    pub rung: u32,
    pub files_in: u64,
    pub bytes_in: u64,
    #[serde(flatten)]
    pub rows: RowCounts,
    pub files_out: u64,
    pub bytes_out: u64,
}

/// The files that a step reads and that no step wrote.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StepFiles {
    pub step: String,
    pub files: u64,
    pub bytes: u64,
    /// Changed, gone or late files.
    pub remarks: Vec<String>,
    /// In the order of the work list; the first of very many.
    pub named: Vec<crate::StepFile>,
}

/// What is different from the last good run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Changes {
    /// Nothing where none is on record.
    pub since: Option<RunId>,
    pub since_ended_ms: Option<u64>,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    pub what: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// Lines as of a unified diff.
    pub diff: Vec<String>,
}
