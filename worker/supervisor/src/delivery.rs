//! Delivery to stores and queues that may not answer. What must arrive is repeated until it does, with a growing
//! pause; the order is always: record, then callback, then the message.

use crate::attempt::{Claim, Context};
use spotmill_core::backoff::backoff;
use spotmill_core::ids::{AttemptId, Uri};
use spotmill_core::records::{Callback, CallbackKind, RECORD_VERSION};
use spotmill_platform::ports::{QueueError, StoreError};
use std::fmt::Display;
use std::pin::Pin;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub type Answer<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Repeats `act` until it succeeds. The task is aborted when the supervisor is stopped.
pub async fn insist<'a, T, E: Display>(
    context: &Context,
    what: &str,
    act: impl Fn() -> Answer<'a, T, E> + Send + Sync,
) -> T {
    let mut n = 0_u32;
    loop {
        let pause = backoff(n, FIRST_PAUSE, LONGEST_PAUSE);
        match act().await {
            Ok(value) => return value,
            Err(e) => context.note(format!("{what}: {e}; again in {:.1} s", pause.as_secs_f64())),
        }
        tokio::time::sleep(pause).await;
        n = n.saturating_add(1);
    }
}

/// Sends a callback. A queue that is gone belongs to a round that has ended: nobody listens, and nobody has to.
pub async fn call_back(context: &Context, claim: &Claim, kind: CallbackKind, attempt: &AttemptId) {
    let queue = &context.config.callbacks;
    insist(context, "callback", || {
        Box::pin(async move {
            match try_call_back(context, claim, kind, attempt).await {
                Ok(true) | Err(QueueError::NoQueue(_)) => Ok(()),
                Ok(false) => Err(format!("queue {queue} did not take it")),
                Err(e) => Err(e.to_string()),
            }
        })
    })
    .await;
}

/// One attempt at it; false if the queue did not take it.
pub async fn try_call_back(
    context: &Context,
    claim: &Claim,
    kind: CallbackKind,
    attempt: &AttemptId,
) -> Result<bool, QueueError> {
    let work = &claim.work;
    let callback = Callback {
        v: RECORD_VERSION,
        run: work.run.clone(),
        step: work.step.clone(),
        generation: work.generation,
        epoch: work.epoch,
        round: work.round,
        item: work.item,
        attempt: attempt.clone(),
        kind,
        worker: context.config.worker.clone(),
    };
    let body = serde_json::to_string(&callback).unwrap_or_default();
    Ok(context.ports.queue.send(&context.config.callbacks, &[body]).await?.is_empty())
}

/// Does `work` for an item and reports now and then that this machine holds it, although no child runs: a machine that
/// fetches inputs is not idle.
pub async fn while_held<T>(context: &Context, claim: &Claim, work: impl Future<Output = T>) -> T {
    let heartbeats = async {
        loop {
            tokio::time::sleep(Duration::from_millis(context.config.times.alive_ms)).await;
            // Only a heartbeat: the next one will do.
            let _ = try_call_back(context, claim, CallbackKind::Held, &claim.attempt).await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        never = heartbeats => never,
    }
}

/// Deletes the message. One that came back meanwhile belongs to another machine, which will see the records.
pub async fn delete_message(context: &Context, receipt: &str) {
    let queue = &context.config.queue;
    insist(context, "deleting a message", || {
        Box::pin(async move { unless_gone(context.ports.queue.delete(queue, receipt).await) })
    })
    .await;
}

/// Makes the message visible after `after_ms`.
pub async fn give_back(context: &Context, receipt: &str, after_ms: u64) {
    let (queue, after) = (&context.config.queue, Duration::from_millis(after_ms));
    insist(context, "giving a message back", || {
        Box::pin(async move { unless_gone(context.ports.queue.extend(queue, receipt, after).await) })
    })
    .await;
}

fn unless_gone(result: Result<(), QueueError>) -> Result<(), QueueError> {
    match result {
        Err(QueueError::NoQueue(_) | QueueError::Stale(_)) => Ok(()),
        other => other,
    }
}

/// Removes what an attempt wrote; only for one that never sent a receipt, or has read another's. Scratch expires by
/// itself, so errors do not matter.
pub async fn discard(context: &Context, scratch: &Uri) {
    let files = match context.ports.store.list(&scratch.join("")).await {
        Ok(files) => files,
        Err(e) => return context.note(format!("{scratch} was not removed: {e}")),
    };
    for file in files {
        match context.ports.store.delete(&file.uri).await {
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(e) => return context.note(format!("{} was not removed: {e}", file.uri)),
        }
    }
}
