//! What a run came to.

use super::lease::RunOutcome;
use super::receipt::FailureRecord;
use super::waiting::InputWait;
use crate::calls::errors;
use crate::fleet::life::Cost;
use crate::ids::{ExecutionId, Generation, ItemIndex, RunId, StepName, Uri};
use crate::item::RowCounts;
use crate::reap::STOPPED;
use crate::types::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `ended.json`: how the latest execution of the run that failed did so. It only informs; nothing depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEnd {
    pub v: u32,
    pub root: ExecutionId,
    pub error: String,
    pub cause: String,
    pub ended_ms: u64,
}

/// `report.json`: a run as its last execution left it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// How its input stood when this execution last checked it, if it had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputWait>,
    pub steps: Vec<StepReport>,
    /// From this execution's claim to its report.
    pub took_ms: u64,
    /// Everything was complete and published before this execution began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nothing_to_do: bool,
    pub reported_ms: u64,
}

impl RunReport {
    /// How it stands, in a word, while nobody runs it: one that fails or is stopped records it, one without a record was
    /// killed.
    pub fn state(&self) -> &'static str {
        match (self.outcome, &self.end) {
            (RunOutcome::Failed, Some(end)) if end.error == STOPPED => "stopped",
            (RunOutcome::Failed, Some(end)) if end.error == errors::INPUT_LATE => "late",
            (RunOutcome::Failed, Some(end)) if end.error == errors::INPUT_NOT_THERE => "waiting",
            (RunOutcome::Failed, None) if !self.root.as_str().is_empty() => "interrupted",
            (outcome, _) => outcome.name(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Sealed, and published if it has a destination.
    Done,
    Failed,
    /// Nothing of this generation was planned.
    NotStarted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepReport {
    pub step: StepName,
    pub generation: Generation,
    pub because: String,
    pub state: StepState,
    pub items: u32,
    pub committed: u32,
    #[serde(flatten)]
    pub rows: RowCounts,
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
