//! The records under `runs/`, each with a version. They are the truth of a run: receipts commit attempts, a seal
//! completes a step, a manifest says what was published. Messages and callbacks are hints and live here too.

use crate::ids::{AttemptId, Epoch, ExecutionId, Generation, ItemIndex, Round, RunId, Rung, StepName, Uri};
use crate::item::{FailureClass, InputFile, OutputFile, Usage, ValueFilter, Violation};
use crate::model::Read;
use crate::types::{Column, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const RECORD_VERSION: u32 = 1;

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
    /// Every param, resolved, frozen for the run.
    pub params: BTreeMap<String, Value>,
    pub generations: BTreeMap<String, StepGeneration>,
    /// Items that may be missing, by step (`accept`), for the current execution.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accept: BTreeMap<String, Vec<ItemIndex>>,
    /// The root execution for which `fresh` or `from_step` has already taken effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_by: Option<ExecutionId>,
    pub started_ms: u64,
    /// Set with the owner cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RunOutcome>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepGeneration {
    pub generation: Generation,
    pub signature: String,
    /// Why this generation began, for people.
    pub because: String,
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
    /// The schema that the inputs have, when the plan could know it.
    pub input_columns: Vec<Column>,
    pub input_bytes: u64,
    pub worker_version: String,
    /// Rows that the upstream seals promise, when the input is a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_rows: Option<u64>,
    pub planned_ms: u64,
}

/// A line of `work-{digest}.ndjson`.
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
    pub sealed_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedFile {
    pub item: ItemIndex,
    pub partition: String,
    pub part: u32,
    pub uri: Uri,
    pub rows: u64,
    pub bytes: u64,
}

/// `intent-{n}.json`: keys about to be published, written before any of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub v: u32,
    pub destination: Uri,
    pub generation: Generation,
    /// Published location by sealed file, in the seal's order.
    pub keys: Vec<Uri>,
}

/// `manifest.json`: what the run published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub v: u32,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    pub destination: Uri,
    pub files: Vec<PublishedFile>,
    pub rows: u64,
    pub missing: Vec<ItemIndex>,
    pub published_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishedFile {
    pub uri: Uri,
    pub partition: String,
    pub rows: u64,
    pub bytes: u64,
}

/// A message on a round's work queue: an item's byte range in the work list.
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
    Alive,
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
