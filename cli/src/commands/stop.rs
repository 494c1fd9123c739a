//! `stop`: ends a run's executions and, at once, its machines; what is committed stays. The machines end by the same
//! function that ends them when nobody is at a terminal (`reap`), so that stopping twice, or halfway, is the same.

use crate::args::Global;
use crate::aws::World;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::ui::Ui;
use crate::ui::format::plural;
use spotmill_core::ids::{ExecutionId, RunId};
pub use spotmill_core::reap::STOPPED;
use spotmill_core::records::Lease;
use spotmill_lambdas::reap::{self, ReapReply};
use spotmill_lambdas::report;
use spotmill_platform::aws::stacks::RunStatus;
use std::sync::Arc;
use std::time::Duration;

/// Checks of an execution that was asked to stop, a second apart.
const CHECKS: u32 = 30;

pub async fn run(global: &Global, run: &str) -> Result<Code, Stop> {
    let world = Arc::new(World::open(global).await?);
    let run = Inspector::on(Arc::clone(&world)).run(global, Some(run)).await?;
    let Some(lease) = world.lease(&run).await? else {
        return Err(Stop::usage(format!("{run} is gone")));
    };
    let ui = Ui::new(global.json, global.quiet);
    let mut stopped = 0;
    for execution in lease.owner.iter().chain(&lease.execution) {
        stopped += u32::from(stop(&world, execution, "spotmill stop").await?);
    }
    if stopped > 0 {
        ui.note(format!("stopped {}", plural(u64::from(stopped), "execution")));
    }
    let reaped = end_machines(&world, Some((&run, &lease))).await?;
    print_outcome(global, &world, &run, stopped, &reaped).await;
    Ok(Code::Done)
}

/// Stops an execution and waits until it has ended; returns false if it had ended already.
pub async fn stop(world: &World, execution: &ExecutionId, why: &str) -> Result<bool, Stop> {
    let running = async || {
        let now = world.runs.describe(execution).await?;
        Ok::<bool, Stop>(now.is_some_and(|now| now.status == RunStatus::Running))
    };
    if !running().await? {
        return Ok(false);
    }
    world.runs.stop(execution, STOPPED, why).await?;
    for _ in 0..CHECKS {
        if !running().await? {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err(Stop::failed(format!("{execution} was asked to stop and runs on")).remedy("run the same command again"))
}

/// Ends the fleets and queues of executions that have ended, as the reaper does.
pub async fn end_machines(world: &World, of: Option<(&RunId, &Lease)>) -> Result<ReapReply, Stop> {
    let Some((run, lease)) = of else {
        return reap::handle(&world.ctx, serde_json::Value::Null).await.map_err(Stop::from);
    };
    let Some(child) = &lease.execution else {
        return reap::handle(&world.ctx, serde_json::Value::Null).await.map_err(Stop::from);
    };
    let mut all = ReapReply::default();
    // Covers every step that began: only the child's own input states which of them it ran.
    for step in lease.generations.keys() {
        let input = serde_json::json!({"run": run, "step": step}).to_string();
        let detail = serde_json::json!({"status": "ABORTED", "executionArn": child, "input": input});
        let reply = reap::handle(&world.ctx, serde_json::json!({"detail": detail})).await?;
        all.living = reply.living;
        all.ended += reply.ended;
        all.names.extend(reply.names);
    }
    Ok(all)
}

async fn print_outcome(global: &Global, world: &World, run: &RunId, stopped: u32, reaped: &ReapReply) {
    let report = report::summarize(&world.ctx, run).await.ok();
    let steps = report.iter().flat_map(|r| &r.steps);
    let (committed, items) = steps.fold((0, 0), |(c, i), s| (c + u64::from(s.committed), i + u64::from(s.items)));
    if global.json {
        let (run, fleets) = (run.clone(), reaped.ended);
        return Event::Stopped { run, executions: stopped, fleets, committed, items }.print();
    }
    match (stopped, reaped.ended) {
        (0, 0) => say!("‖ {run} was not running, and has no machines"),
        _ => say!("‖ {run} is stopped; {} ended", plural(reaped.ended as u64, "fleet")),
    }
    say!("  Kept   {committed} of {} planned", plural(items, "item"));
    if let Some(report) = &report {
        say!("  Again  {}", super::show::resume_command(&world.ctx, report));
    }
    let living = reaped.living;
    if living > 0 {
        let status = global.command("status");
        say!("  {} of other runs, or whose end is not certain yet, live on: {status}", plural(living as u64, "fleet"));
    }
}
