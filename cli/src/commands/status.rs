//! `status`: shows a live run by its records, its executions and its machines. It only reads; leaving it changes
//! nothing.

use super::run::signalled;
use super::runs;
use crate::args::Global;
use crate::aws::{World, names};
use crate::event::{Event, MachineNow};
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::result::{indent, table};
use crate::stood::Stood;
use crate::ui::format::{count, duration, plural};
use spotmill_core::ids::RunId;
use spotmill_core::records::{Lease, RunReport, StepReport, StepState};
use spotmill_lambdas::report;
use spotmill_platform::aws::stacks::{Happened, Machine};
use spotmill_platform::ports::LivingFleet;
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events of the step's execution that are read for the last of its states.
const EVENTS: i32 = 40;
const SHOWN: usize = 5;
const SHORTEST: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(60);

/// One observation of the run.
struct Seen {
    run: RunId,
    stood: Stood,
    report: RunReport,
    machines: Vec<Machine>,
    fleets: Vec<LivingFleet>,
    events: Vec<Happened>,
    started_ms: u64,
}

pub async fn run(global: &Global, run: Option<&str>, watch: bool) -> Result<Code, Stop> {
    let world = Arc::new(World::open(global).await.map_err(|stop| or_local(global, stop))?);
    let inspector = Inspector::on(Arc::clone(&world));
    let run = inspector.run(global, run).await?;
    loop {
        let began = Instant::now();
        let seen = observe(&world, &inspector, &run).await?;
        show(global, &world, &seen, watch);
        if !watch || seen.stood.state != "running" {
            return Ok(Code::Done);
        }
        let pause = (began.elapsed() * 9).clamp(SHORTEST, LONGEST);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = signalled() => {
                warn_of!("{run} goes on");
                return Ok(Code::Done);
            }
        }
    }
}

/// Adds the command for a user who works only on this machine.
fn or_local(global: &Global, mut stop: Stop) -> Stop {
    let local = Global { target: None, ..global.clone() }.command("show");
    let remedy = stop.remedy.take().map_or_else(String::new, |remedy| format!("{remedy}; "));
    stop.remedy(format!("{remedy}runs of this machine: {local}"))
}

async fn observe(world: &World, inspector: &Inspector, run: &RunId) -> Result<Seen, Stop> {
    let Some(lease) = world.lease(run).await? else {
        return Err(
            Stop::usage(format!("there is no run {run}")).remedy("one that was just started takes some seconds")
        );
    };
    let report = report::summarize(&world.ctx, run).await?;
    let stood = inspector.state(&report).await?;
    let fleets = world.ctx.fleets.living().await.map_err(|e| Stop::failed(e.to_string()))?;
    let machines = world.aws.machines().of_run(&world.stack, run).await?;
    Ok(Seen {
        events: events(world, &lease).await?,
        fleets: fleets.into_iter().filter(|f| f.run == *run).collect(),
        run: run.clone(),
        started_ms: lease.claimed_ms,
        stood,
        report,
        machines,
    })
}

/// The last of the step's execution; none before one claimed the run.
async fn events(world: &World, lease: &Lease) -> Result<Vec<Happened>, Stop> {
    let Some(child) = lease.execution.as_ref().filter(|child| child.as_str().starts_with("arn:")) else {
        return Ok(Vec::new());
    };
    if world.runs.describe(child).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut all = world.runs.history(child, EVENTS).await?;
    Ok(all.split_off(all.len().saturating_sub(SHOWN)))
}

fn show(global: &Global, world: &World, seen: &Seen, watch: bool) {
    if global.json {
        return event(seen).print();
    }
    if watch && std::io::stdout().is_terminal() {
        say_part!("\x1b[2J\x1b[H");
    }
    let took = world.ctx.clock.now_ms().saturating_sub(seen.started_ms);
    let (mark, state) = (runs::mark(seen.stood.state), seen.stood.state);
    say!("{mark} {} {state} · {}", seen.run, duration(took));
    let mut shown = table(&["", "step", "items", "rows in", "rejected", "rows out", "failed"], &[2, 3, 4, 5, 6]);
    let running = seen.stood.state == "running";
    let mut current = running;
    for step in &seen.report.steps {
        shown.add_row(row(step, &mut current));
    }
    say!("{}", indent(&shown));
    if let Some(line) = super::show::awaited(&seen.report) {
        say!("  {line}");
    }
    say!("  {}", fleet(&seen.machines, seen.fleets.len()));
    for event in &seen.events {
        say!("  {}  {}", names::moment(event.at_ms), spotmill_core::format::clip(&event.what, 150));
    }
    if let Some(cause) = &seen.stood.cause {
        say!("\n  Cause  {}", spotmill_core::format::bare_cause(cause));
    }
    match seen.stood.state {
        "running" if watch => say!("  Ctrl-C leaves; the run goes on"),
        "running" => say!("  Stop   {}", global.command("stop").arg(seen.run.as_str())),
        "succeeded" | "warned" => {}
        _ => say!("  Again  {}", super::show::resume_command(&world.ctx, &seen.report)),
    }
}

fn row(step: &StepReport, current: &mut bool) -> [String; 7] {
    let mark = match step.state {
        StepState::Done => "✓",
        // The first step that is not complete is the one that runs.
        _ if std::mem::take(current) => "▸",
        StepState::Failed => "✗",
        StepState::NotStarted => "·",
    };
    [
        mark.to_owned(),
        step.step.to_string(),
        format!("{}/{}", step.committed, step.items),
        count(step.rows.raw),
        count(step.rows.rejected),
        count(step.rows.written),
        count(step.failures.len() as u64),
    ]
}

/// `fleet 64 vCPUs, 7 machines, 4 zones · 4 arm64`
fn fleet(machines: &[Machine], fleets: usize) -> String {
    if machines.is_empty() {
        return match fleets {
            0 => "no machines".to_owned(),
            _ => "fleet without machines yet: waiting for capacity".to_owned(),
        };
    }
    let zones: BTreeSet<&str> = machines.iter().map(|m| m.zone.as_str()).collect();
    let mut architectures: BTreeMap<&str, usize> = BTreeMap::new();
    machines.iter().for_each(|m| *architectures.entry(m.architecture.as_str()).or_default() += 1);
    let vcpus: u32 = machines.iter().map(|m| m.vcpus).sum();
    let of: Vec<String> = architectures.iter().map(|(architecture, n)| format!("{n} {architecture}")).collect();
    let (machines, zones) = (plural(machines.len() as u64, "machine"), plural(zones.len() as u64, "zone"));
    let size = if vcpus > 0 { format!("{} vCPUs, ", count(u64::from(vcpus))) } else { String::new() };
    format!("fleet {size}{machines}, {zones} · {}", of.join(", "))
}

fn event(seen: &Seen) -> Event {
    let machine = |m: &Machine| MachineNow {
        id: m.id.clone(),
        instance_type: m.kind.clone(),
        zone: m.zone.clone(),
        architecture: m.architecture.clone(),
        state: m.state.clone(),
        vcpus: m.vcpus,
        step: m.step.clone(),
        started_ms: m.started_ms,
    };
    Event::Status {
        run: seen.run.clone(),
        state: seen.stood.state.to_owned(),
        cause: seen.stood.cause.clone(),
        report: seen.report.clone(),
        machines: seen.machines.iter().map(machine).collect(),
        fleets: seen.fleets.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(id: &str, zone: &str, architecture: &str, vcpus: u32) -> Machine {
        Machine {
            id: id.to_owned(),
            kind: "r7g.2xlarge".to_owned(),
            zone: zone.to_owned(),
            architecture: architecture.to_owned(),
            state: "running".to_owned(),
            vcpus,
            fleet: "f".to_owned(),
            run: "p/1".to_owned(),
            step: "s".to_owned(),
            started_ms: 0,
        }
    }

    #[test]
    fn a_fleet_in_a_line() {
        let all = [machine("i-1", "a", "arm64", 8), machine("i-2", "b", "arm64", 8), machine("i-3", "a", "x86_64", 16)];
        assert_eq!(fleet(&all, 1), "fleet 32 vCPUs, 3 machines, 2 zones · 2 arm64, 1 x86_64");
        assert_eq!(fleet(&[], 1), "fleet without machines yet: waiting for capacity");
        assert_eq!(fleet(&[], 0), "no machines");
    }
}
