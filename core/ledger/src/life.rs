//! A machine's life, divided. A machine of several slots lives in slot-time: each second counts once for every slot.
//! What came before its worker was ready is boot; an attempt takes the time its child held a slot; what no attempt took
//! is idle. Where a machine vanished, whatever followed the last thing it recorded is lost, for it recorded no result.

use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::ids::ItemIndex;
use spotmill_core::item::FailureClass;
use std::collections::BTreeMap;

/// What a second of a machine's life was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// An attempt that was committed.
    Useful,
    /// From the launch until the worker was ready.
    Boot,
    /// Paid, and no item ran.
    Idle,
    /// The machine went away with it.
    Lost,
    /// An attempt that failed at an item which another attempt committed.
    Retried,
    /// An attempt that failed at an item which has no receipt.
    Failed,
}

impl Class {
    pub const ALL: [Class; 6] = [Class::Useful, Class::Boot, Class::Idle, Class::Lost, Class::Retried, Class::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Class::Useful => "useful",
            Class::Boot => "boot",
            Class::Idle => "idle",
            Class::Lost => "lost",
            Class::Retried => "retried",
            Class::Failed => "failed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Market {
    Spot,
    OnDemand,
    /// Nobody's market: the machine that runs the program.
    Local,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    pub id: String,
    /// `r7g.2xlarge`
    pub kind: String,
    pub zone: String,
    pub market: Market,
    pub vcpus: u32,
    /// Nothing of a machine that did not record it.
    pub memory_bytes: Option<u64>,
    pub slots: u32,
    pub launched_ms: u64,
    /// When its worker was ready; nothing of one that never was.
    pub ready_ms: Option<u64>,
    /// When it ended, or now.
    pub ended_ms: u64,
    /// It left no end of its own and did not end with its round.
    pub vanished: bool,
    /// EC2 announced that it takes it.
    pub noticed: bool,
    /// As it was asked for when the machine was first seen.
    pub usd_per_hour: Option<f64>,
}

impl Life {
    pub fn lived_ms(&self) -> u64 {
        self.ended_ms.saturating_sub(self.launched_ms)
    }
}

/// An attempt at an item on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub item: ItemIndex,
    pub class: Class,
    pub ended_ms: u64,
    /// How long its child held a slot.
    pub slot_ms: u64,
}

/// The class of an attempt: of the one that the item's receipt names (no failure), or of one that failed.
pub fn class_of(failure: Option<FailureClass>, has_receipt: bool) -> Class {
    match failure {
        None => Class::Useful,
        Some(FailureClass::Lost) => Class::Lost,
        Some(_) if has_receipt => Class::Retried,
        Some(_) => Class::Failed,
    }
}

/// A part of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    pub class: Class,
    /// Nothing of what belongs to no item: boot, idle, and what a machine took with it.
    pub item: Option<ItemIndex>,
    pub slot_ms: u64,
}

/// Divides a life: the slices sum to its time in all its slots. The second number is the time of attempts that did not
/// fit into it, which only contradictory records have.
pub fn split(life: &Life, attempts: &[Attempt]) -> (Vec<Slice>, u64) {
    let slots = u64::from(life.slots.max(1));
    let ready_ms = life.ready_ms.unwrap_or(life.ended_ms).clamp(life.launched_ms, life.ended_ms.max(life.launched_ms));
    let mut rest = slots * life.ended_ms.saturating_sub(ready_ms);
    let mut parts: BTreeMap<(Class, Option<ItemIndex>), u64> = BTreeMap::new();
    parts.insert((Class::Boot, None), slots * (ready_ms - life.launched_ms));
    let mut over_ms = 0;
    for attempt in attempts {
        let fits = attempt.slot_ms.min(rest);
        rest -= fits;
        over_ms += attempt.slot_ms - fits;
        *parts.entry((attempt.class, Some(attempt.item))).or_default() += fits;
    }
    if life.vanished {
        let last_ms = attempts.iter().map(|a| a.ended_ms).fold(ready_ms, u64::max);
        let tail = (slots * life.ended_ms.saturating_sub(last_ms)).min(rest);
        rest -= tail;
        parts.insert((Class::Lost, None), tail);
    }
    parts.insert((Class::Idle, None), rest);
    let slices = parts.into_iter().filter(|(_, slot_ms)| *slot_ms > 0);
    (slices.map(|((class, item), slot_ms)| Slice { class, item, slot_ms }).collect(), over_ms)
}
