//! The functions by name: which state, queue or event calls each, and which handler it has. One table, so that the state
//! machines, the stack and the programs agree.

use crate::{Ctx, HandlerError, dead_letters, reap, tally};
use crate::{
    after_publish, await_input, begin, dispatch_work, fleet_events, kill_fleet, launch_fleet, plan_work, publish,
    report, verdict,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledBy {
    /// The ASL state `title`, as `${titleFunction}`.
    State,
    /// A queue's event-source mapping; the function has a minute.
    Queue,
    /// Events and a schedule.
    Events,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name in the state machines and the stack.
    pub title: &'static str,
    /// The name in this crate.
    pub name: &'static str,
    /// Its handler, and the end of its name in the account.
    pub handler: &'static str,
    pub called_by: CalledBy,
}

const fn of(title: &'static str, name: &'static str, handler: &'static str, called_by: CalledBy) -> Function {
    Function { title, name, handler, called_by }
}

pub const FUNCTIONS: &[Function] = &[
    of("Begin", "begin", "begin", CalledBy::State),
    of("AwaitInput", "await_input", "await-input", CalledBy::State),
    of("PlanWork", "plan_work", "plan-work", CalledBy::State),
    of("LaunchFleet", "launch_fleet", "launch-fleet", CalledBy::State),
    of("DispatchWork", "dispatch_work", "dispatch-work", CalledBy::State),
    of("KillFleet", "kill_fleet", "kill-fleet", CalledBy::State),
    of("Verdict", "verdict", "verdict", CalledBy::State),
    of("Publish", "publish", "publish", CalledBy::State),
    of("AfterPublish", "after_publish", "after-publish", CalledBy::State),
    of("Report", "report", "report", CalledBy::State),
    of("Tally", "tally", "tally", CalledBy::Queue),
    of("DeadLetters", "dead_letters", "dead-letters", CalledBy::Queue),
    of("Reap", "reap", "reap", CalledBy::Events),
    of("FleetEvents", "fleet_events", "fleet-events", CalledBy::Events),
];

/// Calls a function that takes JSON and returns JSON. Those that a queue feeds take bodies, not JSON (`take`).
pub async fn invoke(ctx: &Ctx, function: &str, payload: Value) -> Result<Value, HandlerError> {
    match function {
        "begin" => typed(payload, |r| begin::handle(ctx, r)).await,
        "await_input" => typed(payload, |r| await_input::handle(ctx, r)).await,
        "plan_work" => typed(payload, |r| plan_work::handle(ctx, r)).await,
        "launch_fleet" => typed(payload, |r| launch_fleet::handle(ctx, r)).await,
        "dispatch_work" => typed(payload, |r| dispatch_work::handle(ctx, r)).await,
        "kill_fleet" => typed(payload, |r| kill_fleet::handle(ctx, r)).await,
        "verdict" => typed(payload, |r| verdict::handle(ctx, r)).await,
        "publish" => typed(payload, |r| publish::handle(ctx, r)).await,
        "after_publish" => typed(payload, |r| after_publish::handle(ctx, r)).await,
        "report" => typed(payload, |r| report::handle(ctx, r)).await,
        "reap" => typed(payload, |r| reap::handle(ctx, r)).await,
        "fleet_events" => typed(payload, |r| fleet_events::handle(ctx, r)).await,
        other => Err(HandlerError::invalid(format!("there is no function `{other}`"))),
    }
}

/// Calls a function that a queue feeds; returns the indexes of the bodies to deliver again.
pub async fn take(ctx: &Ctx, function: &str, bodies: &[String]) -> Result<Vec<usize>, HandlerError> {
    match function {
        "tally" => Ok(tally::handle(ctx, bodies).await),
        "dead_letters" => Ok(dead_letters::handle(ctx, bodies).await),
        other => Err(HandlerError::invalid(format!("no queue feeds a function `{other}`"))),
    }
}

async fn typed<Q, R, F>(payload: Value, call: impl FnOnce(Q) -> F) -> Result<Value, HandlerError>
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
