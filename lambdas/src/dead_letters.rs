//! Dead letters: fed by the queue that work queues give up to. Each is sent once more to where it came from; one that
//! comes back is poison: a failure on record, then a callback. What cannot be read, or whose round is over, is dropped.

use crate::{Ctx, HandlerError};
use spotmill_core::bounds::MAX_RECEIVES;
use spotmill_core::dead::{Facts, Fate, Letter, attempt, decide, read};
use spotmill_core::item::{FailureClass, Usage};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::records::{Callback, CallbackKind, FailureRecord, Lease, RECORD_VERSION, WorkMessage};
use spotmill_platform::ports::{QueueError, StoreError};
use spotmill_platform::records;

/// Who calls back.
const WORKER: &str = "dead letters";

/// Returns the indexes of the bodies to deliver again; the others may be deleted.
pub async fn handle(ctx: &Ctx, bodies: &[String]) -> Vec<usize> {
    let (mut retry, mut malformed) = (Vec::new(), 0);
    for (i, body) in bodies.iter().enumerate() {
        let Some(letter) = read(body) else {
            malformed += 1;
            continue;
        };
        if let Err(e) = take(ctx, &letter).await {
            let of = &letter.message;
            tracing::warn!(run = %of.run, step = %of.step, item = of.item, error = %e, "a dead letter is handed back");
            retry.push(i);
        }
    }
    if malformed > 0 {
        tracing::warn!(malformed, "dropped dead letters that are no work messages");
    }
    retry
}

async fn take(ctx: &Ctx, letter: &Letter) -> Result<(), HandlerError> {
    let of = &letter.message;
    let run = RunKeys::new(&ctx.root, &of.run);
    let keys = run.step(&of.step, of.generation);
    let lease = records::load::<Lease>(&*ctx.store, &run.lease()).await?.map(|(lease, _)| lease);
    let facts = Facts {
        lease: lease.as_ref(),
        round_ended: exists(ctx, &keys.fleet_ended(of.epoch, of.round)).await?,
        receipted: exists(ctx, &keys.receipt(of.item)).await?,
    };
    let fate = decide(letter, &facts);
    tracing::info!(run = %of.run, step = %of.step, item = of.item, ?fate, "a dead letter");
    match fate {
        Fate::Drop { .. } => Ok(()),
        Fate::Done => call_back(ctx, of, CallbackKind::Done).await,
        Fate::Resend => resend(ctx, &keys, of).await,
        Fate::Poison => {
            records::put(&*ctx.store, &keys.failure(of.epoch, of.item, &attempt()), &poison(ctx, of)).await?;
            call_back(ctx, of, CallbackKind::Poison).await
        }
    }
}

async fn exists(ctx: &Ctx, uri: &spotmill_core::ids::Uri) -> Result<bool, HandlerError> {
    match ctx.store.head(uri).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound(_)) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

async fn resend(ctx: &Ctx, keys: &StepKeys, of: &WorkMessage) -> Result<(), HandlerError> {
    let letter = Letter { message: of.clone(), resent: true };
    let body = serde_json::to_string(&letter).map_err(|e| HandlerError::corrupt(e.to_string()))?;
    match send(ctx, &keys.round_name(of.epoch, of.round), body).await {
        // Its round ended a moment ago: the verdict sees that the item has no receipt.
        Err(QueueError::NoQueue(_)) => Ok(()),
        Ok(true) => Ok(()),
        Ok(false) => Err(HandlerError::transient("the queue refuses the message")),
        Err(e) => Err(e.into()),
    }
}

async fn call_back(ctx: &Ctx, of: &WorkMessage, kind: CallbackKind) -> Result<(), HandlerError> {
    let callback = Callback {
        v: RECORD_VERSION,
        run: of.run.clone(),
        step: of.step.clone(),
        generation: of.generation,
        epoch: of.epoch,
        round: of.round,
        item: of.item,
        attempt: attempt(),
        kind,
        worker: WORKER.to_owned(),
    };
    let body = serde_json::to_string(&callback).map_err(|e| HandlerError::corrupt(e.to_string()))?;
    match send(ctx, &ctx.settings.callbacks, body).await? {
        true => Ok(()),
        false => Err(HandlerError::transient("the callback queue refuses the message")),
    }
}

/// Returns whether the queue accepted it.
async fn send(ctx: &Ctx, queue: &str, body: String) -> Result<bool, QueueError> {
    Ok(ctx.queues.send(queue, &[body]).await?.is_empty())
}

fn poison(ctx: &Ctx, of: &WorkMessage) -> FailureRecord {
    FailureRecord {
        v: RECORD_VERSION,
        item: of.item,
        attempt: attempt(),
        epoch: of.epoch,
        round: of.round,
        rung: of.rung,
        class: FailureClass::Poison,
        message: format!(
            "received {MAX_RECEIVES} times, sent again, and received as often once more without an end: it takes the \
             machines it runs on with it"
        ),
        remedy: None,
        file: None,
        log_tail: String::new(),
        ended: "no end was ever recorded".to_owned(),
        worker: WORKER.to_owned(),
        usage: Usage::default(),
        failed_ms: ctx.clock.now_ms(),
    }
}
