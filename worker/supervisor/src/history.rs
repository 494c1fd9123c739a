//! The records of an item's earlier attempts in this epoch.

use crate::attempt::{Claim, Context};
use crate::delivery::insist;
use crate::state::budget;
use spotmill_core::ids::{AttemptId, Uri};
use spotmill_core::item::FailureClass;
use spotmill_core::keys;
use spotmill_core::life::BeganIsolated;
use spotmill_core::records::{FailureRecord, RECORD_VERSION};
use spotmill_platform::records::{self, RecordError};
use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub struct History {
    pub classes: Vec<FailureClass>,
    attempts: BTreeSet<AttemptId>,
}

impl History {
    /// Those that count.
    pub fn attempts(&self) -> u32 {
        budget::attempts(&self.classes)
    }
}

/// One listing, and one read a record: an item has few. This attempt's own record is left out.
pub async fn of(context: &Context, claim: &Claim) -> Result<History, RecordError> {
    let store = &*context.ports.store;
    let prefix = Uri::new(format!("{}/{:07}-", claim.keys.failures(claim.work.epoch), claim.work.item));
    let mut history = History::default();
    for found in store.list(&prefix).await? {
        match records::load::<FailureRecord>(store, &found.uri).await {
            Ok(Some((record, _))) if record.attempt != claim.attempt => {
                history.classes.push(record.class);
                history.attempts.insert(record.attempt);
            }
            Ok(_) => {}
            Err(e @ RecordError::Store(_)) => return Err(e),
            // What cannot be read proves nothing; it must not stop the item either.
            Err(e) => context.note(e.to_string()),
        }
    }
    Ok(history)
}

/// Counts isolated attempts whose end no record states.
pub async fn isolated_without_end(context: &Context, claim: &Claim, past: &History) -> Result<usize, RecordError> {
    let marks = context.ports.store.list(&claim.keys.isolated(claim.work.epoch, claim.work.item)).await?;
    let began = marks.iter().filter_map(|mark| keys::isolated_attempt(&mark.uri));
    Ok(began.filter(|attempt| *attempt != claim.attempt && !past.attempts.contains(attempt)).count())
}

/// Records, before it begins, that this attempt runs with nothing else on its machine.
pub async fn announce_isolated(context: &Context, claim: &Claim) {
    let mark = BeganIsolated {
        v: RECORD_VERSION,
        item: claim.work.item,
        attempt: claim.attempt.clone(),
        worker: context.config.worker.clone(),
        began_ms: context.ports.clock.now_ms(),
    };
    let key = claim.keys.began_isolated(claim.work.epoch, claim.work.item, &claim.attempt);
    insist(context, "mark of an item that runs alone", || Box::pin(records::put(&*context.ports.store, &key, &mark)))
        .await;
}
