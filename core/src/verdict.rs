//! What comes after a round. The truth are receipts and failure records of this epoch; the tally's bits are hints that
//! can only add a reason to believe a record. Decides, never counts on a message.

use crate::bounds::{MAX_IDLE_ROUNDS, MAX_ROUNDS};
use crate::calls::{Caught, errors};
use crate::command::Command;
use crate::format::{ItemsFailed, bytes_of, count, diagnosis, items};
use crate::ids::{ItemIndex, Round, Rung};
use crate::item::FailureClass;
use crate::model::Resources;
use crate::records::FailureRecord;
use crate::tally::{Items, Tally};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;

/// The facts of a step's items.
pub struct Facts<'a> {
    pub total: u32,
    pub receipts: &'a RoaringBitmap,
    /// Items that may be missing: they are not worked on.
    pub accepted: &'a [ItemIndex],
    /// Of this epoch.
    pub failures: &'a [FailureRecord],
    /// Items the tally of this epoch, whatever its round, heard `failed` of.
    pub failed_hint: &'a RoaringBitmap,
    pub resources: &'a Resources,
    pub rung: Rung,
}

/// Every item without a receipt, by what it waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// To be tried on this rung.
    pub open: RoaringBitmap,
    /// To be tried on the next.
    pub needs_memory: RoaringBitmap,
    /// For good, in this epoch: the decisive record, and how many attempts counted.
    pub failed: BTreeMap<ItemIndex, (FailureRecord, u32)>,
    /// Accepted, and without a receipt.
    pub missing: Vec<ItemIndex>,
}

/// Memory of an item on a rung.
pub fn memory_bytes(resources: &Resources, rung: Rung) -> u64 {
    let doubled = resources.memory_bytes.checked_shl(rung).filter(|m| m >> rung == resources.memory_bytes);
    doubled.unwrap_or(u64::MAX).min(resources.max_memory_bytes.max(resources.memory_bytes))
}

/// Is there a rung above this one?
pub fn can_climb(resources: &Resources, rung: Rung) -> bool {
    memory_bytes(resources, rung) < resources.max_memory_bytes
}

/// Does a failure of this class count against `max_attempts`?
pub fn counted(class: FailureClass) -> bool {
    !matches!(class, FailureClass::Memory | FailureClass::Infra | FailureClass::Lost)
}

pub fn standing(facts: &Facts<'_>) -> Standing {
    let mut by_item: BTreeMap<ItemIndex, Vec<&FailureRecord>> = BTreeMap::new();
    for failure in facts.failures {
        by_item.entry(failure.item).or_default().push(failure);
    }
    let mut standing = Standing::default();
    for item in 0..facts.total {
        if facts.receipts.contains(item) {
            continue;
        }
        if facts.accepted.contains(&item) {
            standing.missing.push(item);
            continue;
        }
        let records = by_item.get(&item).map_or(&[][..], Vec::as_slice);
        if let Some((record, attempts)) = given_up(facts, item, records) {
            standing.failed.insert(item, (record.clone(), attempts));
        } else if records.iter().any(|r| r.class == FailureClass::Memory && r.rung >= facts.rung) {
            standing.needs_memory.insert(item);
        } else {
            standing.open.insert(item);
        }
    }
    standing
}

fn given_up<'r>(facts: &Facts<'_>, item: ItemIndex, records: &[&'r FailureRecord]) -> Option<(&'r FailureRecord, u32)> {
    let last = |wanted: &dyn Fn(&FailureRecord) -> bool| {
        records.iter().filter(|r| wanted(r)).max_by_key(|r| r.failed_ms).copied()
    };
    let attempts = records.iter().filter(|r| counted(r.class)).count() as u32;
    if let Some(poison) = last(&|r| r.class == FailureClass::Poison) {
        return Some((poison, attempts));
    }
    let top = last(&|r| r.class == FailureClass::Memory && !can_climb(facts.resources, r.rung));
    if let Some(memory) = top {
        return Some((memory, records.len() as u32));
    }
    let reported = attempts > 0 && facts.failed_hint.contains(item);
    let spent = attempts >= facts.resources.max_attempts.max(1);
    (reported || spent).then(|| last(&|r| counted(r.class)).map(|r| (r, attempts))).flatten()
}

/// A round that has ended.
pub struct Ended<'a> {
    pub step: &'a str,
    pub round: Round,
    pub rung: Rung,
    /// Rounds before this one, on its rung, that brought nothing.
    pub idle_before: u32,
    pub caught: Option<&'a Caught>,
    /// The tally of the epoch, of this round or a previous one.
    pub tally: Option<&'a Tally>,
    /// The commands that show the run and resume it.
    pub inspect: &'a Command,
    pub resume: &'a Command,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Round {
        round: Round,
        rung: Rung,
        idle: u32,
        because: String,
    },
    /// Every item has a receipt or may be missing: seal.
    Complete {
        missing: Vec<ItemIndex>,
    },
    Failed {
        error: String,
        cause: String,
    },
}

pub fn decide(facts: &Facts<'_>, ended: &Ended<'_>) -> Verdict {
    let standing = standing(facts);
    if standing.open.is_empty() && standing.needs_memory.is_empty() && standing.failed.is_empty() {
        return Verdict::Complete { missing: standing.missing };
    }
    if let Some(caught) = ended.caught.filter(|c| errors::end_a_step(&c.error)) {
        return stop(&caught.error, &diagnosis(Some(caught)), facts, &standing, ended);
    }
    let round = ended.round + 1;
    let last = round >= MAX_ROUNDS;
    if !standing.open.is_empty() {
        let idle = if progressed(facts, &standing, ended) { 0 } else { ended.idle_before + 1 };
        if idle < MAX_IDLE_ROUNDS && !last {
            let (open, of) = (standing.open.len(), count(standing.open.len(), "item"));
            let verb = if open == 1 { "has" } else { "have" };
            let why = ended.caught.map_or(String::new(), |c| format!("; {}", diagnosis(Some(c))));
            let because = format!("{of} {verb} neither a receipt nor failed{why}");
            return Verdict::Round { round, rung: ended.rung, idle, because };
        }
        if standing.failed.is_empty() {
            let rounds = if last { format!("{MAX_ROUNDS} rounds") } else { format!("{idle} rounds in a row") };
            let why = diagnosis(ended.caught);
            let left = items(&standing.open.iter().collect::<Vec<_>>());
            let cause = format!("{rounds} left work undone; the last: {why}. Without receipt: {left}");
            return stop(errors::NO_PROGRESS, &cause, facts, &standing, ended);
        }
    } else if !standing.needs_memory.is_empty() && !last {
        let rung = ended.rung + 1;
        let (n, memory) = (standing.needs_memory.len(), bytes_of(memory_bytes(facts.resources, rung)));
        let because = format!("{} ran out of memory; each gets {memory} now", count(n, "item"));
        return Verdict::Round { round, rung, idle: 0, because };
    }
    if standing.failed.is_empty() {
        let cause = format!("after {MAX_ROUNDS} rounds there are items that need more memory");
        return stop(errors::NO_PROGRESS, &cause, facts, &standing, ended);
    }
    Verdict::Failed { error: errors::ITEMS_FAILED.to_owned(), cause: items_failed(facts, &standing, ended) }
}

/// Did the round bring any item forward?
fn progressed(facts: &Facts<'_>, standing: &Standing, ended: &Ended<'_>) -> bool {
    let brought = |class| !matches!(class, FailureClass::Infra | FailureClass::Lost);
    let recorded = facts.failures.iter().any(|f| f.round == ended.round && brought(f.class));
    let settled = |asked: &Items| asked.0.iter().any(|item| !standing.open.contains(item));
    recorded || ended.tally.is_some_and(|t| t.round == ended.round && settled(&t.asked))
}

fn stop(error: &str, why: &str, facts: &Facts<'_>, standing: &Standing, ended: &Ended<'_>) -> Verdict {
    let failed = match standing.failed.is_empty() {
        true => String::new(),
        false => format!(" {}", items_failed(facts, standing, ended)),
    };
    let kept = count(facts.receipts.len(), "item");
    let cause = format!("`{}`: {why}.{failed} {kept} committed and kept. Again: `{}`.", ended.step, ended.resume);
    Verdict::Failed { error: error.to_owned(), cause }
}

fn items_failed(facts: &Facts<'_>, standing: &Standing, ended: &Ended<'_>) -> String {
    let committed = facts.receipts.len();
    let (total, failed) = (facts.total, &standing.failed);
    ItemsFailed { step: ended.step, total, committed, failed, inspect: ended.inspect, resume: ended.resume }.text()
}
