//! How an attempt at an item ended.

use crate::ids::{AttemptId, Epoch, ItemIndex, Round, Rung, Uri};
use crate::item::{FailureClass, OutputFile, RowCounts, Usage, Violation};
use crate::types::Column;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `receipts/{item}.json`, created if absent: commits an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    #[serde(flatten)]
    pub rows: RowCounts,
    pub columns: Vec<Column>,
    pub violations: Vec<Violation>,
    pub notes: Vec<String>,
    pub usage: Usage,
    pub rung: Rung,
    pub worker: String,
    pub committed_ms: u64,
}

/// `e{epoch}/failures/{item}-{attempt}.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
