//! A machine's life as the machine itself writes it down (`e{epoch}/instances/{id}.json`), and what can be read from
//! it. It is written at the start, when something changes, and now and then, so that it shows when a machine that
//! vanished was last heard of. It only informs; nothing depends on it.

use crate::bounds::LIFE_SECS;
use crate::ids::{AttemptId, ItemIndex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The zone of the machine that runs the program.
pub const LOCAL_ZONE: &str = "local";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceRecord {
    pub v: u32,
    /// As receipts and failures name it.
    pub worker: String,
    pub id: String,
    /// `r7g.2xlarge`
    pub kind: String,
    /// `use1-az4`
    pub zone: String,
    /// The fleet's name.
    pub fleet: String,
    pub vcpus: u32,
    pub memory_bytes: u64,
    pub slots: u32,
    pub booted_ms: u64,
    /// When its worker began.
    pub started_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_receive_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_item_ms: Option<u64>,
    /// Committed by it, as of `seen_ms`.
    pub items: u32,
    /// When this was written.
    pub seen_ms: u64,
    /// When it heard that it will be taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed_ms: Option<u64>,
    /// None: it runs, or ended without a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// `e{epoch}/alone/{item}-{attempt}.json`: this attempt begins, with no other item on its machine. Without a record of
/// how it ended it speaks against its item, and only then: what shared a machine may have been a neighbour's victim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeganIsolated {
    pub v: u32,
    pub item: ItemIndex,
    pub attempt: AttemptId,
    pub worker: String,
    pub began_ms: u64,
}

/// The state of a machine, as far as its record shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// It recorded why.
    Ended,
    /// It had heard that it would be.
    Taken,
    /// It has not been heard of for longer than a running machine is silent.
    Vanished,
}

impl InstanceRecord {
    pub fn state(&self, now_ms: u64) -> State {
        let silent_ms = now_ms.saturating_sub(self.seen_ms);
        match (self.ended_ms, self.noticed_ms) {
            (Some(_), _) => State::Ended,
            _ if silent_ms <= 2 * LIFE_SECS * 1_000 => State::Running,
            (None, Some(_)) => State::Taken,
            (None, None) => State::Vanished,
        }
    }

    /// From boot to its end, or to when it was last heard of.
    pub fn lived_ms(&self) -> u64 {
        self.ended_ms.unwrap_or(self.seen_ms).saturating_sub(self.booted_ms)
    }

    /// From boot to the first item.
    pub fn first_item_after_ms(&self) -> Option<u64> {
        self.first_item_ms.map(|at| at.saturating_sub(self.booted_ms))
    }

    /// `ended: asked to stop`, `vanished without notice`.
    pub fn describe(&self, now_ms: u64) -> String {
        match self.state(now_ms) {
            State::Running => "running".to_owned(),
            State::Ended => format!("ended: {}", self.why.as_deref().unwrap_or("it did not say why")),
            State::Taken => "taken away with notice".to_owned(),
            State::Vanished => "vanished without notice".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(edit: impl FnOnce(&mut InstanceRecord)) -> InstanceRecord {
        let mut record =
            InstanceRecord { booted_ms: 1_000, started_ms: 21_000, seen_ms: 61_000, ..InstanceRecord::default() };
        edit(&mut record);
        record
    }

    #[test]
    fn a_missing_end_is_readable_as_such() {
        let late = 61_000 + 2 * LIFE_SECS * 1_000 + 1;
        let silent = machine(|_| ());
        assert_eq!((silent.state(late - 1), silent.state(late)), (State::Running, State::Vanished));
        assert_eq!((silent.lived_ms(), silent.describe(late).as_str()), (60_000, "vanished without notice"));
        let noticed = machine(|r| r.noticed_ms = Some(60_000));
        assert_eq!((noticed.state(late), noticed.describe(late).as_str()), (State::Taken, "taken away with notice"));
        let ended = machine(|r| (r.ended_ms, r.why) = (Some(101_000), Some("asked to stop".to_owned())));
        assert_eq!((ended.lived_ms(), ended.describe(late).as_str()), (100_000, "ended: asked to stop"));
        // As a version before it had all of this wrote it.
        let text = serde_json::to_string(&silent).expect("JSON");
        assert!(!text.contains("ended_ms"), "{text}");
        assert_eq!(serde_json::from_str::<InstanceRecord>(&text).expect("a record"), silent);
    }

    #[test]
    fn the_first_item_counts_from_boot() {
        assert_eq!(machine(|_| ()).first_item_after_ms(), None);
        assert_eq!(machine(|r| r.first_item_ms = Some(31_000)).first_item_after_ms(), Some(30_000));
    }
}
