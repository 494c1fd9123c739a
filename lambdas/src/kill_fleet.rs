//! KillFleet: ends a round's machines and removes its queue. It checks no lease: it touches only what its own round
//! recorded, and machines cost money whoever holds the run.

use crate::{Ctx, HandlerError, Nothing, access};
use serde_json::json;
use spotmill_core::bounds::FLEET_LIFE_SECS;
use spotmill_core::calls::RoundRequest;
use spotmill_core::ids::Uri;
use spotmill_core::model;
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::ports::{FleetRequest, LivingFleet};
use spotmill_platform::records;

pub async fn handle(ctx: &Ctx, of: RoundRequest) -> Result<Nothing, HandlerError> {
    let keys = access::step_keys(ctx, &of);
    end(ctx, &keys.fleet(of.epoch, of.round), &keys.fleet_ended(of.epoch, of.round)).await?;
    Ok(Nothing {})
}

/// Ends the fleet on record, if one is, and says so beside the record.
pub async fn end(ctx: &Ctx, fleet: &Uri, ended: &Uri) -> Result<(), HandlerError> {
    // Nothing is asked for before it is recorded.
    let Some((request, _)) = records::load::<FleetRequest>(&*ctx.store, fleet).await? else {
        return Ok(());
    };
    ctx.fleets.end(&request).await?;
    ctx.queues.remove(&request.queue).await?;
    records::put(&*ctx.store, ended, &json!({"v": RECORD_VERSION, "ended_ms": ctx.clock.now_ms()})).await?;
    Ok(())
}

/// Ends a fleet of which no record is left. Its name is what it is found by; nothing can be launched by this request.
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
        valid_until_ms: ctx.clock.now_ms() + FLEET_LIFE_SECS * 1000,
        knobs: model::Fleet::default(),
        because: String::new(),
    };
    ctx.fleets.end(&request).await?;
    Ok(ctx.queues.remove(&request.queue).await?)
}
