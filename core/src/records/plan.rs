//! The frozen work of a step, and what changed among its inputs since.

use crate::ids::{Epoch, Generation, ItemIndex, RunId, StepName, Uri};
use crate::item::{InputFile, ValueFilter};
use crate::model::Read;
use crate::types::Column;
use crate::version::RECORD_VERSION;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// A line of `work-{digest}.ndjson`. Its digest is the sha256 of the line without its newline, which are the bytes
/// that a message points at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
