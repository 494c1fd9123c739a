//! Dead letters: messages of items that were received a hundred times without an end. Each is sent once more, because
//! a hundred interruptions are possible; one that dies a second time is poison. What no longer matters is dropped.

use crate::claim::{Ticket, fenced};
use crate::ids::AttemptId;
use crate::records::{Lease, RECORD_VERSION, WorkMessage};
use serde::{Deserialize, Serialize};

/// A work message as it comes back. Workers read past `resent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    #[serde(flatten)]
    pub message: WorkMessage,
    /// It has been dead before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resent: bool,
}

/// The state of the letter's item.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub lease: Option<&'a Lease>,
    /// The round's fleet and queue have been ended.
    pub round_ended: bool,
    pub receipted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nobody waits for it.
    Drop {
        because: String,
    },
    /// It is committed: whoever sees the receipt reports it.
    Done,
    Resend,
    Poison,
}

/// A message that this program understands, or nothing.
pub fn read(body: &str) -> Option<Letter> {
    serde_json::from_str::<Letter>(body).ok().filter(|letter| letter.message.v == RECORD_VERSION)
}

pub fn decide(letter: &Letter, facts: &Facts<'_>) -> Fate {
    let drop = |because: String| Fate::Drop { because };
    let of = &letter.message;
    let Some((lease, owner)) = facts.lease.and_then(|lease| Some((lease, lease.owner.as_ref()?))) else {
        return drop("nobody runs it".to_owned());
    };
    let ticket = Ticket { root: owner, step: of.step.as_str(), epoch: of.epoch, generation: of.generation };
    if let Some(why) = fenced(lease, &ticket) {
        return drop(why);
    }
    if facts.round_ended {
        return drop(format!("round {} has ended", of.round));
    }
    match (facts.receipted, letter.resent) {
        (true, _) => Fate::Done,
        (false, false) => Fate::Resend,
        (false, true) => Fate::Poison,
    }
}

/// The name under which the failure of a letter that died twice is recorded: one an item and epoch, however often it
/// is handled.
pub fn attempt() -> AttemptId {
    AttemptId::new("dead-letter")
}
