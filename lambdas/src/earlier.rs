//! Ends what earlier epochs of a step left behind: fleets and queues that their records name and no mark says ended.

use crate::{Ctx, HandlerError, kill_fleet};
use spotmill_core::ids::{Epoch, Generation, RunId, StepName};
use spotmill_core::keys::{RunKeys, fleet_round};
use std::collections::BTreeSet;

pub async fn end_fleets(
    ctx: &Ctx,
    run: &RunId,
    step: &StepName,
    generation: Generation,
    epoch: Epoch,
) -> Result<(), HandlerError> {
    for generation in 1..=generation {
        let keys = RunKeys::new(&ctx.root, run).step(step, generation);
        let listed = ctx.store.list(&keys.epochs()).await?;
        let marks: Vec<_> = listed.iter().filter_map(|o| fleet_round(&o.uri)).filter(|m| m.0 < epoch).collect();
        let ended: BTreeSet<_> = marks.iter().filter(|m| m.2).map(|m| (m.0, m.1)).collect();
        for (old, round, _) in marks.iter().filter(|m| !m.2 && !ended.contains(&(m.0, m.1))) {
            tracing::info!(%run, %step, old, round, "ending a fleet of an earlier epoch");
            kill_fleet::end(ctx, &keys.fleet(*old, *round), &keys.fleet_ended(*old, *round)).await?;
        }
    }
    Ok(())
}
