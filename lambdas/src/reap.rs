//! Reap: ends what outlived its execution. Called for every end of an execution, because a stopped or timed-out one
//! runs no KillFleet, and every few minutes, because events may be lost. The event is only a hint at the fleet: a
//! fleet goes when its own execution was read as ended. It releases nothing else. Ticks also watch the fleets
//! whose execution runs (`watch`). Of a run that failed or was stopped it writes the page, last of all.

use crate::watch::{self, Living};
use crate::{Ctx, HandlerError, Program, deploy, kill_fleet, leftovers, page, report};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spotmill_core::calls::{Caught, RunInput};
use spotmill_core::claim::ExecutionState;
use spotmill_core::format::count;
use spotmill_core::ids::{Epoch, ExecutionId, Round, RunId, StepName, Uri};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::reap::{EndedExecution, Fate, asked_secs, ended, fate};
use spotmill_core::records::Lease;
use spotmill_platform::ports::{FleetRequest, LivingFleet};
use spotmill_platform::records::{self, RecordError};
use std::time::Duration;

/// Reads of an execution that an event reports as ended, a second apart: its description may lag behind.
const LOOKS: u32 = 10;
/// Fleets named in the reply.
const NAMED: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReapReply {
    /// Fleets of this stack that live on: their execution runs, or may not have ended yet.
    pub living: usize,
    /// Ended now: fleets, and rounds of which only a queue or a mark was left.
    pub ended: usize,
    pub names: Vec<String>,
}

pub async fn handle(ctx: &Ctx, event: Value) -> Result<ReapReply, HandlerError> {
    let mut reaped = Reaped::default();
    let mut failed_run = None;
    if let Some(end) = ended(&event) {
        let state = settled(ctx, &end.execution).await?;
        if state == ExecutionState::Ended {
            failed_run = note_end(ctx, &end).await;
        }
        if let Some((run, step)) = end.of.filter(|_| state == ExecutionState::Ended) {
            rounds_of(ctx, &run, &step, &end.execution, &mut reaped).await?;
        }
    }
    for fleet in ctx.fleets.living().await? {
        let name = fleet.name.clone();
        match judge(ctx, fleet, is_tick(&event)).await {
            Ok(true) => reaped.ended.push(name),
            Ok(false) => reaped.living += 1,
            Err(e) => reaped.failed(name, e),
        }
    }
    // Machines first: they cost money, and a page does not.
    if let Some(run) = failed_run {
        page::at_end(ctx, &run).await;
    }
    reaped.reply()
}

#[derive(Default)]
struct Reaped {
    living: usize,
    ended: Vec<String>,
    failures: Vec<(String, HandlerError)>,
}

impl Reaped {
    fn failed(&mut self, name: String, e: HandlerError) {
        tracing::warn!(fleet = name, error = %e, "a fleet could not be ended or watched");
        self.failures.push((name, e));
    }

    /// One fleet that cannot be ended keeps no other alive; it is an error all the same.
    fn reply(self) -> Result<ReapReply, HandlerError> {
        let failures = count(self.failures.len() as u64, "fleet");
        match self.failures.into_iter().next() {
            None => {
                let names = self.ended.iter().take(NAMED).cloned().collect();
                Ok(ReapReply { living: self.living, ended: self.ended.len(), names })
            }
            Some((name, e)) => {
                let why = format!("{failures} could not be ended or watched; {name}: {}", e.cause);
                Err(HandlerError::new(e.error, why))
            }
        }
    }
}

/// Records how a run's execution failed, for later readers: one that was stopped or timed out could not do so
/// itself. It informs; nothing waits for it. The answer is the run whose end is on record now.
async fn note_end(ctx: &Ctx, end: &EndedExecution) -> Option<RunId> {
    let (start, failure) = (end.start.as_ref()?, end.failure.as_ref()?);
    match try_note_end(ctx, &end.execution, start, failure).await {
        Ok(run) => run,
        Err(e) => {
            tracing::info!(execution = %end.execution, error = %e, "how it ended is not on record");
            None
        }
    }
}

/// Records the end only of the execution that holds the run: one that was refused or has lost it is not the owner.
async fn try_note_end(
    ctx: &Ctx,
    root: &ExecutionId,
    start: &RunInput,
    end: &Caught,
) -> Result<Option<RunId>, HandlerError> {
    let deployed = deploy::find(ctx, &start.pipeline).await?;
    let run = Program::new(&deployed.text, start, &ctx.settings)?.run_id();
    let lease = records::load::<Lease>(&*ctx.store, &RunKeys::new(&ctx.root, &run).lease()).await?;
    if lease.is_none_or(|(lease, _)| lease.owner.as_ref() != Some(root)) {
        return Ok(None);
    }
    report::record_end(ctx, &run, root, &end.error, &end.cause).await?;
    Ok(Some(run))
}

/// The state of an execution that is reported as ended.
async fn settled(ctx: &Ctx, execution: &ExecutionId) -> Result<ExecutionState, HandlerError> {
    for _ in 1..LOOKS {
        match ctx.executions.state(execution).await? {
            ExecutionState::Running => tokio::time::sleep(Duration::from_secs(1)).await,
            ended => return Ok(ended),
        }
    }
    Ok(ctx.executions.state(execution).await?)
}

/// Rounds that an ended execution began and nobody ended: those whose fleet is gone and whose queue is not, too. A
/// fleet of an execution that can no longer be found is left to `judge`, which knows how long to wait.
async fn rounds_of(
    ctx: &Ctx,
    run: &RunId,
    step: &StepName,
    execution: &ExecutionId,
    reaped: &mut Reaped,
) -> Result<(), HandlerError> {
    let keys = RunKeys::new(&ctx.root, run);
    let Some((lease, _)) = records::load::<Lease>(&*ctx.store, &keys.lease()).await? else {
        return Ok(());
    };
    let newest = lease.generations.get(step.as_str()).map_or(0, |g| g.generation);
    for (keys, epoch, round) in leftovers::unended(ctx, run, step, newest).await? {
        let fleet = keys.fleet(epoch, round);
        let Some((request, _)) = records::load::<FleetRequest>(&*ctx.store, &fleet).await? else {
            continue;
        };
        if request.execution == *execution {
            tracing::info!(%run, %step, fleet = request.name, %execution, "ending a round of an ended execution");
            match kill_fleet::end(ctx, &keys, epoch, round).await {
                Ok(()) => reaped.ended.push(request.name),
                Err(e) => reaped.failed(request.name, e),
            }
        }
    }
    Ok(())
}

/// A record that nobody can read is as good as none: the machines cost money all the same.
async fn recorded(ctx: &Ctx, fleet: &Uri) -> Result<Option<FleetRequest>, HandlerError> {
    match records::load::<FleetRequest>(&*ctx.store, fleet).await {
        Ok(found) => Ok(found.map(|(request, _)| request)),
        Err(RecordError::Store(e)) => Err(e.into()),
        Err(e) => {
            tracing::warn!(error = %e, "a fleet's record cannot be read");
            Ok(None)
        }
    }
}

/// The watch rule's event.
fn is_tick(event: &Value) -> bool {
    event["detail-type"] == "Scheduled Event"
}

/// The lease of a fleet's run, and the round that the fleet is of; none of a round that is too old to be found.
pub(crate) async fn place(
    ctx: &Ctx,
    fleet: &LivingFleet,
) -> Result<(Option<Lease>, Option<(StepKeys, Epoch, Round)>), HandlerError> {
    let keys = RunKeys::new(&ctx.root, &fleet.run);
    let lease = records::load::<Lease>(&*ctx.store, &keys.lease()).await?.map(|(lease, _)| lease);
    let newest = lease.as_ref().map(|l| (l.generations.get(fleet.step.as_str()).map_or(0, |g| g.generation), l.epoch));
    let place = newest.and_then(|newest| keys.find_round(&fleet.step, newest, &fleet.name));
    Ok((lease, place))
}

/// Ends the fleet if its execution has ended, and returns whether it did. One that lives on is inspected if `watching`.
async fn judge(ctx: &Ctx, fleet: LivingFleet, watching: bool) -> Result<bool, HandlerError> {
    let (lease, place) = place(ctx, &fleet).await?;
    let request = match &place {
        Some((keys, epoch, round)) => recorded(ctx, &keys.fleet(*epoch, *round)).await?,
        None => None,
    };
    let asked = request.as_ref().map(|request| asked_secs(request, ctx.clock.now_ms()));
    match fate(&fleet.execution, ctx.executions.state(&fleet.execution).await?, asked) {
        Fate::Keep { because } => {
            tracing::debug!(fleet = fleet.name, because, "kept");
            if let (true, Some(lease), Some((keys, epoch, round)), Some(request)) = (watching, &lease, &place, &request)
                && lease.epoch == *epoch
            {
                let living = Living { keys, epoch: *epoch, round: *round, request, lease };
                watch::inspect(ctx, &living).await?;
            }
            Ok(false)
        }
        Fate::End { because } => {
            tracing::info!(run = %fleet.run, step = %fleet.step, fleet = fleet.name, because, "ending a fleet");
            match (place, request) {
                (Some((keys, epoch, round)), Some(_)) => {
                    kill_fleet::end(ctx, &keys, epoch, round).await?;
                }
                _ => kill_fleet::end_unrecorded(ctx, &fleet).await?,
            }
            Ok(true)
        }
    }
}
