//! How a try ends, always in the same order: record, callback, message. Each of these is repeated until it
//! arrives; a supervisor that dies in between leaves a message that comes back and a record that is found.

use crate::attempt::{Claim, Context, Job};
use crate::commit::{Committed, commit};
use crate::delivery::{call_back, delete_message, discard, give_back, insist, try_call_back};
use crate::events::WorkerEvent;
use crate::history;
use crate::refusal::Refusal;
use crate::state::Ending;
use crate::state::budget::{self, Next};
use spotmill_core::ids::AttemptId;
use spotmill_core::item::{FailureClass, ItemReport};
use spotmill_core::records::{CallbackKind, FailureRecord, RECORD_VERSION};
use spotmill_platform::ports::Message;
use spotmill_platform::records;
use std::fmt::Display;
use std::time::Duration;

/// A message that could not even be checked is given to another machine after this.
const LATER_MS: u64 = 60_000;

/// What the child wrote is where it belongs: commits it, or records why not. Returns whether it was committed.
pub async fn finish(context: &Context, job: &Job, report: &ItemReport, log_tail: String) -> bool {
    let claim = &job.claim;
    match commit(context, job, report).await {
        Committed::Won => {
            context.emit(WorkerEvent::ItemDone {
                id: claim.id(),
                rows: report.rows,
                files: report.files.len() as u64,
                bytes: report.files.iter().map(|f| f.bytes).sum(),
                notes: report.notes.clone(),
                usage: report.usage.clone(),
            });
            done(context, claim, &claim.attempt).await;
            return true;
        }
        Committed::Lost(winner) => {
            committed_by_another(context, claim, &winner).await;
            discard(context, &claim.keys.scratch(claim.work.item, &claim.attempt)).await;
        }
        Committed::Void(mut ending) => {
            ending.usage = report.usage.clone();
            settle(context, claim, ending, log_tail).await;
        }
    }
    false
}

/// The message led to no child.
pub async fn refuse(context: &Context, message: &Message, refusal: Refusal) {
    match refusal {
        Refusal::Drop(why) => {
            context.emit(WorkerEvent::MessageDropped { why });
            delete_message(context, &message.receipt).await;
        }
        Refusal::Committed(claim, receipt) => committed_by_another(context, &claim, &receipt.attempt).await,
        Refusal::Spent(claim) => {
            call_back(context, &claim, CallbackKind::Failed, &claim.attempt).await;
            delete_message(context, &message.receipt).await;
        }
        Refusal::Failed(claim, ending) => settle(context, &claim, *ending, String::new()).await,
        Refusal::Later(why) => {
            context.note(format!("{why}; another machine may do better"));
            let after_ms = LATER_MS.min(context.config.times.infra_most_ms);
            give_back(context, &message.receipt, after_ms).await;
        }
    }
}

/// The attempt ended without anything to commit.
pub async fn settle(context: &Context, claim: &Claim, ending: Ending, log_tail: String) {
    if ending.class == FailureClass::Lost {
        return lose(context, claim, &ending, log_tail).await;
    }
    let past = insist(context, "earlier failures", || Box::pin(history::of(context, claim))).await;
    let next = budget::next(ending.class, &past.classes, claim.max_attempts, context.waits());
    record(context, claim, &ending, log_tail).await;
    let attempts = past.attempts() + budget::attempts(&[ending.class]);
    report(context, claim, &ending, attempts, next);
    // Before the message goes back, after which its lease is not held any more.
    discard(context, &claim.keys.scratch(claim.work.item, &claim.attempt)).await;
    let (kind, receipt) = (kind_of(ending.class, next), &claim.message.receipt);
    match kind {
        Some(kind) => {
            call_back(context, claim, kind, &claim.attempt).await;
            delete_message(context, receipt).await;
        }
        None => {
            let Next::Retry { after_ms } = next else { return };
            give_back(context, receipt, after_ms).await;
        }
    }
}

/// Visible at once: nothing of it was ever begun, or what was is on record as far as it will be.
pub async fn let_go(context: &Context, message: &Message) {
    give_back(context, &message.receipt, 0).await;
}

/// There is little time: each message is sent once, and none waits long for the one before it, because another machine
/// waits for the message.
async fn lose(context: &Context, claim: &Claim, ending: &Ending, log_tail: String) {
    last_word(context, write(context, claim, ending, log_tail)).await;
    last_word(context, try_call_back(context, claim, CallbackKind::Lost, &claim.attempt)).await;
    last_word(context, context.ports.queue.extend(&context.config.queue, &claim.message.receipt, Duration::ZERO)).await;
    context.emit(WorkerEvent::ItemLost { id: claim.id(), message: ending.message.clone() });
    discard(context, &claim.keys.scratch(claim.work.item, &claim.attempt)).await;
}

async fn last_word<T, E: Display>(context: &Context, word: impl Future<Output = Result<T, E>>) {
    let most = Duration::from_millis(context.config.times.last_word_ms);
    let error = match tokio::time::timeout(most, word).await {
        Ok(Ok(_)) => return,
        Ok(Err(e)) => e.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    context.note(format!("while an item was handed back: {error}"));
}

async fn committed_by_another(context: &Context, claim: &Claim, winner: &AttemptId) {
    let mut id = claim.id();
    id.attempt = winner.clone();
    context.emit(WorkerEvent::ItemCommittedByAnother { id });
    done(context, claim, winner).await;
}

async fn done(context: &Context, claim: &Claim, committed: &AttemptId) {
    call_back(context, claim, CallbackKind::Done, committed).await;
    delete_message(context, &claim.message.receipt).await;
}

fn kind_of(class: FailureClass, next: Next) -> Option<CallbackKind> {
    match next {
        Next::NeedsMemory => Some(CallbackKind::NeedsMemory),
        Next::GiveUp if class == FailureClass::Poison => Some(CallbackKind::Poison),
        Next::GiveUp => Some(CallbackKind::Failed),
        Next::Retry { .. } => None,
    }
}

async fn record(context: &Context, claim: &Claim, ending: &Ending, log_tail: String) {
    insist(context, "failure record", || Box::pin(write(context, claim, ending, log_tail.clone()))).await;
}

async fn write(
    context: &Context,
    claim: &Claim,
    ending: &Ending,
    log_tail: String,
) -> Result<(), records::RecordError> {
    let work = &claim.work;
    let record = FailureRecord {
        v: RECORD_VERSION,
        item: work.item,
        attempt: claim.attempt.clone(),
        epoch: work.epoch,
        round: work.round,
        rung: work.rung,
        class: ending.class,
        message: ending.message.clone(),
        remedy: ending.remedy.clone(),
        file: ending.file.clone(),
        log_tail,
        ended: ending.ended.clone(),
        worker: context.config.worker.clone(),
        usage: ending.usage.clone(),
        failed_ms: context.ports.clock.now_ms(),
    };
    let key = claim.keys.failure(work.epoch, work.item, &claim.attempt);
    records::put(&*context.ports.store, &key, &record).await
}

fn report(context: &Context, claim: &Claim, ending: &Ending, attempts: u32, next: Next) {
    let (id, message) = (claim.id(), ending.message.clone());
    let retry_in_ms = match next {
        Next::NeedsMemory => {
            let peak_bytes = ending.usage.peak_bytes;
            return context.emit(WorkerEvent::ItemNeedsMemory { id, message, peak_bytes });
        }
        Next::Retry { after_ms } => Some(after_ms),
        Next::GiveUp => None,
    };
    let (class, remedy) = (ending.class, ending.remedy.clone());
    context.emit(WorkerEvent::ItemFailed { id, class, message, remedy, attempts, retry_in_ms });
}
