//! A round of a step: what is sent to workers, what they send back, what was decided.

use crate::ids::{AttemptId, Epoch, Generation, ItemIndex, Round, RunId, Rung, StepName};
use serde::{Deserialize, Serialize};

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
