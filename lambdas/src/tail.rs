//! Ends machines that have nothing to do any more. Called by the one fold of the tally whose write claimed it; if
//! that one dies, another inspects a little later. It only saves cost: whatever goes wrong is retried or left.

use crate::{Ctx, HandlerError, machines};
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::tail::shrink;
use spotmill_core::keys::StepKeys;
use spotmill_core::tally::Tally;
use spotmill_platform::ports::FleetRequest;
use spotmill_platform::records;
use std::time::Duration;

const MOST: Duration = Duration::from_secs(20);

pub async fn inspect(ctx: &Ctx, keys: &StepKeys, tally: &Tally) {
    // The callbacks that caused this call are folded already; they do not wait for EC2 for long.
    let result = tokio::time::timeout(MOST, try_inspect(ctx, keys, tally)).await;
    let e = match result {
        Ok(Ok(())) => return,
        Ok(Err(e)) => e.to_string(),
        Err(_) => "EC2 did not answer in time".to_owned(),
    };
    tracing::warn!(run = %tally.run, step = %tally.step, error = e, "idle machines are left for now");
}

async fn try_inspect(ctx: &Ctx, keys: &StepKeys, tally: &Tally) -> Result<(), HandlerError> {
    let fleet = keys.fleet(tally.epoch, tally.round);
    let Some((request, _)) = records::load::<FleetRequest>(&*ctx.store, &fleet).await? else {
        return Ok(());
    };
    let Some(now) = ctx.fleets.inspect(&request).await? else {
        return Ok(());
    };
    let shrunk = shrink(&now, tally, ctx.clock.now_ms());
    if let Some((resize, because)) = &shrunk {
        tracing::info!(run = %tally.run, step = %tally.step, fleet = request.name, because, "ending idle machines");
        ctx.fleets.resize(&request, resize).await?;
    }
    let fewer = tally.left().len() < now.working().count() as u64;
    let uri = keys.machines(tally.epoch, tally.round);
    let noted = |life: &mut RoundMachines, at: u64| {
        if fewer {
            life.tail_ms.get_or_insert(at);
        }
        if let Some((resize, because)) = &shrunk {
            life.asked_to_end(&resize.end, at);
            life.note(because.clone());
        }
    };
    machines::see(ctx, &uri, &now, noted).await.map(drop)
}
