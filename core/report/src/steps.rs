//! Steps in a line each, and how each destination stands in a word.

use crate::loaded::Loaded;
use crate::model::{Destination, StepLine};
use crate::of::Of;
use crate::words::{count, median, number};
use spotmill_core::ids::{ItemIndex, RunId};
use spotmill_core::item::FailureClass;
use spotmill_core::records::StepState;
use spotmill_ledger::{By, Line, lines as group};
use std::collections::{BTreeMap, BTreeSet};

/// Past runs that rows are compared with.
const USUAL: usize = 7;
/// Past runs without which there is no usual.
const FEW: usize = 3;

pub fn lines(loaded: &Loaded, all: &[Of<'_>]) -> Vec<StepLine> {
    let costs = costs(loaded);
    all.iter().map(|of| line(of, costs.get(&of.step.name))).collect()
}

/// What each step cost, all of its generations.
fn costs(loaded: &Loaded) -> BTreeMap<String, Line> {
    let run: &RunId = &loaded.report.run;
    let rows = loaded.ledger.iter().flat_map(|ledger| ledger.charges.iter().map(move |charge| (run, charge)));
    group(By::Step, rows).into_iter().map(|line| (line.name.clone(), line)).collect()
}

fn line(of: &Of<'_>, cost: Option<&Line>) -> StepLine {
    let committed = || of.loaded.tried.iter().filter(|tried| tried.failure.is_none());
    let done: BTreeSet<ItemIndex> = committed().map(|tried| tried.item).collect();
    let failed: BTreeSet<ItemIndex> =
        of.loaded.tried.iter().map(|tried| tried.item).filter(|i| !done.contains(i)).collect();
    let is_lost = |f: &&spotmill_core::records::FailureRecord| f.class != FailureClass::Lost;
    let reported = of.report.failures.iter().filter(is_lost).count();
    let largest = of.loaded.tried.iter().max_by_key(|tried| tried.peak_bytes);
    let priced = cost.filter(|line| line.unpriced_ms == 0 && (line.machine_ms > 0 || line.usd_nanos > 0));
    StepLine {
        step: of.step.name.clone(),
        generation: of.report.generation,
        state: match of.report.state {
            StepState::Done => "done",
            StepState::Failed => "incomplete",
            StepState::NotStarted => "not started",
        }
        .to_owned(),
        because: of.report.because.clone(),
        items: of.report.items,
        committed: of.report.committed,
        failed: u32::try_from(failed.len().max(reported)).unwrap_or(u32::MAX),
        rows: of.report.rows,
        bytes_out: of.report.bytes,
        took_ms: of.report.took_ms,
        longest: committed().max_by_key(|tried| tried.run_ms).map(|tried| (tried.item, tried.run_ms)),
        median_ms: median(committed().map(|tried| tried.run_ms).collect()),
        peak_bytes: of.report.peak_bytes.max(largest.map_or(0, |tried| tried.peak_bytes)),
        limit_bytes: of.limit_bytes(largest.map_or(0, |tried| tried.rung)),
        usd_nanos: priced.map(|line| line.usd_nanos),
        unpriced_ms: cost.map_or(0, |line| line.unpriced_ms),
        warnings: of.report.warnings.clone(),
        notes: of.report.notes.clone(),
    }
}

/// The steps that publish.
pub fn destinations(loaded: &Loaded, all: &[Of<'_>]) -> Vec<Destination> {
    all.iter().filter(|of| of.loaded.destination.is_some()).map(|of| destination(loaded, of)).collect()
}

fn destination(loaded: &Loaded, of: &Of<'_>) -> Destination {
    let name = &of.step.name;
    let others = loaded.past.iter().rev().filter(|end| end.run != loaded.report.run);
    let past: Vec<u64> = others.filter_map(|end| end.rows.get(name).copied()).take(USUAL).collect();
    let usual_of = past.len();
    let usual_rows = median(past).filter(|_| usual_of >= FEW);
    let is_done = of.report.state == StepState::Done;
    let rows = is_done.then_some(of.report.rows.written);
    let mut remarks = of.report.warnings.clone();
    remarks.extend(of.loaded.superseded.clone());
    if !of.report.missing.is_empty() {
        remarks.push(format!("without {}", count(of.report.missing.len() as u64, "item")));
    }
    let far = rows.zip(usual_rows).and_then(|(rows, usual)| strange(rows, usual));
    if let Some((_, usual)) = far.zip(usual_rows) {
        remarks.push(format!("{} are usual", number(usual)));
    }
    let word = match () {
        () if of.loaded.superseded.is_some() => "superseded",
        () if !is_done => "not published",
        () if !of.report.missing.is_empty() => "partial",
        () if !of.report.warnings.is_empty() => "warned",
        () => far.unwrap_or("good"),
    };
    Destination {
        step: name.clone(),
        location: of.report.published.as_ref().map(ToString::to_string).or(of.loaded.destination.clone()),
        word: word.to_owned(),
        published_ms: of.loaded.published_ms,
        rows,
        usual_rows,
        usual_of,
        remarks,
    }
}

/// Less than half, or more than twice as many as usual.
fn strange(rows: u64, usual: u64) -> Option<&'static str> {
    match () {
        () if rows.saturating_mul(2) < usual => Some("few rows"),
        () if rows > usual.saturating_mul(2) => Some("many rows"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_strange_below_half_and_above_twice_the_usual() {
        let of = |rows| strange(rows, 100);
        assert_eq!((of(49), of(50), of(200), of(201)), (Some("few rows"), None, None, Some("many rows")));
        assert_eq!((strange(0, 0), strange(1, 0)), (None, Some("many rows")));
    }
}
