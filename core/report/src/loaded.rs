//! What a report is compiled from: the records of a run as whoever can read them hands them over. Nothing here is
//! decided; what could not be read is absent.

use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::ids::{AttemptId, Generation, ItemIndex, RunId, StepName};
use spotmill_core::item::RowCounts;
use spotmill_core::life::InstanceRecord;
use spotmill_core::model::Pipeline;
use spotmill_core::records::{DeployedWorker, FailureRecord, RunReport};
use spotmill_core::types::Value;
use spotmill_ledger::{Attempt, Charge, Elsewhere, Life};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Loaded {
    pub pipeline: Pipeline,
    pub worker: DeployedWorker,
    pub report: RunReport,
    /// A word of `Report::state`.
    pub state: String,
    /// Why it failed, where the report does not say.
    pub cause: Option<String>,
    /// It works on the machine that runs the program.
    pub is_local: bool,
    pub started_ms: u64,
    pub claimed_ms: u64,
    pub ended_ms: Option<u64>,
    pub now_ms: u64,
    /// In the order in which they run.
    pub steps: Vec<LoadedStep>,
    /// Nothing where the run has too many items to read them all.
    pub ledger: Option<Ledger>,
    pub commands: Commands,
    /// The last ends of runs of this pipeline, oldest first.
    pub past: Vec<crate::End>,
    /// The last good run before this execution.
    pub good: Option<Good>,
    pub notes: Vec<String>,
}

/// The newest generation of a step.
#[derive(Clone, Debug, Default)]
pub struct LoadedStep {
    /// Bytes of its items' inputs by its plan.
    pub input_bytes: u64,
    /// Where it publishes, its params filled in; nothing of a step that does not.
    pub destination: Option<String>,
    pub published_ms: Option<u64>,
    pub superseded: Option<String>,
    pub tried: Vec<Tried>,
    /// By item: what it reads, in a few words, and how much.
    pub items: BTreeMap<ItemIndex, ItemReads>,
    /// Files that no step wrote, all of them, and their bytes.
    pub files: u64,
    pub bytes: u64,
    /// At most `MOST_FILES` of them.
    pub named: Vec<StepFile>,
    /// Sentences about inputs that changed, went away or came late.
    pub late: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemReads {
    pub label: String,
    pub files: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StepFile {
    pub uri: String,
    pub etag: String,
    pub bytes: u64,
}

/// An attempt that left a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    pub item: ItemIndex,
    pub attempt: AttemptId,
    pub worker: String,
    /// Nothing of the one that was committed.
    pub failure: Option<Box<FailureRecord>>,
    /// An earlier generation did it.
    pub carried: bool,
    pub rung: u32,
    pub run_ms: u64,
    pub cpu_ms: u64,
    pub peak_bytes: u64,
    pub ended_ms: u64,
    pub rows: RowCounts,
    pub files: u64,
    pub bytes: u64,
}

/// What the ledger says of the run.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub charges: Vec<Charge>,
    pub machines: Vec<Machine>,
    /// Bytes of the files that it read and that no step of it wrote.
    pub bytes_in: u64,
    pub elsewhere: Vec<Elsewhere>,
}

/// A machine in a generation of a step, and what it did.
#[derive(Clone, Debug)]
pub struct Machine {
    pub step: StepName,
    pub generation: Generation,
    pub life: Life,
    pub attempts: Vec<Attempt>,
    /// Its own record, if it left one.
    pub own: Option<InstanceRecord>,
    /// When EC2 reported that it takes it.
    pub interrupted_ms: Option<u64>,
}

/// Commands for this run, as its caller types them.
#[derive(Clone, Debug)]
pub struct Commands {
    pub resume: String,
    /// Ends where a step and an item may follow.
    pub show: String,
    /// The same, where items can be replayed.
    pub item: Option<String>,
    pub cost: String,
}

/// What is compared with the last good run.
#[derive(Clone, Debug)]
pub struct Good {
    pub run: RunId,
    pub ended_ms: u64,
    pub pipeline: Pipeline,
    pub params: BTreeMap<String, Value>,
    pub worker: DeployedWorker,
    pub steps: BTreeMap<String, GoodStep>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GoodStep {
    pub items: u32,
    pub input_bytes: u64,
    pub rows: Option<RowCounts>,
}
