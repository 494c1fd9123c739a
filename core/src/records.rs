//! The records under `runs/`, each with a version. They are the truth of a run: receipts commit attempts, a seal
//! completes a step, a manifest states what was published. Messages and callbacks are hints and live here too.

use crate::destination::{Existing, ListedFile};
use crate::fleet::life::Cost;
use crate::ids::{AttemptId, Epoch, ExecutionId, Generation, ItemIndex, Round, RunId, Rung, StepName, Uri};
use crate::item::{FailureClass, InputFile, OutputFile, Usage, ValueFilter, Violation};
use crate::model::{MaxBadRows, Read, RowsRule};
use crate::types::{Column, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const RECORD_VERSION: u32 = 1;

/// `pipelines/{name}.json`: what a start of the pipeline runs. Replaced whole by a deploy; a run keeps what it began
/// with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    pub v: u32,
    pub name: String,
    /// Names `pipelines/{name}/{digest}.toml`, the frozen pipeline.
    pub pipeline_digest: String,
    pub worker: DeployedWorker,
    pub deployed_ms: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedWorker {
    /// The worker's declared version (`About::version`): part of every signature.
    pub version: String,
    /// sha256 of the program by architecture (`x86_64`, `aarch64`), where machines have to fetch it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, String>,
}

/// `workers/{sha256}/needs.json`: what a worker program needs of a machine, as its deploy found it. It only
/// informs; nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerNeeds {
    pub v: u32,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// `2.34`; none of a program without glibc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
    pub bytes: u64,
}

/// The settings of a machine of a fleet: its user data holds them, `spotmill-worker serve` reads them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerSettings {
    pub v: u32,
    /// The state root.
    pub root: Uri,
    /// Prefix of all queues' names on SQS.
    pub stack: String,
    pub region: String,
    /// The fleet's name; its work queue bears it too.
    pub fleet: String,
    pub queue: String,
    pub callbacks: String,
    pub run: RunId,
    pub step: StepName,
    pub vcpus_per_item: u32,
    pub memory_bytes_per_item: u64,
    pub max_slots: u32,
    /// Where machines record their lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Uri>,
    /// The worker's digest by architecture, as in `DeployedWorker`.
    pub workers: BTreeMap<String, String>,
    /// Seconds that an item stays this machine's without a call from it.
    #[serde(default = "visibility_secs")]
    pub visibility_secs: u64,
}

fn visibility_secs() -> u64 {
    crate::bounds::VISIBILITY_SECS
}

/// `lease.json`, written by compare-and-swap only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    pub v: u32,
    /// The root execution that holds the run; none once released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ExecutionId>,
    pub epoch: Epoch,
    /// Names `pipeline-{digest}.toml`.
    pub pipeline_digest: String,
    /// The worker that the start found deployed; a deploy after it counts from the next start.
    #[serde(default)]
    pub worker: DeployedWorker,
    /// Every param, resolved, frozen for the run.
    pub params: BTreeMap<String, Value>,
    pub generations: BTreeMap<String, StepGeneration>,
    /// Items that may be missing, by step (`accept`), for the current execution.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accept: BTreeMap<String, Vec<ItemIndex>>,
    /// The current execution may launch machines although the budget is spent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_budget: bool,
    /// What the current execution does with files at a destination that are not the step's.
    #[serde(default, skip_serializing_if = "Existing::is_default")]
    pub existing: Existing,
    /// The root execution for which `fresh` or `from_step` has already taken effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_by: Option<ExecutionId>,
    /// The child execution that minted the epoch; its fleets bear its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
    /// The steps this execution runs; the report judges these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selected: Vec<StepName>,
    /// When the run began, ever.
    pub started_ms: u64,
    /// When the present owner claimed it.
    #[serde(default)]
    pub claimed_ms: u64,
    /// Set with the owner cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RunOutcome>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepGeneration {
    pub generation: Generation,
    pub signature: String,
    /// Digests of the signature's parts by name, so that a change can be named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, String>,
    /// Why this generation began, for people.
    pub because: String,
    /// The generation of which items that read the very same files need not be redone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carries_over: Option<Generation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    Succeeded,
    Warned,
    Failed,
}

/// `plan.json`, created if absent: the frozen work of a step's generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub v: u32,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    pub items: u32,
    /// Names `work-{digest}.ndjson`.
    pub work_digest: String,
    /// Byte offset of every item's line, and of the end: `items + 1` numbers.
    pub offsets: Vec<u64>,
    /// The schema that the inputs have, when the plan could read it.
    pub input_columns: Vec<Column>,
    pub input_bytes: u64,
    pub worker_version: String,
    /// Rows that the upstream seals promise, when the input is a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_rows: Option<u64>,
    /// Of the items' inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<ItemSizes>,
    /// Why items are smaller than by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packing: Option<String>,
    /// What relative paths were relative to: a project that moved finds its inputs where they are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Uri>,
    /// What it was planned from: the present seal of each step that it reads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub from: BTreeMap<String, SealedList>,
    /// The epoch that planned it; 0 if unknown.
    #[serde(default)]
    pub epoch: Epoch,
    pub planned_ms: u64,
}

/// The files of a step as a seal of it listed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedList {
    pub generation: Generation,
    pub files_digest: String,
}

/// Bytes that items read: as many as half of them read at most, nine of ten, and all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSizes {
    pub median: u64,
    pub nine_of_ten: u64,
    pub largest: u64,
}

/// `e{epoch}/pins.json`: what changed among the inputs since the plan was frozen, as PlanWork of this epoch saw it;
/// written before any message of the epoch, unless it planned: a worker that finds none uses the plan as it stands. A
/// worker takes `apply` of these pins over an item's inputs and tables *after* it took the digest of the item's line.
/// Only objects that no committed item has read are in `changed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pins {
    pub v: u32,
    pub epoch: Epoch,
    /// The objects as they are now, in the order of their names.
    pub changed: Vec<InputFile>,
    /// Sentences for the report: inputs that changed, went away, or came too late for this generation.
    pub notes: Vec<String>,
}

impl Pins {
    /// Of an epoch in which nothing changed.
    pub fn none(epoch: Epoch) -> Self {
        Self { v: RECORD_VERSION, epoch, changed: Vec::new(), notes: Vec::new() }
    }

    /// Replaces ETag and size of the files that changed.
    pub fn apply(&self, files: &mut [InputFile]) {
        for file in files {
            if let Ok(i) = self.changed.binary_search_by(|c| c.uri.cmp(&file.uri)) {
                file.etag.clone_from(&self.changed[i].etag);
                file.bytes = self.changed[i].bytes;
            }
        }
    }
}

/// `e{epoch}/verdict-{round}.json`: what Verdict decided after a round, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictRecord {
    pub v: u32,
    pub round: Round,
    pub rung: Rung,
    /// Rounds on this rung, up to this one, that brought nothing.
    pub idle: u32,
    pub because: String,
    pub decided_ms: u64,
}

/// A line of `work-{digest}.ndjson`. Its digest is the sha256 of the line without its newline, which are the bytes
/// that a message points at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkItem {
    pub item: ItemIndex,
    pub inputs: Vec<InputFile>,
    /// Partition label when the item is one partition of a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<ValueFilter>,
    /// Side tables whose files differ by item (`by = "partition"`); the others stand in the plan's `tables`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, Vec<InputFile>>,
}

/// `tables.json` beside the plan: side tables that every item reads whole, and how to read each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanTables {
    pub v: u32,
    pub read: Read,
    pub table_reads: BTreeMap<String, Read>,
    pub whole: BTreeMap<String, Vec<InputFile>>,
}

/// `types/{pipeline}/{step}.json`: the columns that the files of a step were found to have when nothing was declared of
/// them. Later runs take them as they stand; the run that wrote them may rewrite them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Types {
    pub v: u32,
    pub run: RunId,
    /// Digest of the input as it is declared; for another input the record is void.
    pub shape: String,
    pub columns: Vec<Column>,
}

/// `receipts/{item}.json`, created if absent: commits an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub v: u32,
    pub item: ItemIndex,
    pub attempt: AttemptId,
    pub item_digest: String,
    pub worker_digest: String,
    pub epoch: Epoch,
    /// Where `files` are relative to.
    pub scratch: Uri,
    pub files: Vec<OutputFile>,
    /// What each of `files` holds (`digest::Content`), in their order; empty where there are no digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<OutputFile>,
    pub rows_raw: u64,
    pub rows_read: u64,
    pub rows_rejected: u64,
    pub rows_written: u64,
    pub columns: Vec<Column>,
    pub violations: Vec<Violation>,
    pub notes: Vec<String>,
    pub usage: Usage,
    pub rung: Rung,
    pub worker: String,
    pub committed_ms: u64,
}

/// `sealed.json`: the step is complete. `sealed/files-{digest}.ndjson` holds a `SealedFile` a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    pub v: u32,
    pub step: StepName,
    pub generation: Generation,
    pub items: u32,
    /// Items left out with `accept`.
    pub missing: Vec<ItemIndex>,
    pub files_digest: String,
    pub files: u64,
    pub partitions: u64,
    pub bytes: u64,
    pub rows_raw: u64,
    pub rows_read: u64,
    pub rows_rejected: u64,
    pub rows_written: u64,
    pub columns: Vec<Column>,
    /// Expectations that did not hold but only warn.
    pub warnings: Vec<String>,
    pub peak_bytes: u64,
    pub cpu_ms: u64,
    /// Time that the committed attempts held a slot, all together.
    #[serde(default)]
    pub slot_ms: u64,
    /// The most memory above the engine's own that a byte of an item's input took, where that could be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_per_byte: Option<f64>,
    /// What was asked of the receipts all together; nothing in a seal that does not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checks>,
    /// Time in which the step was worked on: what lay between two starts is no part of it.
    #[serde(default)]
    pub took_ms: u64,
    pub sealed_ms: u64,
}

/// What a step asks of its receipts all together. No item has to be redone for it: a seal that was made with other
/// checks is remade, from the same receipts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowsRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    pub max_bad_rows: MaxBadRows,
    pub warn_only: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedFile {
    pub item: ItemIndex,
    pub partition: String,
    pub part: u32,
    pub uri: Uri,
    pub rows: u64,
    pub bytes: u64,
    /// What it holds, by its receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// `manifest.json`: what the run published, as the run records it. What lies at the destination is recorded there
/// (`destination::Contents`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub v: u32,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    /// The publication's id.
    pub publication: String,
    pub destination: Uri,
    pub files: Vec<ListedFile>,
    pub rows: u64,
    pub missing: Vec<ItemIndex>,
    /// Why it does not stand there: a later one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded: Option<String>,
    pub published_ms: u64,
}

/// A message on a round's work queue: an item's byte range in the work list, `from` included, `to` not; the newline
/// is outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkMessage {
    pub v: u32,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    pub epoch: Epoch,
    pub round: Round,
    pub rung: Rung,
    pub item: ItemIndex,
    pub work_digest: String,
    pub from: u64,
    pub to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackKind {
    Done,
    Failed,
    NeedsMemory,
    Poison,
    Lost,
    /// A child works on it.
    Alive,
    /// A machine has it and no child runs: its inputs are fetched, or its results are put away. No sign of progress.
    Held,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Callback {
    pub v: u32,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    pub epoch: Epoch,
    pub round: Round,
    pub item: ItemIndex,
    pub attempt: AttemptId,
    pub kind: CallbackKind,
    pub worker: String,
}

/// `e{epoch}/failures/{item}-{attempt}.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureRecord {
    pub v: u32,
    pub item: ItemIndex,
    pub attempt: AttemptId,
    pub epoch: Epoch,
    pub round: Round,
    pub rung: Rung,
    pub class: FailureClass,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The last lines of the child's output.
    pub log_tail: String,
    /// `exit code 101`, `signal 9`, `time-out after 600 s`, `memory 2.1 GiB over 2 GiB`.
    pub ended: String,
    pub worker: String,
    pub usage: Usage,
    pub failed_ms: u64,
}

/// `ended.json`: how the latest execution of the run that failed did so. It only informs; nothing depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    pub v: u32,
    pub root: ExecutionId,
    pub error: String,
    pub cause: String,
    pub ended_ms: u64,
}

/// `report.json`: a run as its last execution left it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    pub v: u32,
    pub run: RunId,
    pub root: ExecutionId,
    pub outcome: RunOutcome,
    pub params: BTreeMap<String, Value>,
    pub pipeline_digest: String,
    /// Why the execution that holds the run failed, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RunEnd>,
    pub steps: Vec<StepReport>,
    /// From this execution's claim to its report.
    pub took_ms: u64,
    /// Everything was complete and published before this execution began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nothing_to_do: bool,
    pub reported_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Sealed, and published if it has a destination.
    Done,
    Failed,
    /// Nothing of this generation was planned.
    NotStarted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    pub step: StepName,
    pub generation: Generation,
    pub because: String,
    pub state: StepState,
    pub items: u32,
    pub committed: u32,
    pub rows_raw: u64,
    pub rows_read: u64,
    pub rows_rejected: u64,
    pub rows_written: u64,
    pub files: u64,
    pub bytes: u64,
    /// The largest of any item.
    pub peak_bytes: u64,
    pub cpu_ms: u64,
    /// Time in which it was worked on: what lay between two starts is no part of it.
    pub took_ms: u64,
    pub missing: Vec<ItemIndex>,
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
    /// The last failure of each item that has no receipt, at most `bounds::REPORTED_FAILURES`.
    pub failures: Vec<FailureRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Uri>,
    /// What its machines cost, of every execution of this generation, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}
