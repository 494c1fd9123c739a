//! What stands between receipts and a seal, each folded from one receipt after another and described in sentences.

use super::{PlannedItem, expectation};
use crate::format::{clip, number};
use crate::ids::ItemIndex;
use crate::model::{Expect, MaxBadRows, RowsRule, Step};
use crate::records::Receipt;
use std::collections::BTreeMap;

/// Problems of rows that are listed one by one.
const REPORTED: usize = 5;

/// The row equations: what an item read compared with what its inputs hold, what it wrote with what it read.
#[derive(Debug, Default)]
pub struct RowProblems {
    first: Vec<String>,
    more: usize,
}

impl RowProblems {
    pub fn add(&mut self, step: &Step, item: ItemIndex, planned: &PlannedItem, receipt: &Receipt) {
        let (read, written) = (receipt.rows.read, receipt.rows.written);
        if let Some(rows) = planned.rows.filter(|rows| *rows != receipt.rows.raw) {
            self.push(format!("item {item} read {} rows of {rows} that its inputs hold", receipt.rows.raw));
        }
        match step.rows.filter(|_| !planned.sliced) {
            Some(RowsRule::Same) if written != read => {
                self.push(format!("`rows = \"same\"`: item {item} read {read} rows and wrote {written}"));
            }
            Some(RowsRule::Fewer) if written > read => {
                self.push(format!("`rows = \"fewer\"`: item {item} read {read} rows and wrote {written}"));
            }
            _ => {}
        }
    }

    fn push(&mut self, problem: String) {
        if self.first.len() < REPORTED { self.first.push(problem) } else { self.more += 1 }
    }

    pub fn describe(self) -> Vec<String> {
        let mut problems = self.first;
        if self.more > 0 {
            problems.push(format!("and {} more such items", self.more));
        }
        problems
    }
}

/// The item with most rejected rows, and its note about one.
#[derive(Debug, Default)]
pub struct BadRows {
    worst: Option<(ItemIndex, u64, Option<String>)>,
}

impl BadRows {
    pub fn add(&mut self, item: ItemIndex, receipt: &Receipt) {
        let rejected = receipt.rows.rejected;
        if rejected > 0 && self.worst.as_ref().is_none_or(|(_, most, _)| rejected >= *most) {
            let is_rejection = |note: &&String| note.starts_with("rejected");
            let note = receipt.notes.iter().find(is_rejection).or(receipt.notes.first());
            self.worst = Some((item, rejected, note.map(|note| clip(note, 300))));
        }
    }

    /// Are there more than the step allows?
    pub fn describe(self, step: &Step, rejected: u64, raw: u64) -> Option<String> {
        let every = rejected == raw && raw > 0;
        let (passes, limit) = match step.input.max_bad_rows {
            MaxBadRows::Unlimited if every => (true, "not set: 100% allows it".to_owned()),
            MaxBadRows::Unlimited => return None,
            MaxBadRows::Rows(most) => (rejected > most, number(most)),
            MaxBadRows::Fraction(most) => (rejected as f64 > most * raw as f64, format!("{}%", most * 100.0)),
        };
        let example = self.worst.map_or(String::new(), |(item, most, note)| {
            let note = note.map_or(String::new(), |n| format!(", for example {n}"));
            format!("; item {item} has most, {}{note}", number(most))
        });
        let (rejected, of) = (number(rejected), number(raw));
        if every {
            let ways = "check `delimiter` and `columns`";
            return passes.then(|| {
                format!("every row was rejected, {rejected} of {of} (`max_bad_rows` is {limit}){example}; {ways}")
            });
        }
        passes.then(|| format!("{rejected} of {of} rows were rejected, more than `max_bad_rows` ({limit}){example}"))
    }
}

/// Expectations that do not hold: the ones the workers evaluated, and `min_rows`.
#[derive(Debug, Default)]
pub struct Expectations {
    /// Rows, the first item, and its example.
    violated: BTreeMap<String, (u64, ItemIndex, Option<String>)>,
}

impl Expectations {
    pub fn add(&mut self, item: ItemIndex, receipt: &Receipt) {
        for v in &receipt.violations {
            match self.violated.get_mut(&v.expectation) {
                Some(violated) => violated.0 += v.rows,
                None => {
                    let example = v.example.as_deref().map(|x| clip(x, 300));
                    self.violated.insert(v.expectation.clone(), (v.rows, item, example));
                }
            }
        }
    }

    pub fn describe(self, expect: &Expect, written: u64) -> Vec<String> {
        let sentence = |(expectation, (rows, item, example)): (String, (u64, ItemIndex, Option<String>))| {
            let example = example.map_or(String::new(), |x| format!(", for example {x}"));
            format!("{}, first in item {item}{example}", expectation::describe_unmet(&expectation, rows))
        };
        let mut unmet: Vec<String> = self.violated.into_iter().map(sentence).collect();
        if let Some(least) = expect.min_rows.filter(|least| written < *least) {
            unmet.push(expectation::describe_too_few(written, least));
        }
        unmet
    }
}
