//! What is on record of an item's earlier attempts in this epoch.

use crate::attempt::{Claim, Context};
use crate::state::budget;
use spotmill_core::ids::Uri;
use spotmill_core::item::FailureClass;
use spotmill_core::records::FailureRecord;
use spotmill_platform::records::{self, RecordError};

#[derive(Debug)]
pub struct History {
    pub classes: Vec<FailureClass>,
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
    let mut classes = Vec::new();
    for found in store.list(&prefix).await? {
        match records::load::<FailureRecord>(store, &found.uri).await {
            Ok(Some((record, _))) if record.attempt != claim.attempt => classes.push(record.class),
            Ok(_) => {}
            Err(e @ RecordError::Store(_)) => return Err(e),
            // What cannot be read proves nothing; it must not stop the item either.
            Err(e) => context.note(e.to_string()),
        }
    }
    Ok(History { classes })
}
