//! Follows a run of a smoke test to its end, within its part's time and the limit of dollars. Whatever cannot be looked at is
//! looked at again; a run that cannot be watched for minutes is ended here and now, so that none lives on unwatched while the
//! next parts are tried.

use super::Smoke;
use super::interrupt::Interruption;
use super::judge::RunSeen;
use super::plan::Part;
use crate::commands::stop;
use crate::exit::Stop;
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_lambdas::machines;
use spotmill_platform::aws::stacks::{AwsError, Machine, RunNow, RunStatus};
use std::collections::BTreeSet;
use std::time::Duration;

pub const PAUSE: Duration = Duration::from_secs(4);
/// A machine that ends so much before the last one ends early.
pub const EARLY_MS: u64 = 10_000;
/// Looks that may fail one after another: a minute or two.
const MISSES: u32 = 20;

/// A run that was started, and can be started again.
#[derive(Clone)]
pub struct Began {
    pub run: RunId,
    pub id: ExecutionId,
    pub input: String,
}

/// What was seen while it ran.
#[derive(Default)]
pub struct Watching {
    pub architectures: BTreeSet<String>,
    pub at_once: u32,
    pub ended_by_us: Option<String>,
    /// Its execution and its machines are.
    ended: bool,
}

/// What a run left.
pub struct Left {
    pub seen: RunSeen,
    /// Processor time of its items, together.
    pub cpu_ms: u64,
    /// Redrives that its execution has had.
    pub redrives: u32,
}

impl Smoke<'_> {
    /// Until the execution has ended, and longer than its part may take never. `redrives`: so many it must have had to count as
    /// ended, because descriptions lag behind.
    pub async fn follow(
        &self,
        part: Part,
        began: &Began,
        redrives: u32,
        mut interruption: Option<&mut Interruption>,
    ) -> Result<Left, Stop> {
        let (mut watching, mut misses) = (Watching::default(), 0);
        loop {
            match self.look(part, began, redrives, &mut watching, interruption.as_deref_mut()).await {
                Ok(Some(left)) => return Ok(left),
                Ok(None) => misses = 0,
                Err(stop) if misses >= MISSES || self.is_late(part) => return Err(self.give_up(began, stop).await),
                Err(_) => misses += 1,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One look: what it left, once it has ended.
    async fn look(
        &self,
        part: Part,
        began: &Began,
        redrives: u32,
        watching: &mut Watching,
        interruption: Option<&mut Interruption>,
    ) -> Result<Option<Left>, Stop> {
        let Began { run, id, .. } = began;
        let now = self.world.runs.describe(id).await?;
        let now = now.ok_or_else(|| Stop::failed(format!("there is no execution of {run}")))?;
        let is_over = watching.ended || is_over(&now, redrives);
        if !is_over {
            let found = self.world.aws.machines().of_run(&self.world.stack, run).await?;
            watching.see(&found);
            if let Some(interruption) = interruption {
                interruption.go_on(self, run, &found).await;
            }
            if watching.ended_by_us.is_none() {
                let spent = self.spent_before + self.spent(run).await?;
                watching.ended_by_us = over(self.part_began.elapsed(), most(part), spent, self.args.limit);
            }
        }
        if let Some(why) = watching.ended_by_us.as_ref().filter(|_| !watching.ended) {
            self.end(began, why).await?;
            watching.ended = true;
            return Ok(None);
        }
        if is_over { self.gather(run, &now, watching).await.map(Some) } else { Ok(None) }
    }

    /// A part that is later than this has no more looks to lose.
    fn is_late(&self, part: Part) -> bool {
        self.part_began.elapsed() > most(part) + PAUSE * MISSES
    }

    /// What nobody watches must not live on; the reason says whether it does.
    async fn give_up(&self, began: &Began, stop: Stop) -> Stop {
        let ended = self.end(began, "it cannot be watched").await;
        Stop { message: unwatched(&began.run, &stop.message, ended.err().as_ref().map(|e| &*e.message)), ..stop }
    }

    /// Dollars of a run's machines so far.
    pub async fn spent(&self, run: &RunId) -> Result<f64, Stop> {
        match self.world.lease(run).await? {
            Some(lease) => Ok(machines::spent_usd(&self.world.ctx, run, &lease).await?),
            None => Ok(0.0),
        }
    }

    /// Its executions, then its machines. That of the run is stopped also where it was last seen as ended: a redrive may not
    /// show yet, and what has ended refuses.
    async fn end(&self, began: &Began, why: &str) -> Result<(), Stop> {
        match self.world.runs.stop(&began.id, stop::STOPPED, why).await {
            Ok(()) | Err(AwsError::Refused { .. }) => {}
            Err(e) => return Err(e.into()),
        }
        stop::stop(&self.world, &began.id, why).await?;
        if let Some(lease) = self.world.lease(&began.run).await? {
            if let Some(execution) = &lease.execution {
                stop::stop(&self.world, execution, "spotmill smoke").await?;
            }
            stop::end_machines(&self.world, Some((&began.run, &lease))).await?;
        }
        Ok(())
    }
}

impl Watching {
    fn see(&mut self, found: &[Machine]) {
        self.architectures.extend(found.iter().map(|m| m.architecture.clone()).filter(|a| !a.is_empty()));
        let works = found.iter().filter(|m| m.state == "running").count();
        self.at_once = self.at_once.max(works as u32);
    }
}

/// Whether an execution that had to be redriven so often has ended since.
fn is_over(now: &RunNow, redrives: u32) -> bool {
    now.status != RunStatus::Running && now.redrives >= redrives
}

fn most(part: Part) -> Duration {
    Duration::from_secs(u64::from(part.minutes()) * 60)
}

/// Why a run is ended by us.
fn over(took: Duration, most: Duration, spent: f64, limit: f64) -> Option<String> {
    if took > most {
        return Some(format!("it took longer than its {} minutes", most.as_secs() / 60));
    }
    (spent > limit).then(|| format!("${spent:.2} are spent, and the limit is ${limit:.2}"))
}

/// Why a part has no result, and what became of its run.
fn unwatched(run: &RunId, why: &str, not_ended: Option<&str>) -> String {
    match not_ended {
        None => format!("{run} could not be watched, and was ended: {why}"),
        Some(other) => {
            format!("{run} could not be watched ({why}) nor ended ({other}); the end of this smoke test ends it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_ended_past_its_time_or_the_limit() {
        let secs = Duration::from_secs;
        assert_eq!(over(secs(60), secs(60), 1.0, 1.0), None);
        assert!(over(secs(61), secs(60), 0.0, 1.0).is_some_and(|why| why.contains("its 1 minutes")));
        assert!(over(secs(1), secs(60), 1.01, 1.0).is_some_and(|why| why.contains("the limit is $1.00")));
    }

    #[test]
    fn an_execution_that_was_redriven_has_not_ended_before_that_shows() {
        let now = |status, redrives| RunNow {
            status,
            error: None,
            cause: None,
            started_ms: 0,
            stopped_ms: None,
            redrives,
            redriven_ms: None,
        };
        let of = |status, redrives| is_over(&now(status, redrives), 1);
        assert!(!of(RunStatus::Failed, 0), "as it was before the redrive");
        assert!(!of(RunStatus::Running, 1));
        assert!(of(RunStatus::Failed, 1) && of(RunStatus::Succeeded, 2));
        assert!(is_over(&now(RunStatus::Failed, 0), 0) && !is_over(&now(RunStatus::Running, 0), 0));
    }

    #[test]
    fn it_is_said_whether_what_could_not_be_watched_lives() {
        let run = RunId::from("spotmill_smoke_x/1");
        assert!(unwatched(&run, "no answer from EC2", None).contains("and was ended: no answer from EC2"));
        assert!(unwatched(&run, "no answer", Some("denied")).contains("nor ended (denied); the end of this"));
    }
}
