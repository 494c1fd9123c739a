//! Ends machines that have nothing to do any more. Called by the one fold of the tally whose write said that it looks;
//! if that one dies, another looks a little later. It is a saving: whatever goes wrong is tried again or left.

use crate::{Ctx, HandlerError, machines};
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::tail::shrink;
use spotmill_core::keys::StepKeys;
use spotmill_core::tally::Tally;
use spotmill_platform::ports::FleetRequest;
use spotmill_platform::records;
use std::time::Duration;

const MOST: Duration = Duration::from_secs(20);

pub async fn look(ctx: &Ctx, keys: &StepKeys, tally: &Tally) {
    // The callbacks that brought it here are folded already; they do not wait for EC2 for long.
    let looked = tokio::time::timeout(MOST, try_look(ctx, keys, tally)).await;
    let e = match looked {
        Ok(Ok(())) => return,
        Ok(Err(e)) => e.to_string(),
        Err(_) => "EC2 did not answer in time".to_owned(),
    };
    tracing::warn!(run = %tally.run, step = %tally.step, error = e, "idle machines are left for now");
}

async fn try_look(ctx: &Ctx, keys: &StepKeys, tally: &Tally) -> Result<(), HandlerError> {
    let fleet = keys.fleet(tally.epoch, tally.round);
    let Some((request, _)) = records::load::<FleetRequest>(&*ctx.store, &fleet).await? else {
        return Ok(());
    };
    let Some(now) = ctx.fleets.look(&request).await? else {
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
            life.told_to_end(&resize.end, at);
            life.note(because.clone());
        }
    };
    machines::see(ctx, &uri, &now, noted).await.map(drop)
}
