//! A step's seal, folded from its receipts one at a time, and the checks that stand before it: the row equations, bad
//! rows, declared relations and expectations. A seal is only made of receipts that are about the planned items.

mod builds;
mod checks;
mod covers;
pub mod expectation;
mod files;
mod spans;

use crate::bundle;
use crate::format::{bytes_of, count};
use crate::history::peak_per_byte;
use crate::ids::{Epoch, ItemIndex, StepName};
use crate::item::RowCounts;
use crate::model::Step;
use crate::records::{Checks, Plan, RECORD_VERSION, Receipt, Seal};
use crate::types::Column;
use builds::Builds;
use checks::{BadRows, Expectations, RowProblems};
pub use files::SealedFiles;
pub use spans::Spans;
use std::collections::BTreeMap;

/// What the work list holds of an item, as far as a seal asks.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedItem {
    pub digest: String,
    /// Rows that its inputs have, when they are a step's output.
    pub rows: Option<u64>,
    /// A slice of its input by value: rows read do not determine rows written.
    pub sliced: bool,
    /// Of its inputs.
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sealed {
    pub seal: Seal,
    pub files: SealedFiles,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SealError {
    /// Receipts that cannot be of this plan.
    Corrupt(String),
    /// The data are not what was declared.
    Expectation(String),
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    rows: RowCounts,
    cpu_ms: u64,
    slot_ms: u64,
    peak_bytes: u64,
    peak_per_byte: Option<f64>,
}

/// A seal in the making. Receipts come in the order of their items.
#[derive(Debug)]
pub struct Sealing<'a> {
    step: &'a Step,
    plan: &'a Plan,
    /// Accepted and without a receipt.
    missing: &'a [ItemIndex],
    /// The item that a receipt is expected of.
    next: ItemIndex,
    sums: Sums,
    /// Of the first item that wrote any, and how another item's differ.
    columns: Option<(ItemIndex, Vec<Column>)>,
    differing: Option<String>,
    rows: RowProblems,
    bad_rows: BadRows,
    expectations: Expectations,
    files: SealedFiles,
    spans: Spans,
    builds: Builds<'a>,
}

impl<'a> Sealing<'a> {
    /// `programs`: digests of the deployed worker by architecture, as in `DeployedWorker`.
    pub fn new(
        step: &'a Step,
        plan: &'a Plan,
        missing: &'a [ItemIndex],
        programs: &'a BTreeMap<String, String>,
    ) -> Self {
        Self {
            builds: Builds::new(programs),
            step,
            plan,
            missing,
            next: 0,
            sums: Sums::default(),
            columns: None,
            differing: None,
            rows: RowProblems::default(),
            bad_rows: BadRows::default(),
            expectations: Expectations::default(),
            files: SealedFiles::default(),
            spans: Spans::new(plan.epoch, plan.planned_ms),
        }
    }

    /// The receipt that stands under `item`.
    pub fn add(&mut self, item: ItemIndex, planned: &PlannedItem, receipt: Receipt) -> Result<(), SealError> {
        if item >= self.plan.items {
            return Err(SealError::Corrupt(format!("the receipt of item {item} is of no planned item")));
        }
        self.skip_to(item)?;
        self.next = item + 1;
        check(item, planned, &receipt)?;
        let sums = &mut self.sums;
        sums.rows += receipt.rows;
        sums.cpu_ms += receipt.usage.cpu_ms;
        sums.slot_ms += receipt.usage.wall_ms;
        sums.peak_bytes = sums.peak_bytes.max(receipt.usage.peak_bytes);
        if let Some(per_byte) = peak_per_byte(receipt.usage.peak_bytes, planned.bytes) {
            sums.peak_per_byte = Some(sums.peak_per_byte.map_or(per_byte, |most| most.max(per_byte)));
        }
        self.rows.add(self.step, item, planned, &receipt);
        self.bad_rows.add(item, &receipt);
        self.expectations.add(item, &receipt);
        self.agree(item, &receipt.columns);
        self.files.add(item, &receipt);
        self.builds.add(&receipt.worker_digest);
        self.spans.add(receipt.epoch, receipt.committed_ms, receipt.usage.wall_ms);
        Ok(())
    }

    /// Items between two receipts are without one: they have to be accepted as missing.
    fn skip_to(&self, item: ItemIndex) -> Result<(), SealError> {
        match (self.next..item).find(|i| !self.missing.contains(i)) {
            Some(without) => Err(SealError::Corrupt(format!("item {without} has no receipt"))),
            None => Ok(()),
        }
    }

    fn agree(&mut self, item: ItemIndex, columns: &[Column]) {
        let names =
            |columns: &[Column]| columns.iter().map(|c| format!("{} {}", c.name, c.ty)).collect::<Vec<_>>().join(", ");
        match &self.columns {
            _ if columns.is_empty() => {}
            None => self.columns = Some((item, columns.to_vec())),
            Some((first, model)) if model != columns && self.differing.is_none() => {
                self.differing = Some(format!(
                    "items wrote different columns: item {first} has {}; item {item} has {}",
                    names(model),
                    names(columns)
                ));
            }
            Some(_) => {}
        }
    }

    /// By the epoch that seals it.
    pub fn finish(self, epoch: Epoch, now_ms: u64) -> Result<Sealed, SealError> {
        self.skip_to(self.plan.items)?;
        if let Some(differing) = self.differing {
            return Err(SealError::Expectation(differing));
        }
        let sums = self.sums;
        let mut problems = self.rows.describe();
        problems.extend(self.bad_rows.describe(self.step, sums.rows.rejected, sums.rows.raw));
        let unmet = self.expectations.describe(&self.step.expect, sums.rows.written);
        let mut warnings: Vec<String> = self.builds.describe(&self.step.name).into_iter().collect();
        match self.step.expect.warn_only {
            true => warnings.extend(unmet),
            false => problems.extend(unmet),
        }
        if !problems.is_empty() {
            return Err(SealError::Expectation(problems.join("; ")));
        }
        let mut files = self.files;
        files.sort();
        let files_digest = files.digest().map_err(SealError::Corrupt)?;
        let seal = Seal {
            v: RECORD_VERSION,
            step: StepName::new(&self.step.name),
            generation: self.plan.generation,
            items: self.plan.items,
            missing: self.missing.to_vec(),
            files_digest,
            files: files.len() as u64,
            partitions: files.partitions() as u64,
            bytes: files.bytes(),
            rows: sums.rows,
            columns: self.columns.map(|(_, columns)| columns).unwrap_or_default(),
            warnings,
            peak_bytes: sums.peak_bytes,
            cpu_ms: sums.cpu_ms,
            slot_ms: sums.slot_ms,
            peak_per_byte: sums.peak_per_byte,
            checked: Some(Checks::of(self.step)),
            took_ms: self.spans.took_ms(Some((epoch, now_ms))),
            sealed_ms: now_ms,
        };
        Ok(Sealed { seal, files })
    }
}

fn check(item: ItemIndex, planned: &PlannedItem, receipt: &Receipt) -> Result<(), SealError> {
    let corrupt = |what: &str| Err(SealError::Corrupt(format!("the receipt of item {item} {what}")));
    if receipt.item != item {
        return corrupt(&format!("names item {}", receipt.item));
    }
    if receipt.item_digest != planned.digest {
        return corrupt("is about other inputs than the plan's");
    }
    if let Some(f) = receipt.files.iter().chain(&receipt.rejects).find(|f| !f.stays_below()) {
        return corrupt(&format!("names `{}`, which is not below its own prefix", f.path));
    }
    if let Err(why) = bundle::bytes(&receipt.files) {
        return corrupt(&why);
    }
    match receipt.rows.contradiction(&receipt.files) {
        Some(why) => corrupt(&why),
        None => Ok(()),
    }
}

/// A sentence about a seal, for logs.
pub fn describe(seal: &Seal) -> String {
    let (files, rows) = (count(seal.files, "file"), count(seal.rows.written, "row"));
    format!("{} sealed: {rows} in {files}, {}", seal.step, bytes_of(seal.bytes))
}
