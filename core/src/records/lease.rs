//! Who holds a run, and what its start froze.

use super::deployed::DeployedWorker;
use crate::destination::Existing;
use crate::ids::{Epoch, ExecutionId, Generation, ItemIndex, StepName};
use crate::reason::Reason;
use crate::types::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// When the start was made that began the latest of the generations; absent: they are those of the first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed_ms: Option<u64>,
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
    /// The same by codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The generation of which items that read the very same files need not be redone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carries_over: Option<Generation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    Succeeded,
    Warned,
    Failed,
    /// Its input was not there in time, and `on_late` says that nothing is run then.
    Skipped,
}

impl RunOutcome {
    /// Is every step complete, and what is published the run's?
    pub fn is_complete(self) -> bool {
        matches!(self, RunOutcome::Succeeded | RunOutcome::Warned)
    }

    /// `succeeded`, `warned`, `failed`, `skipped`.
    pub fn name(self) -> &'static str {
        match self {
            RunOutcome::Succeeded => "succeeded",
            RunOutcome::Warned => "warned",
            RunOutcome::Failed => "failed",
            RunOutcome::Skipped => "skipped",
        }
    }
}
