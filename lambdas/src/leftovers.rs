//! Rounds that began and were not ended: fleets and queues that are on record without a mark of their end.

use crate::{Ctx, HandlerError, kill_fleet};
use spotmill_core::ids::{Epoch, Generation, Round, RunId, StepName};
use spotmill_core::keys::{RunKeys, StepKeys, fleet_round};
use std::collections::BTreeSet;

/// Ends what epochs before `epoch` left behind.
pub async fn end_fleets(
    ctx: &Ctx,
    run: &RunId,
    step: &StepName,
    generation: Generation,
    epoch: Epoch,
) -> Result<(), HandlerError> {
    for (keys, old, round) in unended(ctx, run, step, generation).await? {
        if old < epoch {
            tracing::info!(%run, %step, old, round, "ending a fleet of an earlier epoch");
            kill_fleet::end(ctx, &keys, old, round).await?;
        }
    }
    Ok(())
}

/// Unended rounds of all generations up to `newest`.
pub async fn unended(
    ctx: &Ctx,
    run: &RunId,
    step: &StepName,
    newest: Generation,
) -> Result<Vec<(StepKeys, Epoch, Round)>, HandlerError> {
    let mut found = Vec::new();
    for generation in 1..=newest {
        let keys = RunKeys::new(&ctx.root, run).step(step, generation);
        let listed = ctx.store.list(&keys.epochs()).await?;
        let marks: Vec<_> = listed.iter().filter_map(|o| fleet_round(&o.uri)).collect();
        let ended: BTreeSet<_> = marks.iter().filter(|m| m.2).map(|m| (m.0, m.1)).collect();
        let open = marks.iter().filter(|m| !m.2 && !ended.contains(&(m.0, m.1)));
        found.extend(open.map(|(epoch, round, _)| (keys.clone(), *epoch, *round)));
    }
    Ok(found)
}
