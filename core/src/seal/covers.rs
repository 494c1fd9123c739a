//! Does a seal that stands answer what is asked now? Not where it is without items that nobody accepts, nor where it
//! was made with other checks than the step has by now: those are remade, of the same receipts, before it counts.

use crate::ids::ItemIndex;
use crate::model::Step;
use crate::records::{Checks, Seal};

impl Checks {
    pub fn of(step: &Step) -> Self {
        Self {
            rows: step.rows,
            min_rows: step.expect.min_rows,
            max_bad_rows: step.input.max_bad_rows,
            warn_only: step.expect.warn_only,
        }
    }
}

impl Seal {
    /// Are all items that it is without accepted as missing?
    pub fn is_complete(&self, accepted: &[ItemIndex]) -> bool {
        self.missing.iter().all(|item| accepted.contains(item))
    }

    /// The checks of the step that were other ones when it was made, as the pipeline file calls them.
    pub fn unchecked(&self, step: &Step) -> Option<String> {
        let (was, is) = (self.checked.as_ref()?, Checks::of(step));
        let parts = [
            ("`rows`", was.rows != is.rows),
            ("`expect.rows`", was.min_rows != is.min_rows),
            ("`max_bad_rows`", was.max_bad_rows != is.max_bad_rows),
            ("`on_fail`", was.warn_only != is.warn_only),
        ];
        let names: Vec<&str> = parts.into_iter().filter(|(_, other)| *other).map(|(name, _)| name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    pub fn covers(&self, accepted: &[ItemIndex], step: &Step) -> bool {
        self.is_complete(accepted) && self.unchecked(step).is_none()
    }
}
