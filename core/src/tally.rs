//! The fold of a round's callbacks. It only decides when to check: the truth are receipts and failure records. A
//! callback of another epoch or round is ignored unless it is `done`, which is true for ever; `done` outranks
//! `failed`, which outranks `needs_memory`. Folding the same callbacks twice, or in another order, ends the same.

use crate::bounds::{ALIVE_SECS, TAIL_INSPECT_SECS, TAIL_ITEMS};
use crate::calls::RoundRequest;
use crate::ids::{Epoch, Generation, ItemIndex, Round, RunId, Rung, StepName};
use crate::records::{Callback, CallbackKind, RECORD_VERSION};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub use roaring::RoaringBitmap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// A set of items. In records: base64 of the portable roaring format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items(pub RoaringBitmap);

impl Serialize for Items {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.serialized_size());
        self.0.serialize_into(&mut bytes).map_err(serde::ser::Error::custom)?;
        s.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(d)?).map_err(serde::de::Error::custom)?;
        RoaringBitmap::deserialize_from(bytes.as_slice()).map(Items).map_err(serde::de::Error::custom)
    }
}

impl FromIterator<ItemIndex> for Items {
    fn from_iter<T: IntoIterator<Item = ItemIndex>>(items: T) -> Self {
        Self(items.into_iter().collect())
    }
}

/// `e{epoch}/tally.json`, written by compare-and-swap only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub v: u32,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    pub epoch: Epoch,
    pub round: Round,
    pub rung: Rung,
    /// Every task token registered for this round; the answer goes to each, and a closed one is no matter. So it does
    /// not matter either in which order two tries of DispatchWork wrote theirs.
    pub tokens: Vec<String>,
    /// Items of the step.
    pub total: u32,
    /// Items that this round is about.
    pub asked: Items,
    pub done: Items,
    pub failed: Items,
    pub needs_memory: Items,
    /// Items below it have been sent; `total` when all are.
    pub cursor: ItemIndex,
    pub malformed: u64,
    /// When the waiting execution last heard of this round.
    pub beat_ms: u64,
    /// Items that the round's fleet may run at once; 0: unknown.
    #[serde(default)]
    pub slots: u32,
    /// A worker of this round has called back.
    #[serde(default)]
    pub heard: bool,
    /// Who was last heard to work on the items left, once those are few.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub holders: BTreeMap<ItemIndex, Holder>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<Tail>,
}

/// Who works on an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// As callbacks name it.
    pub worker: String,
    pub at_ms: u64,
}

/// Fewer items are left than the fleet runs at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    pub since_ms: u64,
    /// When the machines were last inspected; whoever writes it inspects them.
    pub looked_ms: u64,
}

/// What a round begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    pub total: u32,
    pub asked: Items,
    pub done: Items,
    /// Given up in a previous round of this epoch.
    pub failed: Items,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    pub tally: Tally,
    /// Is the record to be written?
    pub changed: bool,
    pub complete: bool,
    /// Does the waiting execution get a heartbeat, because work goes on?
    pub heartbeat: bool,
    /// Does whoever writes this inspect the machines?
    pub inspect: bool,
}

impl Tally {
    pub fn begin(of: &RoundRequest, seed: Seed, token: &str, now_ms: u64) -> Self {
        Self {
            v: RECORD_VERSION,
            run: of.run.clone(),
            step: of.step.clone(),
            generation: of.generation,
            epoch: of.epoch,
            round: of.round,
            rung: of.rung,
            tokens: vec![token.to_owned()],
            total: seed.total,
            asked: seed.asked,
            done: seed.done,
            failed: seed.failed,
            needs_memory: Items::default(),
            cursor: 0,
            malformed: 0,
            beat_ms: now_ms,
            slots: 0,
            heard: false,
            holders: BTreeMap::new(),
            tail: None,
        }
    }

    /// Another try of DispatchWork for the same round: its token joins, receipts count, what was sent stays sent.
    pub fn rejoin(&mut self, seed: &Seed, token: &str) {
        if !self.tokens.iter().any(|t| t == token) {
            self.tokens.push(token.to_owned());
        }
        for item in &seed.done.0 {
            self.add_done(item);
        }
    }

    pub fn has_bit(&self, item: ItemIndex) -> bool {
        self.done.0.contains(item) || self.failed.0.contains(item) || self.needs_memory.0.contains(item)
    }

    pub fn is_complete(&self) -> bool {
        self.asked.0.iter().all(|item| self.has_bit(item))
    }

    /// Items that the round still waits for.
    pub fn left(&self) -> RoaringBitmap {
        &self.asked.0 - &self.done.0 - &self.failed.0 - &self.needs_memory.0
    }

    /// Notes who calls back, and once few items are left who works on them; true if that is worth writing.
    pub fn note(&mut self, callbacks: &[Callback], now_ms: u64) -> bool {
        let ours = |c: &&Callback| {
            (&c.step, c.generation, c.epoch, c.round) == (&self.step, self.generation, self.epoch, self.round)
        };
        let ours: Vec<&Callback> = callbacks.iter().filter(ours).collect();
        let mut news = !self.heard && !ours.is_empty();
        self.heard |= news;
        let left = self.left();
        let few = self.cursor >= self.total && left.len() <= TAIL_ITEMS;
        for callback in ours.into_iter().filter(|c| few && left.contains(c.item)) {
            news |= match callback.kind {
                CallbackKind::Alive | CallbackKind::Held => self.hold(callback, now_ms),
                _ => self.holders.remove(&callback.item).is_some(),
            };
        }
        self.holders.retain(|item, _| left.contains(*item));
        let tail = few && left.len() < u64::from(self.slots);
        if tail != self.tail.is_some() {
            self.tail = tail.then_some(Tail { since_ms: now_ms, looked_ms: 0 });
            news = true;
        }
        news
    }

    fn hold(&mut self, callback: &Callback, now_ms: u64) -> bool {
        let holder = Holder { worker: callback.worker.clone(), at_ms: now_ms };
        let previous = self.holders.insert(callback.item, holder);
        // A repeated callback of one holder need not be written each time, only before it is forgotten.
        match previous.filter(|k| k.worker == callback.worker && now_ms < k.at_ms + ALIVE_SECS * 500) {
            Some(previous) => {
                self.holders.insert(callback.item, previous);
                false
            }
            None => true,
        }
    }

    /// Is it time to inspect the machines of the tail? Who writes the record that states it does it.
    pub fn take_inspection(&mut self, now_ms: u64) -> bool {
        let due = |t: &&mut Tail| now_ms >= t.looked_ms + TAIL_INSPECT_SECS * 1000;
        self.tail.as_mut().filter(due).map(|t| t.looked_ms = now_ms).is_some()
    }

    /// Items to send at or after `from`.
    pub fn unsent(&self, from: ItemIndex) -> impl Iterator<Item = ItemIndex> + '_ {
        self.asked.0.range(from..).filter(|item| !self.has_bit(*item))
    }

    fn add_done(&mut self, item: ItemIndex) -> bool {
        self.failed.0.remove(item);
        self.needs_memory.0.remove(item);
        self.done.0.insert(item)
    }

    fn add_failed(&mut self, item: ItemIndex) -> bool {
        if self.done.0.contains(item) {
            return false;
        }
        self.needs_memory.0.remove(item);
        self.failed.0.insert(item)
    }

    fn add_needs_memory(&mut self, item: ItemIndex) -> bool {
        let outranked = self.done.0.contains(item) || self.failed.0.contains(item);
        !outranked && self.needs_memory.0.insert(item)
    }
}

pub fn fold(tally: &Tally, callbacks: &[Callback]) -> Fold {
    let mut next = tally.clone();
    let (mut changed, mut heartbeat) = (false, false);
    for callback in callbacks {
        let same = (&callback.run, &callback.step, callback.generation) == (&next.run, &next.step, next.generation);
        if !same {
            continue;
        }
        if callback.item >= next.total {
            next.malformed += 1;
            changed = true;
            continue;
        }
        let current = (callback.epoch, callback.round) == (next.epoch, next.round);
        let new = match callback.kind {
            CallbackKind::Done => next.add_done(callback.item),
            _ if !current => false,
            CallbackKind::Failed | CallbackKind::Poison => next.add_failed(callback.item),
            CallbackKind::NeedsMemory => next.add_needs_memory(callback.item),
            CallbackKind::Lost | CallbackKind::Held => false,
            // Only an item that is still awaited can be alive.
            CallbackKind::Alive => {
                heartbeat |= next.asked.0.contains(callback.item) && !next.has_bit(callback.item);
                false
            }
        };
        changed |= new;
        heartbeat |= new;
    }
    let complete = next.is_complete();
    Fold { tally: next, changed, complete, heartbeat, inspect: false }
}
