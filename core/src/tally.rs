//! The fold of a round's callbacks. It only decides when to look: the truth are receipts and failure records. A
//! callback of another epoch or round is ignored unless it says `done`, which is true for ever; `done` outranks
//! `failed`, which outranks `needs_memory`. Folding the same callbacks twice, or in another order, ends the same.

use crate::ids::{Epoch, Generation, ItemIndex, Round, RunId, Rung, StepName};
use crate::records::{Callback, CallbackKind, RECORD_VERSION};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub use roaring::RoaringBitmap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
}

/// What a round begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    pub total: u32,
    pub asked: Items,
    pub done: Items,
    /// Given up in an earlier round of this epoch.
    pub failed: Items,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    pub tally: Tally,
    /// Is the record to be written?
    pub changed: bool,
    pub complete: bool,
    /// Is the waiting execution to be told that work goes on?
    pub heartbeat: bool,
}

/// Which round this is of what.
#[derive(Clone, Debug, PartialEq)]
pub struct TallyOf {
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    pub epoch: Epoch,
    pub round: Round,
    pub rung: Rung,
}

impl Tally {
    pub fn begin(of: TallyOf, seed: Seed, token: &str, now_ms: u64) -> Self {
        Self {
            v: RECORD_VERSION,
            run: of.run,
            step: of.step,
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
            CallbackKind::Lost => false,
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
    Fold { tally: next, changed, complete, heartbeat }
}
