//! Why a message leads to no child, from whatever was missing, foreign or out of reach.

use crate::attempt::Claim;
use crate::cache::Missing;
use crate::spec::Unread;
use crate::state::Ending;
use spotmill_core::records::Receipt;
use spotmill_platform::records::RecordError;

/// Why a message leads to no child.
pub enum Refusal {
    /// It means nothing (any more): deleted, with this reason.
    Drop(String),
    /// The item is committed, by the attempt this receipt names.
    Committed(Box<Claim>, Box<Receipt>),
    /// The item's attempts are used up.
    Spent(Box<Claim>),
    /// The attempt has failed before it began.
    Failed(Box<Claim>, Box<Ending>),
    /// The store failed: retried later.
    Later(String),
}

impl From<RecordError> for Refusal {
    fn from(e: RecordError) -> Self {
        Refusal::Later(e.to_string())
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Gone(key) => Missing::Gone(key).into(),
            Unread::Foreign(what) => Refusal::Drop(what),
            Unread::Store(what) => Refusal::Later(what),
        }
    }
}

impl From<Missing> for Refusal {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Gone(key) => Refusal::Drop(format!("a message speaks of {key}, which does not exist")),
            Missing::Foreign(what) => Refusal::Later(what),
            Missing::Store(e) => e.into(),
        }
    }
}
