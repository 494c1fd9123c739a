//! Follows a run of a smoke test to its end, within its time and the limit of dollars, and gathers what there was to see of it:
//! from Step Functions, EC2 and the run's own records.

use super::Smoke;
use super::interrupt::Interruption;
use super::judge::RunSeen;
use super::pipelines::STEP;
use super::plan::Part;
use crate::commands::stop;
use crate::exit::Stop;
use spotmill_core::calls::innermost;
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::notice::Notice;
use spotmill_core::ids::{ExecutionId, RunId, StepName};
use spotmill_core::item::FailureClass;
use spotmill_core::keys::RunKeys;
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::{FailureRecord, Lease};
use spotmill_lambdas::{inspect, machines, report};
use spotmill_platform::aws::stacks::{AwsError, Machine, RunNow, RunStatus};
use spotmill_platform::records;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(4);
/// A machine that ends so much before the last one ends early.
const EARLY_MS: u64 = 10_000;
/// Machines whose own records are read.
const MACHINES: usize = 100;
/// Descriptions that may fail one after another: a minute or two.
const FAILURES: u32 = 20;

/// What was seen while it ran.
#[derive(Default)]
pub struct Watching {
    architectures: BTreeSet<String>,
    at_once: u32,
    ended_by_us: Option<String>,
}

/// What a run left.
pub struct Left {
    pub seen: RunSeen,
    /// Processor time of its items, together.
    pub cpu_ms: u64,
}

impl Smoke<'_> {
    /// Until the execution has ended, and longer than its part may take never.
    pub async fn follow(
        &self,
        part: Part,
        run: &RunId,
        id: &ExecutionId,
        mut interruption: Option<&mut Interruption>,
    ) -> Result<Left, Stop> {
        let (began, mut watching, mut failures) = (Instant::now(), Watching::default(), 0);
        let most = Duration::from_secs(u64::from(part.minutes()) * 60);
        let now = loop {
            let now = match self.world.runs.describe(id).await {
                Ok(now) => now,
                Err(AwsError::Transient { .. }) => None,
                Err(e) => return Err(e.into()),
            };
            failures = if now.is_some() { 0 } else { failures + 1 };
            match now {
                Some(now) if now.status != RunStatus::Running => break now,
                None if failures > FAILURES => return Err(Stop::failed(format!("there is no execution of {run}"))),
                _ => {}
            }
            let found = self.world.aws.machines().of_run(&self.world.stack, run).await?;
            watching.see(&found);
            if let Some(interruption) = interruption.as_deref_mut() {
                interruption.go_on(self, run, &found).await;
            }
            if watching.ended_by_us.is_none() {
                let spent = self.spent_before + self.spent(run).await?;
                watching.ended_by_us = over(began.elapsed(), most, spent, self.args.limit);
                if let Some(why) = &watching.ended_by_us {
                    stop::stop(&self.world, id, why).await?;
                    self.end_machines(run).await?;
                }
            }
            tokio::time::sleep(PAUSE).await;
        };
        self.gather(run, &now, watching).await
    }

    /// Dollars of a run's machines so far.
    pub async fn spent(&self, run: &RunId) -> Result<f64, Stop> {
        match self.world.lease(run).await? {
            Some(lease) => Ok(machines::spent_usd(&self.world.ctx, run, &lease).await?),
            None => Ok(0.0),
        }
    }

    pub async fn end_machines(&self, run: &RunId) -> Result<(), Stop> {
        if let Some(lease) = self.world.lease(run).await? {
            if let Some(execution) = &lease.execution {
                stop::stop(&self.world, execution, "spotmill smoke").await?;
            }
            stop::end_machines(&self.world, Some((run, &lease))).await?;
        }
        Ok(())
    }

    async fn gather(&self, run: &RunId, now: &RunNow, watching: Watching) -> Result<Left, Stop> {
        let (error, cause) = innermost(now.error.clone().unwrap_or_default(), now.cause.clone().unwrap_or_default());
        let mut seen = RunSeen {
            status: status(now.status).to_owned(),
            error,
            cause,
            seconds: now.stopped_ms.map_or(0, |end| end.saturating_sub(now.started_ms) / 1000),
            architectures: watching.architectures,
            at_once: watching.at_once,
            ..RunSeen::default()
        };
        if let Some(why) = watching.ended_by_us {
            (seen.status, seen.cause) = ("ENDED BY US".to_owned(), why);
        }
        let Some(lease) = self.world.lease(run).await? else { return Ok(Left { seen, cpu_ms: 0 }) };
        let ctx = &self.world.ctx;
        let report = report::summarize(ctx, run).await.map_err(Stop::from)?;
        let cpu_ms = report.steps.iter().map(|step| step.cpu_ms).sum();
        seen.items = report.steps.iter().map(|step| step.items).sum();
        seen.committed = report.steps.iter().map(|step| step.committed).sum();
        let of = self.records(run, &lease).await?;
        of.add(&mut seen);
        Ok(Left { seen, cpu_ms })
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

impl Watching {
    fn see(&mut self, found: &[Machine]) {
        self.architectures.extend(found.iter().map(|m| m.architecture.clone()).filter(|a| !a.is_empty()));
        let works = found.iter().filter(|m| m.state == "running").count();
        self.at_once = self.at_once.max(works as u32);
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

/// Why a run is ended by us.
fn over(took: Duration, most: Duration, spent: f64, limit: f64) -> Option<String> {
    if took > most {
        return Some(format!("it took longer than its {} minutes", most.as_secs() / 60));
    }
    (spent > limit).then(|| format!("${spent:.2} are spent, and the limit is ${limit:.2}"))
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
    fn a_run_is_ended_past_its_time_or_the_limit() {
        let secs = Duration::from_secs;
        assert_eq!(over(secs(60), secs(60), 1.0, 1.0), None);
        assert!(over(secs(61), secs(60), 0.0, 1.0).is_some_and(|why| why.contains("its 1 minutes")));
        assert!(over(secs(1), secs(60), 1.01, 1.0).is_some_and(|why| why.contains("the limit is $1.00")));
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
