//! What the place of a fleet reports by itself, as soon as it happens: an error of the fleet, and a machine that it takes
//! back. Notices stand in the record of a round's machines, few of them, so that whoever asks why there is no machine, or
//! reads the report, finds what nobody polled for in time. They inform; nothing that must be right hangs on one.

use super::now::FleetEvent;
use serde::{Deserialize, Serialize};

/// Notices that a round's record keeps, the latest.
pub const MAX_NOTICES: usize = 40;

/// What a notice is about, by the place's own name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Fleet(String),
    Machine(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// The fleet launches nothing, or not all.
    Error { at_ms: u64, sub_kind: String, text: String },
    /// The machine is taken back, two minutes later on EC2.
    Interruption { at_ms: u64, machine: String },
}

impl Notice {
    /// The same as a line of the fleet's history, which tells errors later.
    pub fn event(&self) -> Option<FleetEvent> {
        match self {
            Notice::Error { at_ms, sub_kind, text } => Some(FleetEvent {
                at_ms: *at_ms,
                kind: "service-error".to_owned(),
                sub_kind: sub_kind.clone(),
                text: text.clone(),
            }),
            Notice::Interruption { .. } => None,
        }
    }

    fn at_ms(&self) -> u64 {
        match self {
            Notice::Error { at_ms, .. } | Notice::Interruption { at_ms, .. } => *at_ms,
        }
    }

    /// Delivered twice, or reported again.
    fn repeats(&self, other: &Notice) -> bool {
        match (self, other) {
            (Notice::Error { sub_kind, text, .. }, Notice::Error { sub_kind: before, text: of_before, .. }) => {
                sub_kind == before && text == of_before
            }
            (Notice::Interruption { machine, .. }, Notice::Interruption { machine: before, .. }) => machine == before,
            _ => false,
        }
    }
}

/// Adds a notice, in the order of time; of one that repeats, the later stays.
pub fn add(notices: &mut Vec<Notice>, notice: Notice) {
    if let Some(before) = notices.iter().position(|before| notice.repeats(before)) {
        if notices[before].at_ms() >= notice.at_ms() {
            return;
        }
        notices.remove(before);
    }
    let place = notices.partition_point(|before| before.at_ms() <= notice.at_ms());
    notices.insert(place, notice);
    let surplus = notices.len().saturating_sub(MAX_NOTICES);
    notices.drain(..surplus);
}
