//! Which fleets have outlived the execution that launched them. A fleet bears its own child execution's name; only the
//! end of that very execution ends it, so that a late event of a previous one never takes a successor's machines. An
//! execution that cannot be found counts as ended only a while after the fleet was asked for, because descriptions are
//! eventually consistent.

use crate::bounds::NOT_FOUND_SECS;
use crate::calls::{Caught, RunInput, innermost};
use crate::claim::ExecutionState;
use crate::fleet::FleetRequest;
use crate::ids::{ExecutionId, RunId, StepName};
use serde_json::Value;

/// The error of an execution that somebody ended; no function answers with it.
pub const STOPPED: &str = "Spotmill.Stopped";

/// What is to become of a fleet, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    End { because: String },
    Keep { because: String },
}

/// `asked_secs`: how long ago the fleet was asked for; none if no record of that is left, which only happens when
/// somebody emptied the bucket: the record comes before the call.
pub fn fate(execution: &ExecutionId, state: ExecutionState, asked_secs: Option<u64>) -> Fate {
    match (state, asked_secs) {
        (ExecutionState::Running, _) => Fate::Keep { because: format!("{execution} is running") },
        (ExecutionState::Ended, _) => Fate::End { because: format!("{execution} has ended") },
        (ExecutionState::NotFound, Some(secs)) if secs < NOT_FOUND_SECS => {
            Fate::Keep { because: format!("it was asked for {secs} s ago and {execution} cannot be found yet") }
        }
        (ExecutionState::NotFound, _) => Fate::End { because: format!("{execution} cannot be found") },
    }
}

/// Seconds since the fleet was asked for.
pub fn asked_secs(request: &FleetRequest, now_ms: u64) -> u64 {
    now_ms.saturating_sub(request.asked_ms()) / 1000
}

/// An execution that is reported to have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedExecution {
    pub execution: ExecutionId,
    /// The step it ran, if it is a step's execution and the event still holds its input.
    pub of: Option<(RunId, StepName)>,
    /// What it was started with, if it is a run's execution and the event still holds its input.
    pub start: Option<RunInput>,
    /// How it failed: innermost, where a step's failure is its.
    pub failure: Option<Caught>,
}

/// Reads a status-change event of Step Functions. Anything else, such as a schedule's tick, is none.
pub fn ended(event: &Value) -> Option<EndedExecution> {
    let detail = &event["detail"];
    let status = detail["status"].as_str()?;
    if !matches!(status, "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED") {
        return None;
    }
    let execution = ExecutionId::new(detail["executionArn"].as_str()?);
    let input: Value = detail["input"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let of = input["run"].as_str().zip(input["step"].as_str()).map(|(run, step)| (run.into(), step.into()));
    let start = serde_json::from_value(input).ok();
    let text = |name: &str, other: &str| detail[name].as_str().filter(|t| !t.is_empty()).unwrap_or(other).to_owned();
    let (unnamed, why) = match status {
        "ABORTED" => (STOPPED, "somebody stopped the execution"),
        "TIMED_OUT" => ("States.Timeout", "the execution passed its time-out"),
        _ => ("", ""),
    };
    let failure = (status != "SUCCEEDED").then(|| {
        let (error, cause) = innermost(text("error", unnamed), text("cause", why));
        Caught { error, cause }
    });
    Some(EndedExecution { execution, of, start, failure })
}
