//! What a start decides of a step's items, as it decides it: each has its receipt, is taken over, may be missing, or is to be
//! done.

use crate::ids::{Epoch, Generation, ItemIndex};
use crate::reason::Code;
use crate::records::{Decisions, Plan, RECORD_VERSION};
use crate::tally::{Items, RoaringBitmap};

/// Every item under exactly one code.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    generation: Generation,
    items: u32,
    open: RoaringBitmap,
    why: Code,
    accepted: RoaringBitmap,
    carried: RoaringBitmap,
    carried_from: Option<Generation>,
}

impl Decided {
    /// `open` have no receipt and are not accepted as missing; of a complete step none is open. `why` they are to be done.
    pub fn new(plan: &Plan, open: &RoaringBitmap, accepted: &[ItemIndex], why: Code) -> Self {
        let accepted = accepted.iter().copied().filter(|item| *item < plan.items && !open.contains(*item)).collect();
        let (generation, items, carried) = (plan.generation, plan.items, RoaringBitmap::new());
        Self { generation, items, open: open.clone(), why, accepted, carried, carried_from: None }
    }

    /// Items of the open ones that were taken over from this generation.
    pub fn carried(&mut self, carried: RoaringBitmap, from: Generation) {
        self.open -= &carried;
        (self.carried, self.carried_from) = (carried, Some(from));
    }

    pub fn record(self, epoch: Epoch, decided_ms: u64) -> Decisions {
        let mut committed: RoaringBitmap = (0..self.items).collect();
        committed -= &self.open;
        committed -= &self.carried;
        committed -= &self.accepted;
        let all = [
            (Code::Committed, committed),
            (Code::CarriedOver, self.carried),
            (Code::Accepted, self.accepted),
            (self.why, self.open),
        ];
        let by_code = all.into_iter().filter(|(_, items)| !items.is_empty());
        Decisions {
            v: RECORD_VERSION,
            epoch,
            generation: self.generation,
            items: self.items,
            by_code: by_code.map(|(code, items)| (code, Items(items))).collect(),
            carried_from: self.carried_from,
            decided_ms,
        }
    }
}
