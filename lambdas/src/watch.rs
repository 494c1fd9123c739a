//! Watches rounds that run: a fleet that gets no machines, machines that take no work, a budget that is spent. The
//! watch rule wakes it every few minutes for every living fleet; Verdict asks it once more when a round fell silent.
//! What ends a round is reported to its waiting execution, which then passes KillFleet and Verdict like any other.

use crate::{Ctx, HandlerError, lease, machines};
use spotmill_core::calls::{Caught, errors};
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::{FleetEvent, FleetNow, Notice};
use spotmill_core::ids::{Epoch, Round};
use spotmill_core::keys::StepKeys;
use spotmill_core::records::Lease;
use spotmill_core::tally::Tally;
use spotmill_ec2::cause::{Cause, Finding, Story};
use spotmill_ec2::watch::{Watch, Watched, after_silence, decide, needed};
use spotmill_platform::ports::{FleetError, FleetRequest};
use spotmill_platform::records;

/// A round whose execution runs.
pub struct Living<'a> {
    pub keys: &'a StepKeys,
    pub epoch: Epoch,
    pub round: Round,
    pub request: &'a FleetRequest,
    pub lease: &'a Lease,
}

pub async fn inspect(ctx: &Ctx, of: &Living<'_>) -> Result<(), HandlerError> {
    let Some(fleet) = ctx.fleets.inspect(of.request).await? else {
        return Ok(());
    };
    let tally = records::load::<Tally>(&*ctx.store, &of.keys.tally(of.epoch)).await?.map(|(tally, _)| tally);
    // Work that is not sent yet is work all the same.
    let tally = tally.filter(|t| t.round == of.round);
    let left = tally.as_ref().map_or(u64::MAX, |t| t.left().len());
    let needs = needed(&fleet, of.request, left);
    let uri = of.keys.machines(of.epoch, of.round);
    let asked_ms = of.request.asked_ms();
    let life = machines::see(ctx, &uri, &fleet, |life, now| life.watch(fleet.vcpus(), needs, asked_ms, now)).await?;
    if let Some(caught) = spent(ctx, of).await? {
        return stop(ctx, of, tally.as_ref(), &caught).await;
    }
    let events = events(ctx, of.request, &life).await?;
    let heard = tally.as_ref().is_some_and(|t| t.heard);
    let now_ms = ctx.clock.now_ms();
    let watched = Watched { request: of.request, fleet: &fleet, events: &events, life: &life, heard, now_ms };
    act(ctx, of, tally.as_ref(), &fleet, decide(&watched, needs)).await
}

/// The fleet's history as EC2 shows it now, with what EC2 reported by itself: the history may lag, and is forgotten.
async fn events(ctx: &Ctx, request: &FleetRequest, life: &RoundMachines) -> Result<Vec<FleetEvent>, HandlerError> {
    let mut events = ctx.fleets.events(request).await?;
    events.extend(life.notices.iter().filter_map(Notice::event));
    events.sort_by_key(|event| event.at_ms);
    Ok(events)
}

async fn act(
    ctx: &Ctx,
    of: &Living<'_>,
    tally: Option<&Tally>,
    fleet: &FleetNow,
    watch: Watch,
) -> Result<(), HandlerError> {
    let (run, step, name) = (&of.request.run, &of.request.step, &of.request.name);
    match watch {
        Watch::Wait { because } => {
            tracing::debug!(%run, %step, fleet = name, because, "watched");
            Ok(())
        }
        Watch::Beat { because } => {
            tracing::info!(%run, %step, fleet = name, because, "waiting");
            beat(ctx, tally).await
        }
        Watch::OnDemand { resize, because } => {
            tracing::info!(%run, %step, fleet = name, because, "buying on demand");
            match ctx.fleets.resize(of.request, &resize).await {
                // Waiting on would be in vain, and silent.
                Err(e @ FleetError::Refused { .. }) => {
                    let cause = format!("{because}; but EC2 refuses it: {e}");
                    let caught = Caught { error: errors::REFUSED.to_owned(), cause };
                    return stop(ctx, of, tally, &caught).await;
                }
                resized => resized?,
            }
            let note = |life: &mut RoundMachines, now: u64| {
                life.on_demand_ms.get_or_insert(now);
                life.note(because.clone());
            };
            machines::edit(ctx, &of.keys.machines(of.epoch, of.round), note).await?;
            beat(ctx, tally).await
        }
        Watch::Stop { finding, secs } => {
            let caught = describe(ctx, of.request, fleet, &finding, secs).await;
            stop(ctx, of, tally, &caught).await
        }
    }
}

async fn beat(ctx: &Ctx, tally: Option<&Tally>) -> Result<(), HandlerError> {
    for token in tally.iter().flat_map(|t| &t.tokens) {
        ctx.executions.send_heartbeat(token).await?;
    }
    Ok(())
}

/// Ends the waiting execution's wait. One that does not wait yet gets the report at the next tick.
async fn stop(ctx: &Ctx, of: &Living<'_>, tally: Option<&Tally>, caught: &Caught) -> Result<(), HandlerError> {
    let (run, step) = (&of.request.run, &of.request.step);
    tracing::warn!(%run, %step, fleet = of.request.name, error = caught.error, cause = caught.cause, "ending a round");
    for token in tally.iter().flat_map(|t| &t.tokens) {
        ctx.executions.send_failure(token, &caught.error, &caught.cause).await?;
    }
    Ok(())
}

/// The error of a run that has spent its budget.
async fn spent(ctx: &Ctx, of: &Living<'_>) -> Result<Option<Caught>, HandlerError> {
    let run = &of.request.run;
    let program = lease::program(ctx, run, of.lease).await?;
    let over = machines::over_budget(ctx, run, of.lease, program.pipeline.budget_usd_per_run).await?;
    Ok(over.map(|e| Caught { error: e.error.to_owned(), cause: e.cause }))
}

/// Describes the finding: with the quota's value where it limits, with the end of a console where machines started and
/// took no work.
async fn describe(ctx: &Ctx, request: &FleetRequest, fleet: &FleetNow, finding: &Finding, secs: u64) -> Caught {
    let console = match finding.cause {
        Cause::Silent => console(ctx, fleet).await,
        _ => None,
    };
    let console = console.as_ref().map(|(id, tail)| (id.as_str(), tail.as_str()));
    let quota_vcpus = match finding.cause {
        Cause::Quota => quota(ctx, finding.quota(fleet.target).0).await,
        _ => None,
    };
    let story = Story { request, fleet, waited_secs: secs, console, quota_vcpus, caller: &ctx.settings.caller };
    Caught { error: finding.error().to_owned(), cause: finding.text(&story) }
}

async fn quota(ctx: &Ctx, code: &str) -> Option<f64> {
    ctx.fleets.quota(code).await.unwrap_or_else(|e| {
        tracing::warn!(error = %e, "a quota cannot be looked at");
        None
    })
}

/// The console of the first-launched machine whose console is not empty.
async fn console(ctx: &Ctx, fleet: &FleetNow) -> Option<(String, String)> {
    let mut machines: Vec<_> = fleet.machines.iter().collect();
    machines.sort_by_key(|m| m.launched_ms);
    for machine in machines.into_iter().take(5) {
        match ctx.fleets.console(&machine.id).await {
            Ok(Some(tail)) => return Some((machine.id.clone(), tail)),
            Ok(None) => {}
            Err(e) => tracing::warn!(error = %e, "a console cannot be read"),
        }
    }
    None
}

/// Why a round fell silent, if its fleet's history shows it; read after the fleet has ended.
pub async fn diagnose(
    ctx: &Ctx,
    keys: &StepKeys,
    (epoch, round): (Epoch, Round),
    tally: Option<&Tally>,
) -> Result<Option<Caught>, HandlerError> {
    let Some((request, _)) = records::load::<FleetRequest>(&*ctx.store, &keys.fleet(epoch, round)).await? else {
        return Ok(None);
    };
    let Some(now) = ctx.fleets.inspect(&request).await? else {
        return Ok(None);
    };
    let heard = tally.is_some_and(|t| t.heard);
    let life = records::load::<RoundMachines>(&*ctx.store, &keys.machines(epoch, round)).await?;
    let life = life.map(|(life, _)| life).unwrap_or_default();
    let events = events(ctx, &request, &life).await?;
    let now_ms = ctx.clock.now_ms();
    let watched = Watched { request: &request, fleet: &now, events: &events, life: &life, heard, now_ms };
    match after_silence(&watched) {
        None => Ok(None),
        Some((finding, secs)) => Ok(Some(describe(ctx, &request, &now, &finding, secs).await)),
    }
}
