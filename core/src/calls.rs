//! What the state machines send to the functions and get back: one request and one reply a state. Ids and counts,
//! never lists that grow with the data. The names are those of `statemachine/*.asl.json`.

use crate::destination::Existing;
use crate::digest::short;
use crate::ids::{Epoch, ExecutionId, Generation, Round, RunId, Rung, StepName};
use crate::records::{AfterCheck, DeployedWorker};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What starts a run; a person can type it into the console's input box.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInput {
    pub pipeline: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_step: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_steps: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// Items by step that may be missing from what is published: `{"normalize": [7]}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accept: BTreeMap<String, Vec<u32>>,
    /// This start may launch machines although the run has spent its budget.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_budget: bool,
    /// What to do with files at a destination that are not the step's: `refuse` (the default), `adopt` or `leave`.
    #[serde(default, skip_serializing_if = "Existing::is_default")]
    pub existing: Existing,
    /// Reread inputs that changed since they were read: their items are redone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
    /// What a range of runs began with; what is deployed now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Definition>,
    /// Whose target overrides apply; `aws` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A deployed pipeline and worker as they were at some moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Names the frozen pipeline.
    pub pipeline_digest: String,
    pub worker: DeployedWorker,
}

impl Definition {
    /// Names it by its content.
    pub fn digest(&self) -> String {
        let worker = serde_json::to_string(&self.worker).unwrap_or_default();
        short(format!("{}\n{worker}", self.pipeline_digest).as_bytes(), 16)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeginRequest {
    pub input: RunInput,
    pub root: ExecutionId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeginReply {
    pub run: RunId,
    /// The steps to run, in order (all, or `only_steps`).
    pub steps: Vec<StepName>,
    pub count: u32,
    /// The pipeline states what must lie at the input of one of them.
    #[serde(default)]
    pub awaits: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitInputRequest {
    pub run: RunId,
    pub root: ExecutionId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitInputReply {
    pub next: AfterCheck,
    /// Until the next check; 0 where none follows.
    pub pause_secs: u64,
    /// How the input stands, for people; empty where nothing had to be checked.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanWorkRequest {
    pub run: RunId,
    pub step: StepName,
    pub root: ExecutionId,
    pub execution: ExecutionId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanWorkReply {
    pub epoch: Epoch,
    pub generation: Generation,
    /// Items without a receipt.
    pub todo: u32,
    pub round: Round,
    pub rung: Rung,
}

/// LaunchFleet and KillFleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundRequest {
    pub run: RunId,
    pub step: StepName,
    pub root: ExecutionId,
    pub generation: Generation,
    pub epoch: Epoch,
    pub round: Round,
    pub rung: Rung,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DispatchRequest {
    #[serde(flatten)]
    pub round: RoundRequest,
    pub token: String,
}

/// An error as a state machine catches it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caught {
    pub error: String,
    #[serde(default)]
    pub cause: String,
}

/// A failed child execution is reported with its own error and cause inside the cause, and a function with its own
/// message.
pub fn innermost(error: String, cause: String) -> (String, String) {
    let Ok(inside) = serde_json::from_str::<serde_json::Value>(&cause) else { return (error, cause) };
    let pair =
        |error: &str, cause: &str| Some((inside[error].as_str()?.to_owned(), inside[cause].as_str()?.to_owned()));
    match pair("Error", "Cause").or_else(|| pair("errorType", "errorMessage")) {
        Some((error, cause)) => innermost(error, cause),
        None => (error, cause),
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictRequest {
    #[serde(flatten)]
    pub round: RoundRequest,
    #[serde(default)]
    pub failure: Option<Caught>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    Round,
    Publish,
    Done,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictReply {
    pub next: Next,
    pub round: Round,
    pub rung: Rung,
    /// Constant names (`errors`), with a cause a person on call can read; empty unless `failed`.
    pub error: String,
    pub cause: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishRequest {
    pub run: RunId,
    pub step: StepName,
    pub root: ExecutionId,
    pub generation: Generation,
    pub epoch: Epoch,
    /// Where the call before stopped; null at first.
    #[serde(default)]
    pub cursor: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishReply {
    pub more: bool,
    pub cursor: u64,
    /// Others are to hear of it: AfterPublish follows.
    #[serde(default)]
    pub after: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AfterPublishRequest {
    pub run: RunId,
    pub step: StepName,
    pub root: ExecutionId,
    pub generation: Generation,
    pub epoch: Epoch,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterPublishReply {
    /// For people: what was told, and what was not because this place has no such thing.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportRequest {
    pub run: RunId,
    pub root: ExecutionId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportReply {
    pub run: RunId,
    pub outcome: crate::records::RunOutcome,
    /// Where `report.json` is.
    pub report: crate::ids::Uri,
    /// Why the run has no page, or an old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Error names that Retry and Catch match; anything not listed is a bug.
pub mod errors {
    pub const FENCED: &str = "Spotmill.Fenced";
    pub const HELD: &str = "Spotmill.HeldByAnother";
    pub const INVALID_INPUT: &str = "Spotmill.InvalidInput";
    pub const UPSTREAM_INCOMPLETE: &str = "Spotmill.UpstreamIncomplete";
    pub const NO_INPUT: &str = "Spotmill.NoInput";
    /// What `wait_for` states was not there in time: nothing failed, and nothing was begun.
    pub const INPUT_LATE: &str = "Spotmill.InputLate";
    /// It is not there yet, and this start was not to wait.
    pub const INPUT_NOT_THERE: &str = "Spotmill.InputNotThere";
    pub const ITEMS_FAILED: &str = "Spotmill.ItemsFailed";
    pub const EXPECTATION_FAILED: &str = "Spotmill.ExpectationFailed";
    /// What lies at the destination is not the step's to replace.
    pub const DESTINATION_REFUSED: &str = "Spotmill.DestinationRefused";
    /// It is published, and a catalog or a command did not take it: nothing of the data is undone.
    pub const NOT_ANNOUNCED: &str = "Spotmill.NotAnnounced";
    pub const NO_PROGRESS: &str = "Spotmill.NoProgress";
    /// No machine for the step: later, or on demand.
    pub const NO_CAPACITY: &str = "Spotmill.NoCapacity";
    /// Machines that start and take no work.
    pub const WORKERS_SILENT: &str = "Spotmill.WorkersSilent";
    pub const OVER_BUDGET: &str = "Spotmill.OverBudget";
    pub const TRANSIENT: &str = "Spotmill.Transient";
    pub const CORRUPT_RECORD: &str = "Spotmill.CorruptRecord";
    /// Other fleets hold all the vCPUs that the stack may have.
    pub const AT_CAPACITY: &str = "Spotmill.AtCapacity";
    /// The account, a quota or a permission refuses it: waiting does not help.
    pub const REFUSED: &str = "Spotmill.Refused";
    /// The function itself was deployed wrongly.
    pub const MISCONFIGURED: &str = "Spotmill.Misconfigured";
    /// A bug of ours.
    pub const PANICKED: &str = "Spotmill.Panicked";

    /// What a state machine does when a function answers with an error.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Reaction {
        /// It passes by itself: the state retries.
        Retry,
        /// It passes when others are done, which takes minutes or hours: the state that can meet it waits as long.
        Wait,
        /// The same call would end the same way: a person has to change something.
        Final,
        /// The same, but KillFleet retries all the same: machines cost money until it succeeds, and a permission
        /// may be mended meanwhile.
        FinalUnlessItCosts,
    }

    /// Every error a function can answer with.
    pub const ALL: &[(&str, Reaction)] = &[
        (FENCED, Reaction::Final),
        (HELD, Reaction::Final),
        (INVALID_INPUT, Reaction::Final),
        (UPSTREAM_INCOMPLETE, Reaction::Final),
        (NO_INPUT, Reaction::Final),
        (INPUT_LATE, Reaction::Final),
        (INPUT_NOT_THERE, Reaction::Final),
        (ITEMS_FAILED, Reaction::Final),
        (EXPECTATION_FAILED, Reaction::Final),
        (DESTINATION_REFUSED, Reaction::Final),
        (NOT_ANNOUNCED, Reaction::Final),
        (NO_PROGRESS, Reaction::Final),
        (NO_CAPACITY, Reaction::Final),
        (WORKERS_SILENT, Reaction::Final),
        (OVER_BUDGET, Reaction::Final),
        (TRANSIENT, Reaction::Retry),
        (AT_CAPACITY, Reaction::Wait),
        (CORRUPT_RECORD, Reaction::Final),
        (REFUSED, Reaction::FinalUnlessItCosts),
        (MISCONFIGURED, Reaction::Final),
        (PANICKED, Reaction::FinalUnlessItCosts),
    ];

    /// Whether another round would end the same way. A bug of ours may not be met again, and what nobody listed neither.
    pub fn end_a_step(error: &str) -> bool {
        let listed = ALL.iter().find(|(name, _)| *name == error);
        error != PANICKED && listed.is_some_and(|(_, reaction)| *reaction != Reaction::Retry)
    }
}
