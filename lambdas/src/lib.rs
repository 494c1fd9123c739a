//! The functions that the state machines call: each loads records, asks `spotmill_core` for a decision, and applies
//! it. They hold nothing between calls, run anywhere the ports do, and may be killed at any line: the next call finds
//! records, not promises.

mod access;
pub mod begin;
pub mod dead_letters;
pub mod deploy;
pub mod dispatch_work;
mod earlier;
pub mod error;
mod holder;
mod inputs;
pub mod kill_fleet;
pub mod launch_fleet;
pub mod look;
mod pins;
pub mod plan_work;
pub mod preview;
mod program;
pub mod publish;
pub mod reap;
pub mod report;
mod round;
pub mod tally;
pub mod verdict;

pub use error::HandlerError;
pub use program::Program;

use serde::Serialize;
use serde::de::DeserializeOwned;
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Clock, Executions, Fleets, Queue, Store};
use std::future::Future;
use std::sync::Arc;

/// The ASL states that call a function, and the function's name. The tally is fed by its queue, not by a state.
pub const HANDLERS: &[(&str, &str)] = &[
    ("Begin", "begin"),
    ("PlanWork", "plan_work"),
    ("LaunchFleet", "launch_fleet"),
    ("DispatchWork", "dispatch_work"),
    ("KillFleet", "kill_fleet"),
    ("Verdict", "verdict"),
    ("Publish", "publish"),
    ("Report", "report"),
];

/// Everything a function may touch.
#[derive(Clone)]
pub struct Ctx {
    /// The state root: a bucket, or `.spotmill` on one machine.
    pub root: Uri,
    pub store: Arc<dyn Store>,
    pub queues: Arc<dyn Queue>,
    pub fleets: Arc<dyn Fleets>,
    pub executions: Arc<dyn Executions>,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// The queue that workers call back on.
    pub callbacks: String,
    /// Whose overrides of params apply when the input does not say: `aws`, `local`.
    pub target: String,
    /// What relative paths of a pipeline are relative to; none where all are `s3://`.
    pub base: Option<Uri>,
    /// The command that resumes a run, before its key: `spotmill run`, `spotmill start`.
    pub rerun_command: String,
    /// Seconds after which files under `scratch/` may be gone; none: they stay.
    pub scratch_secs: Option<u64>,
    /// Files a call of publish copies or deletes.
    pub publish_page: usize,
    /// Messages between two writes of dispatch's cursor.
    pub dispatch_page: u32,
    /// Requests to a store or queue under way at once.
    pub parallel: usize,
}

impl Settings {
    /// Ordinary settings; what has no ordinary value is an argument.
    pub fn new(callbacks: impl Into<String>) -> Self {
        Self {
            callbacks: callbacks.into(),
            target: "aws".to_owned(),
            base: None,
            rerun_command: "spotmill start".to_owned(),
            scratch_secs: None,
            publish_page: spotmill_core::bounds::PUBLISH_PAGE,
            dispatch_page: spotmill_core::bounds::DISPATCH_PAGE,
            parallel: 64,
        }
    }
}

/// Nothing to say: what was to be done is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Nothing {}

/// Calls a function by its name in `HANDLERS`, as JSON to JSON.
pub async fn invoke(ctx: &Ctx, handler: &str, payload: serde_json::Value) -> Result<serde_json::Value, HandlerError> {
    match handler {
        "begin" => typed(payload, |r| begin::handle(ctx, r)).await,
        "plan_work" => typed(payload, |r| plan_work::handle(ctx, r)).await,
        "launch_fleet" => typed(payload, |r| launch_fleet::handle(ctx, r)).await,
        "dispatch_work" => typed(payload, |r| dispatch_work::handle(ctx, r)).await,
        "kill_fleet" => typed(payload, |r| kill_fleet::handle(ctx, r)).await,
        "verdict" => typed(payload, |r| verdict::handle(ctx, r)).await,
        "publish" => typed(payload, |r| publish::handle(ctx, r)).await,
        "report" => typed(payload, |r| report::handle(ctx, r)).await,
        other => Err(HandlerError::invalid(format!("there is no function `{other}`"))),
    }
}

async fn typed<Q, R, F>(
    payload: serde_json::Value,
    call: impl FnOnce(Q) -> F,
) -> Result<serde_json::Value, HandlerError>
where
    Q: DeserializeOwned,
    R: Serialize,
    F: Future<Output = Result<R, HandlerError>>,
{
    let request = serde_json::from_value(payload)
        .map_err(|e| HandlerError::invalid(format!("the input is not what this function takes: {e}")))?;
    let reply = call(request).await?;
    serde_json::to_value(reply).map_err(|e| HandlerError::corrupt(format!("the reply cannot be written: {e}")))
}
