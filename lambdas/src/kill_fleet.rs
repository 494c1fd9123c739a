//! KillFleet: ends a round's machines and removes its queue. It checks no lease: it touches only what its own round
//! recorded, and machines cost money whoever holds the run.

use crate::{Ctx, HandlerError, Nothing, machines, step};
use serde_json::json;
use spotmill_core::bounds::FLEET_LIFE_SECS;
use spotmill_core::calls::RoundRequest;
use spotmill_core::fleet::FleetNow;
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::ids::{Epoch, Round, Uri};
use spotmill_core::keys::StepKeys;
use spotmill_core::model;
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::ports::{FleetRequest, LivingFleet};
use spotmill_platform::records;

pub async fn handle(ctx: &Ctx, of: RoundRequest) -> Result<Nothing, HandlerError> {
    let keys = step::keys_of(ctx, &of);
    end(ctx, &keys, of.epoch, of.round).await?;
    Ok(Nothing {})
}

/// Ends the fleet on record, if there is one, and records the end beside it.
pub async fn end(ctx: &Ctx, keys: &StepKeys, epoch: Epoch, round: Round) -> Result<(), HandlerError> {
    // Nothing is asked for before it is recorded.
    let Some((request, _)) = records::load::<FleetRequest>(&*ctx.store, &keys.fleet(epoch, round)).await? else {
        return Ok(());
    };
    let seen = inspect_before_end(ctx, &request).await;
    // The queue first: cleanup searches for fleets, so nothing may outlive them.
    ctx.queues.remove(&request.queue).await?;
    ctx.fleets.end(&request).await?;
    if let Err(e) = priced(ctx, &keys.machines(epoch, round), seen.as_ref()).await {
        tracing::warn!(fleet = request.name, error = %e, "what its machines cost is not on record");
    }
    let ended = keys.fleet_ended(epoch, round);
    records::put(&*ctx.store, &ended, &json!({"v": RECORD_VERSION, "ended_ms": ctx.clock.now_ms()})).await?;
    Ok(())
}

/// The machines as they are before they end. It prices the run; ending them does not wait for it.
async fn inspect_before_end(ctx: &Ctx, request: &FleetRequest) -> Option<FleetNow> {
    match ctx.fleets.inspect(request).await {
        Ok(seen) => seen,
        Err(e) => {
            tracing::warn!(fleet = request.name, error = %e, "not looked at before its end");
            None
        }
    }
}

/// Writes nothing for a fleet that never had a machine, nor for one that ended before.
async fn priced(ctx: &Ctx, uri: &Uri, seen: Option<&FleetNow>) -> Result<(), HandlerError> {
    let life = records::load::<RoundMachines>(&*ctx.store, uri).await?.map(|(life, _)| life);
    if life.as_ref().is_some_and(|life| life.ended_ms.is_some()) {
        return Ok(());
    }
    match seen.filter(|fleet| !fleet.machines.is_empty()) {
        Some(fleet) => machines::see(ctx, uri, fleet, RoundMachines::end).await.map(drop),
        None if life.is_some() => machines::edit(ctx, uri, RoundMachines::end).await,
        None => Ok(()),
    }
}

/// Ends a fleet whose record is gone. The fleet is found by its name; this request can launch nothing.
pub async fn end_unrecorded(ctx: &Ctx, fleet: &LivingFleet) -> Result<(), HandlerError> {
    let request = FleetRequest {
        v: RECORD_VERSION,
        name: fleet.name.clone(),
        queue: fleet.name.clone(),
        callbacks: ctx.settings.callbacks.clone(),
        run: fleet.run.clone(),
        step: fleet.step.clone(),
        vcpus_per_item: 1,
        memory_bytes_per_item: 1,
        max_slots: 1,
        execution: fleet.execution.clone(),
        workers: Default::default(),
        instances: None,
        valid_until_ms: ctx.clock.now_ms() + FLEET_LIFE_SECS * 1000,
        knobs: model::Fleet::default(),
        because: String::new(),
    };
    ctx.queues.remove(&request.queue).await?;
    Ok(ctx.fleets.end(&request).await?)
}
