//! DispatchWork: registers its task token in the tally, sends a message for every item of the round, and folds once in
//! case the round is complete already. It returns at once; the tally answers the token. An error of its own goes to
//! the token too, because the state waits for that and not for this function.

use crate::round::RoundView;
use crate::several::several;
use crate::tally::{answer, fold_into};
use crate::update::{Change, LONGEST_PAUSE, update};
use crate::{Ctx, HandlerError, Nothing, lease, step};
use spotmill_core::bounds::{BEAT_SECS, HEARTBEAT_SECS};
use spotmill_core::calls::{DispatchRequest, RoundRequest};
use spotmill_core::ids::{ItemIndex, Uri};
use spotmill_core::plan::line_range;
use spotmill_core::records::{Plan, RECORD_VERSION, WorkMessage};
use spotmill_core::tally::{Items, Seed, Tally};
use spotmill_platform::ports::FleetRequest;
use spotmill_platform::records;

/// Messages of one send: what SQS takes.
const BATCH: usize = 10;
/// Tries of a send whose messages were partly refused.
const SEND_TRIES: u32 = 5;

pub async fn handle(ctx: &Ctx, request: DispatchRequest) -> Result<Nothing, HandlerError> {
    if let Err(e) = dispatch(ctx, &request).await {
        tracing::warn!(run = %request.round.run, step = %request.round.step, error = %e, "dispatch failed");
        ctx.executions.send_failure(&request.token, e.error, &e.cause).await?;
    }
    Ok(Nothing {})
}

async fn dispatch(ctx: &Ctx, request: &DispatchRequest) -> Result<(), HandlerError> {
    let of = &request.round;
    let view = RoundView::load(ctx, of).await?;
    let standing = view.standing();
    let seed = Seed {
        total: view.plan.items,
        asked: Items(standing.open),
        done: Items(view.receipts.clone()),
        failed: standing.failed.keys().copied().collect(),
    };
    let uri = view.keys.tally(of.epoch);
    let fleet = records::load::<FleetRequest>(&*ctx.store, &view.keys.fleet(of.epoch, of.round)).await?;
    let slots = fleet.map_or(0, |(fleet, _)| fleet.max_slots);
    let tally = register(ctx, &uri, of, &seed, &request.token, slots).await?;
    send(ctx, &uri, of, &view.plan, tally).await?;
    if let Some(folded) = fold_into(ctx, &uri, &[]).await? {
        answer(ctx, &uri, &folded).await?;
    }
    Ok(())
}

/// Puts the token into the tally of this round; makes the tally if it is the round's first.
async fn register(
    ctx: &Ctx,
    uri: &Uri,
    of: &RoundRequest,
    seed: &Seed,
    token: &str,
    slots: u32,
) -> Result<Tally, HandlerError> {
    update(ctx, uri, |old: Option<Tally>| async move {
        lease::fence(ctx, &of.run, &lease::ticket(of)).await?;
        let now = ctx.clock.now_ms();
        let fresh = || Tally { slots, ..Tally::begin(of, seed.clone(), token, now) };
        let tally = match old {
            Some(old) if old.round > of.round => {
                let why = format!("round {} of `{}` was overtaken by round {}", of.round, of.step, old.round);
                return Err(HandlerError::fenced(why));
            }
            Some(old) if old.round == of.round => rejoined(&old, seed, token, now),
            _ => fresh(),
        };
        Ok(Change::Write(tally.clone(), tally))
    })
    .await
}

/// A retry goes on where the try before stopped. Everything without an answer is sent again only when nothing was heard
/// for as long as a heartbeat may take, so that nothing runs any more.
fn rejoined(old: &Tally, seed: &Seed, token: &str, now_ms: u64) -> Tally {
    let mut tally = old.clone();
    tally.rejoin(seed, token);
    let silent_ms = now_ms.saturating_sub(old.beat_ms);
    if tally.cursor >= tally.total && silent_ms >= (HEARTBEAT_SECS - BEAT_SECS) * 1000 {
        tally.cursor = 0;
    }
    tally.beat_ms = now_ms;
    tally
}

async fn send(ctx: &Ctx, uri: &Uri, of: &RoundRequest, plan: &Plan, mut tally: Tally) -> Result<(), HandlerError> {
    let queue = step::keys_of(ctx, of).round_name(of.epoch, of.round);
    while tally.cursor < tally.total {
        if ctx.must_hand_over() {
            let sent = spotmill_core::format::number(u64::from(tally.cursor));
            return Err(HandlerError::transient(format!(
                "its time is up after item {sent}; the next try goes on there"
            )));
        }
        let page: Vec<ItemIndex> = tally.unsent(tally.cursor).take(ctx.settings.dispatch_page as usize).collect();
        let full = page.len() >= ctx.settings.dispatch_page as usize;
        let next = page.last().filter(|_| full).map_or(tally.total, |last| last + 1);
        let bodies = page.iter().map(|item| body(of, plan, *item)).collect::<Result<Vec<_>, _>>()?;
        send_page(ctx, &queue, bodies).await?;
        tally = advance(ctx, uri, of, next).await?;
        for token in &tally.tokens {
            ctx.executions.send_heartbeat(token).await?;
        }
    }
    Ok(())
}

fn body(of: &RoundRequest, plan: &Plan, item: ItemIndex) -> Result<String, HandlerError> {
    let Some((from, to)) = line_range(&plan.offsets, item) else {
        return Err(HandlerError::corrupt(format!("the plan of `{}` has no line for item {item}", of.step)));
    };
    let message = WorkMessage {
        v: RECORD_VERSION,
        run: of.run.clone(),
        step: of.step.clone(),
        generation: of.generation,
        epoch: of.epoch,
        round: of.round,
        rung: of.rung,
        item,
        work_digest: plan.work_digest.clone(),
        from,
        to,
    };
    serde_json::to_string(&message).map_err(|e| HandlerError::corrupt(e.to_string()))
}

/// Sends all, several batches at once.
async fn send_page(ctx: &Ctx, queue: &str, bodies: Vec<String>) -> Result<(), HandlerError> {
    let batches = bodies.chunks(BATCH).map(<[String]>::to_vec);
    let sent = several(ctx.settings.parallel, batches, |batch| {
        let (ctx, queue) = (ctx.clone(), queue.to_owned());
        async move { send_batch(&ctx, &queue, batch).await }
    });
    sent.await.map(drop)
}

async fn send_batch(ctx: &Ctx, queue: &str, mut batch: Vec<String>) -> Result<(), HandlerError> {
    for _ in 0..SEND_TRIES {
        let refused = ctx.queues.send(queue, &batch).await?;
        batch = refused.into_iter().filter_map(|i| batch.get(i).cloned()).collect();
        if batch.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(LONGEST_PAUSE).await;
    }
    Err(HandlerError::transient(format!("queue {queue} refuses {} messages", batch.len())))
}

/// Writes down how far the sending is.
async fn advance(ctx: &Ctx, uri: &Uri, of: &RoundRequest, cursor: ItemIndex) -> Result<Tally, HandlerError> {
    update(ctx, uri, |old: Option<Tally>| async move {
        lease::fence(ctx, &of.run, &lease::ticket(of)).await?;
        let Some(mut tally) = old.filter(|t| t.round == of.round) else {
            return Err(HandlerError::fenced(format!("round {} of `{}` was overtaken", of.round, of.step)));
        };
        tally.cursor = tally.cursor.max(cursor);
        tally.beat_ms = ctx.clock.now_ms();
        Ok(Change::Write(tally.clone(), tally))
    })
    .await
}
