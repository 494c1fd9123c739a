//! What there is to see of a run of a smoke test that has ended: from Step Functions and the run's own records. It changes nothing.

use super::Smoke;
use super::judge::RunSeen;
use super::pipelines::STEP;
use super::watch::{EARLY_MS, Left, Watching};
use crate::exit::Stop;
use spotmill_core::calls::innermost;
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::notice::Notice;
use spotmill_core::ids::{RunId, StepName};
use spotmill_core::item::FailureClass;
use spotmill_core::keys::RunKeys;
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::{FailureRecord, Lease};
use spotmill_lambdas::{inspect, machines, report};
use spotmill_platform::aws::stacks::{RunNow, RunStatus};
use spotmill_platform::records;

/// Machines whose own records are read.
const MACHINES: usize = 100;

impl Smoke<'_> {
    pub async fn gather(&self, run: &RunId, now: &RunNow, watching: &Watching) -> Result<Left, Stop> {
        let (error, cause) = innermost(now.error.clone().unwrap_or_default(), now.cause.clone().unwrap_or_default());
        let mut seen = RunSeen {
            status: status(now.status).to_owned(),
            error,
            cause,
            seconds: seconds(now),
            architectures: watching.architectures.clone(),
            at_once: watching.at_once,
            ..RunSeen::default()
        };
        if let Some(why) = &watching.ended_by_us {
            (seen.status, seen.cause) = ("ENDED BY US".to_owned(), why.clone());
        }
        let Some(lease) = self.world.lease(run).await? else {
            return Ok(Left { seen, cpu_ms: 0, redrives: now.redrives });
        };
        let ctx = &self.world.ctx;
        let report = report::summarize(ctx, run).await.map_err(Stop::from)?;
        let cpu_ms = report.steps.iter().map(|step| step.cpu_ms).sum();
        seen.items = report.steps.iter().map(|step| step.items).sum();
        seen.committed = report.steps.iter().map(|step| step.committed).sum();
        let of = self.records(run, &lease).await?;
        of.add(&mut seen);
        Ok(Left { seen, cpu_ms, redrives: now.redrives })
    }

    async fn records(&self, run: &RunId, lease: &Lease) -> Result<Records, Stop> {
        let ctx = &self.world.ctx;
        let keys = RunKeys::new(self.world.root(), run);
        let mut found = Records::default();
        for generation in lease.generations.values() {
            let of = keys.step(&StepName::new(STEP), generation.generation);
            found.lives.extend(machines::lives(ctx, &of).await?);
            found.machines.extend(inspect::machines(ctx, &of, lease.epoch, MACHINES).await?);
        }
        for object in ctx.store.list(&keys.base().join("")).await.map_err(crate::answers::of_store)? {
            if !object.uri.as_str().contains("/failures/") {
                continue;
            }
            let record = records::load::<FailureRecord>(&*ctx.store, &object.uri).await;
            found.failures.extend(record.map_err(crate::answers::of_record)?.map(|(record, _)| record));
        }
        Ok(found)
    }
}

/// What a run's records hold of its machines and failed tries.
#[derive(Default)]
struct Records {
    lives: Vec<RoundMachines>,
    machines: Vec<InstanceRecord>,
    failures: Vec<FailureRecord>,
}

impl Records {
    fn add(&self, seen: &mut RunSeen) {
        let lives = || self.lives.iter().flat_map(|life| life.machines.values());
        seen.machines = lives().count() as u32;
        seen.on_demand = lives().filter(|m| m.on_demand).count() as u32;
        // Those that end with their round end within moments of each other.
        let last = lives().filter_map(|m| m.ended_ms).max().unwrap_or(0);
        seen.ended_early = lives().filter(|m| m.ended_ms.is_some_and(|end| end + EARLY_MS < last)).count() as u32;
        seen.noticed = self.machines.iter().filter(|m| m.noticed_ms.is_some()).count() as u32;
        let notices = self.lives.iter().flat_map(|life| &life.notices);
        seen.reported = notices.filter(|n| matches!(n, Notice::Interruption { .. })).count() as u32;
        let handed_back = |class| matches!(class, FailureClass::Lost | FailureClass::Infra);
        seen.failed_tries = self.failures.iter().filter(|f| !handed_back(f.class)).count() as u32;
        let waits = self.machines.iter().filter_map(|m| Some(m.first_item_ms?.saturating_sub(m.booted_ms) / 1000));
        seen.boot_to_item_secs = waits.min();
    }
}

/// Of its last start: a redrive is one.
fn seconds(now: &RunNow) -> u64 {
    let began = now.started_ms.max(now.redriven_ms.unwrap_or_default());
    now.stopped_ms.map_or(0, |end| end.saturating_sub(began) / 1000)
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "RUNNING",
        RunStatus::Succeeded => "SUCCEEDED",
        RunStatus::Failed => "FAILED",
        RunStatus::TimedOut => "TIMED_OUT",
        RunStatus::Aborted => "ABORTED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_redriven_execution_took_the_time_since_its_redrive() {
        let (started_ms, stopped_ms) = (1_000, Some(61_000));
        let now = |redriven_ms| RunNow {
            status: RunStatus::Succeeded,
            error: None,
            cause: None,
            started_ms,
            stopped_ms,
            redrives: 0,
            redriven_ms,
        };
        assert_eq!((seconds(&now(None)), seconds(&now(Some(51_000)))), (60, 10));
    }

    #[test]
    fn machines_are_counted_by_their_records() {
        let machine = |on_demand, ended: u64| {
            json!({"kind": "c7i.xlarge", "zone": "z", "vcpus": 4, "on_demand": on_demand,
            "launched_ms": 1, "ended_ms": ended})
        };
        let life = json!({"v": 1, "machines": {"i-1": machine(false, 50), "i-2": machine(true, 20_000), "i-3": machine(false, 20_090)},
            "notices": [{"kind": "interruption", "at_ms": 40, "machine": "i-1"}]});
        let record = json!({"v": 1, "worker": "w", "id": "i-1", "kind": "c7i.xlarge", "zone": "z", "fleet": "f", "vcpus": 4,
            "memory_bytes": 1, "slots": 2, "booted_ms": 1_000, "started_ms": 9_000, "first_item_ms": 32_500, "items": 1,
            "seen_ms": 9, "noticed_ms": 9});
        let records = Records {
            lives: vec![serde_json::from_value(life).expect("a life")],
            machines: vec![serde_json::from_value(record).expect("a record")],
            failures: Vec::new(),
        };
        let mut seen = RunSeen::default();
        records.add(&mut seen);
        let counts = (seen.machines, seen.on_demand, seen.ended_early, seen.noticed, seen.reported);
        assert_eq!((counts, seen.boot_to_item_secs), ((3, 1, 1, 1, 1), Some(31)));
    }
}
