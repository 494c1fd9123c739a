//! Faults: which there are, how often each comes in this seed, and where they have struck. A point is an operation of
//! a port as one kind of actor calls it, such as `publish store.copy`.

use crate::chance::Chance;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Refused: nothing happened, and the caller knows.
    Throttled,
    /// It never arrived, and the caller cannot know.
    RequestLost,
    /// It happened, and the caller cannot know.
    ReplyLost,
    /// The caller gives up, and it happens later.
    LandsLate,
    /// The answer takes longer than leases last.
    Slow,
    /// The whole actor stands still for a while and then goes on.
    Stall,
    /// The actor dies before it.
    DeathBefore,
    /// The actor dies after it.
    DeathAfter,
    /// A message is delivered twice.
    Duplicate,
    /// A message is delivered long after it was sent.
    LateMessage,
    /// A machine is taken with two minutes of notice.
    Notice,
    /// A machine is gone.
    Vanished,
    /// There are no machines for a while.
    NoCapacity,
    /// A call of a function is refused, lost, or its reply is.
    Invocation,
    /// The end of an execution is reported to nobody.
    EventLost,
}

pub const KINDS: usize = 15;

/// What may befall a call of a port.
const OF_CALLS: [Fault; 8] = [
    Fault::Throttled,
    Fault::RequestLost,
    Fault::ReplyLost,
    Fault::LandsLate,
    Fault::Slow,
    Fault::Stall,
    Fault::DeathBefore,
    Fault::DeathAfter,
];

#[derive(Debug)]
pub struct Faults {
    on: bool,
    /// Calls in a thousand that something befalls.
    rate: u64,
    /// How much of it each kind has.
    weights: [u64; OF_CALLS.len()],
    pub struck: BTreeMap<Fault, u64>,
    pub points: BTreeSet<String>,
    pub hit: BTreeSet<String>,
}

impl Faults {
    /// Some seeds have many faults of few kinds, others few of many; one in eight has none.
    pub fn new(chance: &mut Chance) -> Faults {
        let rate = *chance.pick(&[0, 2, 5, 10, 20, 30, 50, 80]);
        let weights = OF_CALLS.map(|_| *chance.pick(&[0, 1, 1, 2, 5]));
        Faults { on: rate > 0, rate, weights, struck: BTreeMap::new(), points: BTreeSet::new(), hit: BTreeSet::new() }
    }

    pub fn are_on(&self) -> bool {
        self.on
    }

    pub fn stop(&mut self) {
        self.on = false;
    }

    /// What befalls this call, if anything.
    pub fn at(&mut self, point: &str, chance: &mut Chance) -> Option<Fault> {
        if !self.points.contains(point) {
            self.points.insert(point.to_owned());
        }
        if !self.on || !chance.permille(self.rate) {
            return None;
        }
        let all: u64 = self.weights.iter().sum();
        let mut drawn = chance.below(all);
        for (fault, weight) in OF_CALLS.iter().zip(self.weights) {
            if drawn < weight {
                self.hit.insert(point.to_owned());
                return Some(*fault);
            }
            drawn -= weight;
        }
        None
    }

    /// Whether something else befalls, at twice the rate of calls.
    pub fn strikes(&mut self, fault: Fault, chance: &mut Chance) -> bool {
        // An event is lost often enough that somebody else has to look.
        let rate = if fault == Fault::EventLost { 250 } else { self.rate * 2 };
        let strikes = self.on && chance.permille(rate);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    pub fn count(&mut self, fault: Fault) {
        *self.struck.entry(fault).or_default() += 1;
    }
}
