//! The end of a smoke test, and of those that were killed: executions first, so that nothing new begins, then machines, then
//! everything in the bucket, last the records by which it is found. All of it bears names that only smoke tests have; so whoever
//! is killed here, or before, leaves what the next call removes. A function that launches machines works on when its execution
//! is stopped: until it must have ended, nobody counts on it that there are none.

use super::interrupt::TAG;
use super::plan::{FOLDER, PREFIX};
use super::record;
use crate::answers::of_store;
use crate::aws::World;
use crate::commands::stop;
use crate::exit::Stop;
use spotmill_core::ids::{RunId, Uri};
use spotmill_lambdas::{forget, inspect};
use spotmill_platform::aws::stacks::{Happened, RunNow, RunStatus};
use std::cell::RefCell;
use std::time::Duration;

/// Looks at what is left, some seconds apart: an event that came late may write once more.
const ROUNDS: u32 = 36;
const PAUSE: Duration = Duration::from_secs(5);
/// Rounds in a row in which something could not be done.
const FAILURES: u32 = 6;
/// LaunchFleet takes seconds, with EC2's refusals and what its client repeats less than a minute.
const LAUNCH_MS: u64 = 60_000;
/// The state whose function launches machines.
const LAUNCH: &str = "LaunchFleet";
/// Events of a history that are read, from its end.
const HISTORY: i32 = 50;

/// Removes everything that smoke tests of this stack made; returns what is left all the same. `seen`: what was there when it
/// last looked.
pub async fn clean(world: &World, seen: &RefCell<Vec<String>>) -> Result<Vec<String>, Stop> {
    let begun = record::all(&world.ctx).await?;
    let faults = begun.iter().any(|(_, of)| of.faults);
    let (mut failures, mut left) = (0, Vec::new());
    for round in 0..ROUNDS {
        if round > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let undone = once(world, faults).await;
        failures = if undone.is_empty() { 0 } else { failures + 1 };
        let mut found = find(world).await.unwrap_or_else(|stop| vec![format!("what is there: {}", stop.message)]);
        found.extend(undone);
        let before = std::mem::replace(&mut left, found);
        seen.replace(left.clone());
        // Nothing twice in a row: what runs late has had time to write.
        if left.is_empty() && before.is_empty() && round > 0 {
            forget::remove(&world.ctx, begun.into_iter().map(|(uri, _)| uri).collect()).await?;
            break;
        }
        if failures >= FAILURES {
            break;
        }
    }
    Ok(left)
}

/// Ends and removes what can be; returns what could not be done, and why. One that fails keeps no other from being tried.
async fn once(world: &World, faults: bool) -> Vec<String> {
    let mut undone = Vec::new();
    let mut tried = |what: &str, done: Result<(), Stop>| {
        undone.extend(done.err().map(|stop| format!("{what}: {}", stop.message)));
    };
    tried("executions", executions(world).await);
    tried("machines", machines(world).await);
    tried("objects", objects(world).await);
    // Machines cost money, templates nothing: these come last.
    if faults {
        tried("templates of experiments", templates(world).await);
    }
    undone
}

fn ours(name: &str) -> bool {
    name.starts_with(PREFIX)
}

async fn runs(world: &World) -> Result<Vec<RunId>, Stop> {
    let all = inspect::runs(&world.ctx).await.map_err(Stop::from)?;
    Ok(all.into_iter().filter(|run| ours(run.pipeline())).collect())
}

/// Those of runs, by name; then those of steps, which leases name, and those that no lease names yet.
async fn executions(world: &World) -> Result<(), Stop> {
    let why = "spotmill smoke --clean";
    for run in world.runs.running(&world.pipeline_machine).await?.into_iter().filter(|run| ours(&run.name)) {
        stop::stop(world, &run.execution, why).await?;
    }
    for run in runs(world).await? {
        let Some(lease) = world.lease(&run).await? else { continue };
        for execution in lease.owner.iter().chain(&lease.execution) {
            stop::stop(world, execution, why).await?;
        }
    }
    for step in world.runs.running(&world.step_machine).await? {
        let input = world.runs.input(&step.execution).await?.unwrap_or_default();
        if ours(&run_of(&input)) {
            stop::stop(world, &step.execution, why).await?;
        }
    }
    Ok(())
}

/// The run that a step's execution is of, by its input.
fn run_of(input: &str) -> String {
    let input: serde_json::Value = serde_json::from_str(input).unwrap_or_default();
    input["run"].as_str().unwrap_or_default().to_owned()
}

async fn templates(world: &World) -> Result<(), Stop> {
    let faults = world.aws.faults();
    for template in faults.templates((TAG, &world.stack)).await? {
        faults.remove(&template).await?;
    }
    Ok(())
}

/// Their fleets, queues and versions of launch templates, by the function that ends those of any run; then those of which
/// nothing is on record any more.
async fn machines(world: &World) -> Result<(), Stop> {
    for run in runs(world).await? {
        if let Some(lease) = world.lease(&run).await? {
            stop::end_machines(world, Some((&run, &lease))).await?;
        }
    }
    if !fleets(world).await?.is_empty() {
        stop::end_machines(world, None).await?;
    }
    Ok(())
}

async fn objects(world: &World) -> Result<(), Stop> {
    // A fleet is ended by records that must be there as long as it is, or may come.
    if !fleets(world).await?.is_empty() || !launching(world).await?.is_empty() {
        return Ok(());
    }
    forget::pipelines(&world.ctx, PREFIX).await?;
    forget::remove(&world.ctx, data(world).await?).await?;
    Ok(())
}

/// Executions of steps that were stopped while machines were launched for them, a moment ago.
async fn launching(world: &World) -> Result<Vec<String>, Stop> {
    let mut all = Vec::new();
    for run in runs(world).await? {
        let Some(execution) = world.lease(&run).await?.and_then(|lease| lease.execution) else { continue };
        let Some(now) = world.runs.describe(&execution).await? else { continue };
        if was_stopped(&now, world.ctx.clock.now_ms()) && is_launching(&world.runs.history(&execution, HISTORY).await?)
        {
            all.push(format!("machines that may still come: {run} was stopped while it launched them"));
        }
    }
    Ok(all)
}

/// Stopped from outside, so lately that a function of it may be at work.
fn was_stopped(now: &RunNow, now_ms: u64) -> bool {
    let stopped = matches!(now.status, RunStatus::Aborted | RunStatus::TimedOut);
    stopped && now.stopped_ms.is_none_or(|at| now_ms.saturating_sub(at) < LAUNCH_MS)
}

/// Whether the last state that was entered is the one that launches; failures of its tries come after it.
fn is_launching(history: &[Happened]) -> bool {
    let entered = history.iter().rev().find(|happened| !happened.what.contains(": "));
    entered.is_some_and(|last| last.what == LAUNCH)
}

async fn data(world: &World) -> Result<Vec<Uri>, Stop> {
    let mut all = Vec::new();
    for place in ["input", "output"] {
        let found = world.ctx.store.list(&world.root().join(&format!("{place}/{FOLDER}/"))).await.map_err(of_store)?;
        all.extend(found.into_iter().map(|object| object.uri));
    }
    Ok(all)
}

async fn fleets(world: &World) -> Result<Vec<String>, Stop> {
    let living = world.ctx.fleets.living().await.map_err(|e| Stop::failed(e.to_string()))?;
    Ok(living.into_iter().filter(|fleet| ours(fleet.run.pipeline())).map(|fleet| fleet.name).collect())
}

/// What there is, in words.
pub async fn find(world: &World) -> Result<Vec<String>, Stop> {
    let mut left = Vec::new();
    let running = world.runs.running(&world.pipeline_machine).await?;
    left.extend(running.iter().filter(|run| ours(&run.name)).map(|run| format!("execution {}", run.name)));
    left.extend(fleets(world).await?.into_iter().map(|name| format!("fleet {name}")));
    let machines = world.aws.machines().of_stack(&world.stack).await?;
    left.extend(machines.into_iter().filter(|m| ours(&m.run)).map(|machine| format!("machine {}", machine.id)));
    left.extend(launching(world).await?);
    let objects = forget::left(&world.ctx, PREFIX).await?.len() + data(world).await?.len();
    left.extend((objects > 0).then(|| format!("{objects} objects in the bucket")));
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(status: RunStatus, stopped_ms: Option<u64>) -> RunNow {
        RunNow { status, error: None, cause: None, started_ms: 0, stopped_ms, redrives: 0, redriven_ms: None }
    }

    #[test]
    fn machines_may_come_for_a_minute_after_an_execution_was_stopped() {
        let at = Some(10_000);
        assert!(
            was_stopped(&now(RunStatus::Aborted, at), 69_999) && !was_stopped(&now(RunStatus::Aborted, at), 70_000)
        );
        assert!(was_stopped(&now(RunStatus::TimedOut, at), 11_000));
        // By itself it ends after KillFleet.
        assert!(
            !was_stopped(&now(RunStatus::Failed, at), 11_000) && !was_stopped(&now(RunStatus::Succeeded, at), 11_000)
        );
    }

    #[test]
    fn only_a_step_that_was_launching_is_waited_for() {
        let of = |all: &[&str]| {
            let happened = |what: &&str| Happened { at_ms: 0, what: (*what).to_owned() };
            is_launching(&all.iter().map(happened).collect::<Vec<_>>())
        };
        assert!(of(&["PlanWork", "HasWork", "LaunchFleet"]));
        assert!(of(&["PlanWork", "LaunchFleet", "Spotmill.Transient: EC2 refuses"]), "it is tried again");
        assert!(!of(&["PlanWork", "LaunchFleet", "DispatchWork"]) && !of(&["PlanWork"]) && !of(&[]));
    }

    #[test]
    fn a_steps_execution_says_whose_it_is() {
        assert_eq!(run_of(r#"{"run":"spotmill_smoke_x86_64/1","step":"measure"}"#), "spotmill_smoke_x86_64/1");
        assert!(run_of("{}").is_empty() && run_of("no JSON").is_empty());
    }
}
