//! KillFleet: ends a round's machines and removes its queue. It checks no lease: it touches only what its own round
//! recorded, and machines cost money whoever holds the run.

use crate::{Ctx, HandlerError, Nothing, access};
use serde_json::json;
use spotmill_core::calls::RoundRequest;
use spotmill_core::ids::Uri;
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::ports::FleetRequest;
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
