//! The tally: folds workers' callbacks into the epoch's record and answers the waiting execution. Messages are hints:
//! what cannot be read or belongs to nobody is dropped and counted; what could not be written down yet is handed back
//! for another delivery.

use crate::update::{Change, update};
use crate::{Ctx, HandlerError, tail};
use spotmill_core::bounds::BEAT_SECS;
use spotmill_core::ids::{Generation, RunId, StepName, Uri};
use spotmill_core::keys::RunKeys;
use spotmill_core::records::{Callback, Lease, RECORD_VERSION};
use spotmill_core::tally::{Fold, Tally, fold};
use spotmill_platform::records;
use std::collections::BTreeMap;

/// Returns the indexes of the bodies to deliver again; the others may be deleted.
pub async fn handle(ctx: &Ctx, bodies: &[String]) -> Vec<usize> {
    let (mut retry, mut malformed) = (Vec::new(), 0);
    let mut groups: BTreeMap<(RunId, StepName, Generation), Vec<(usize, Callback)>> = BTreeMap::new();
    for (i, body) in bodies.iter().enumerate() {
        match serde_json::from_str::<Callback>(body) {
            Ok(c) if c.v == RECORD_VERSION => {
                groups.entry((c.run.clone(), c.step.clone(), c.generation)).or_default().push((i, c));
            }
            _ => malformed += 1,
        }
    }
    if malformed > 0 {
        tracing::warn!(malformed, "dropped messages that are no callbacks");
    }
    for ((run, step, generation), group) in groups {
        let (indexes, callbacks): (Vec<usize>, Vec<Callback>) = group.into_iter().unzip();
        if let Err(e) = take(ctx, &run, &step, generation, &callbacks).await {
            tracing::warn!(%run, %step, error = %e, "callbacks are handed back");
            retry.extend(indexes);
        }
    }
    retry.sort_unstable();
    retry
}

/// Folds the callbacks of one step. Those of a run, step or generation that is not the present one are dropped.
async fn take(
    ctx: &Ctx,
    run: &RunId,
    step: &StepName,
    generation: Generation,
    callbacks: &[Callback],
) -> Result<(), HandlerError> {
    let keys = RunKeys::new(&ctx.root, run);
    let Some((lease, _)) = records::load::<Lease>(&*ctx.store, &keys.lease()).await? else {
        return Ok(());
    };
    if lease.owner.is_none() || lease.generations.get(step.as_str()).map(|g| g.generation) != Some(generation) {
        return Ok(());
    }
    let keys = keys.step(step, generation);
    let uri = keys.tally(lease.epoch);
    let Some(folded) = fold_into(ctx, &uri, callbacks).await? else {
        // No round of this epoch waits. A `done` is not lost: dispatch lists the receipts.
        return Ok(());
    };
    answer(ctx, &uri, &folded).await?;
    if folded.inspect {
        tail::inspect(ctx, &keys, &folded.tally).await;
    }
    Ok(())
}

/// Folds into the record, by compare-and-swap; nothing if there is none.
pub async fn fold_into(ctx: &Ctx, uri: &Uri, callbacks: &[Callback]) -> Result<Option<Fold>, HandlerError> {
    update(ctx, uri, |tally: Option<Tally>| async move {
        let Some(tally) = tally else { return Ok(Change::Keep(None)) };
        let mut folded = fold(&tally, callbacks);
        let now = ctx.clock.now_ms();
        folded.changed |= folded.tally.note(callbacks, now);
        // The fold whose write claims the inspection inspects; of several at once one does.
        folded.inspect = !callbacks.is_empty() && !folded.complete && folded.tally.take_inspection(now);
        folded.changed |= folded.inspect;
        if folded.heartbeat && (folded.changed || now.saturating_sub(tally.beat_ms) >= BEAT_SECS * 1000) {
            folded.tally.beat_ms = now;
            folded.changed = true;
        }
        Ok(match folded.changed {
            true => Change::Write(folded.tally.clone(), Some(folded)),
            false => Change::Keep(Some(folded)),
        })
    })
    .await
}

/// Answers the waiting execution by every registered token; a closed one is done. Tokens that were registered meanwhile
/// are answered as well.
pub async fn answer(ctx: &Ctx, uri: &Uri, folded: &Fold) -> Result<(), HandlerError> {
    if !folded.complete {
        if folded.heartbeat {
            for token in &folded.tally.tokens {
                ctx.executions.send_heartbeat(token).await?;
            }
        }
        return Ok(());
    }
    let (round, mut answered) = (folded.tally.round, Vec::new());
    let mut tokens = folded.tally.tokens.clone();
    while !tokens.is_empty() {
        for token in tokens {
            ctx.executions.send_success(&token).await?;
            answered.push(token);
        }
        let now = records::load::<Tally>(&*ctx.store, uri).await?.map(|(t, _)| t);
        let same = now.filter(|t| t.round == round && t.is_complete());
        tokens = same.map(|t| t.tokens).unwrap_or_default();
        tokens.retain(|t| !answered.contains(t));
    }
    Ok(())
}
