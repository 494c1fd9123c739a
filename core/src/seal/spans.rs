//! How long a step was worked on, from what its attempts left: an epoch counts from its first item's beginning to its
//! last sign of life. The epoch that planned counts from the plan, the one that sealed up to the seal. What lies
//! between two epochs was nobody's work: a run that was stopped at night and resumed in the morning took no night.

use crate::ids::Epoch;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// First beginning and last end, by epoch.
    epochs: BTreeMap<Epoch, (u64, u64)>,
    planned: Option<(Epoch, u64)>,
}

impl Spans {
    /// Of a plan that was made at that time. An epoch of 0 is unknown: the first one with an attempt counts.
    pub fn new(epoch: Epoch, planned_ms: u64) -> Self {
        Self { epochs: BTreeMap::new(), planned: Some((epoch, planned_ms)) }
    }

    /// An attempt that ended then, after it ran that long. What ended before the plan was carried over from a previous
    /// generation.
    pub fn add(&mut self, epoch: Epoch, ended_ms: u64, ran_ms: u64) {
        let planned_ms = self.planned.map_or(0, |(_, at)| at);
        if ended_ms >= planned_ms {
            self.note(epoch, ended_ms.saturating_sub(ran_ms).max(planned_ms), ended_ms);
        }
    }

    fn note(&mut self, epoch: Epoch, from: u64, to: u64) {
        let span = self.epochs.entry(epoch).or_insert((from, to));
        *span = (span.0.min(from), span.1.max(to));
    }

    /// All together; `until` is when the epoch that works on it was last seen to do so.
    pub fn took_ms(mut self, until: Option<(Epoch, u64)>) -> u64 {
        if let Some((epoch, at)) = self.planned {
            let first = if epoch == 0 { self.epochs.keys().next().copied() } else { Some(epoch) };
            let first = first.or(until.map(|(epoch, _)| epoch));
            if let Some(first) = first {
                self.note(first, at, at);
            }
        }
        if let Some((epoch, at)) = until
            && let Some((from, to)) = self.epochs.get_mut(&epoch)
        {
            *to = at.max(*to).max(*from);
        }
        self.epochs.values().map(|(from, to)| to - from).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Spans;

    #[test]
    fn what_lies_between_two_starts_took_no_time() {
        // Undisturbed: from the plan to the seal, whatever the items took.
        let mut one = Spans::new(3, 1_000);
        one.add(3, 1_900, 300);
        assert_eq!(one.took_ms(Some((3, 2_000))), 1_000);
        // Stopped at 2,000, resumed an hour later.
        let mut two = Spans::new(3, 1_000);
        two.add(3, 2_000, 500);
        two.add(5, 3_602_500, 400);
        assert_eq!(two.clone().took_ms(None), 1_000 + 400);
        assert_eq!(two.clone().took_ms(Some((5, 3_602_600))), 1_000 + 500);
        // A later start that only reseals.
        assert_eq!(two.took_ms(Some((9, 9_000_000))), 1_400);
        // Stopped before anything was committed: the night counts for nobody.
        let mut none = Spans::new(3, 1_000);
        none.add(5, 3_602_500, 400);
        assert_eq!(none.took_ms(Some((5, 3_602_600))), 500);
        // Carried over from before the plan.
        let mut carried = Spans::new(7, 10_000);
        carried.add(7, 500, 100);
        assert_eq!(carried.took_ms(Some((7, 10_050))), 50);
        // A plan that does not record whose it was.
        let mut old = Spans::new(0, 1_000);
        old.add(4, 1_900, 300);
        assert_eq!(old.took_ms(Some((4, 2_000))), 1_000);
    }
}
