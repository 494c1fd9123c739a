//! A step's seal, made from its receipts, and the checks that stand before it: the row equations, bad rows, declared
//! relations and expectations. A seal is only made of receipts that are about the planned items.

use crate::digest::sha256;
use crate::ids::{ItemIndex, StepName};
use crate::model::{Expect, MaxBadRows, RowsRule, Step};
use crate::records::{Plan, RECORD_VERSION, Receipt, Seal, SealedFile};
use crate::types::Column;
use crate::words::{bytes_of, clip, count, number};
use std::collections::{BTreeMap, BTreeSet};

/// What the work list says of an item, as far as a seal asks.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedItem {
    pub digest: String,
    /// Rows that its inputs have, when they are a step's output.
    pub rows: Option<u64>,
    /// A slice of its input by value: rows read say nothing of rows written.
    pub sliced: bool,
}

pub struct Evidence<'a> {
    pub step: &'a Step,
    pub plan: &'a Plan,
    /// In the order of their indexes.
    pub items: &'a [PlannedItem],
    pub receipts: &'a BTreeMap<ItemIndex, Receipt>,
    /// Accepted and without a receipt.
    pub missing: &'a [ItemIndex],
    pub now_ms: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sealed {
    pub seal: Seal,
    pub files: Vec<SealedFile>,
    /// `sealed/files-{digest}.ndjson`.
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SealError {
    /// Receipts that cannot be of this plan.
    Corrupt(String),
    /// The data are not what was declared.
    Expectation(String),
}

pub fn seal(e: &Evidence<'_>) -> Result<Sealed, SealError> {
    check_receipts(e)?;
    let columns = agreed_columns(e)?;
    let (mut problems, mut warnings) = (row_problems(e), Vec::new());
    let expected = unmet(e);
    match e.step.expect.warn_only {
        true => warnings.extend(expected),
        false => problems.extend(expected),
    }
    if !problems.is_empty() {
        return Err(SealError::Expectation(problems.join("; ")));
    }
    let files = sealed_files(e);
    let mut bytes = Vec::new();
    for file in &files {
        let line = serde_json::to_vec(file).map_err(|e| SealError::Corrupt(e.to_string()))?;
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
    }
    let sum = |of: fn(&Receipt) -> u64| e.receipts.values().map(of).sum::<u64>();
    let seal = Seal {
        v: RECORD_VERSION,
        step: StepName::new(&e.step.name),
        generation: e.plan.generation,
        items: e.plan.items,
        missing: e.missing.to_vec(),
        files_digest: sha256(&bytes),
        files: files.len() as u64,
        partitions: files.iter().map(|f| &f.partition).collect::<BTreeSet<_>>().len() as u64,
        bytes: files.iter().map(|f| f.bytes).sum(),
        rows_raw: sum(|r| r.rows_raw),
        rows_read: sum(|r| r.rows_read),
        rows_rejected: sum(|r| r.rows_rejected),
        rows_written: sum(|r| r.rows_written),
        columns,
        warnings,
        peak_bytes: e.receipts.values().map(|r| r.usage.peak_bytes).max().unwrap_or(0),
        cpu_ms: sum(|r| r.usage.cpu_ms),
        sealed_ms: e.now_ms,
    };
    Ok(Sealed { seal, files, bytes })
}

fn check_receipts(e: &Evidence<'_>) -> Result<(), SealError> {
    for (item, receipt) in e.receipts {
        let corrupt = |what: &str| Err(SealError::Corrupt(format!("the receipt of item {item} {what}")));
        let Some(planned) = e.items.get(*item as usize) else {
            return corrupt("is of no planned item");
        };
        if receipt.item != *item {
            return corrupt(&format!("names item {}", receipt.item));
        }
        if receipt.item_digest != planned.digest {
            return corrupt("is about other inputs than the plan's");
        }
        let (raw, read, rejected) = (receipt.rows_raw, receipt.rows_read, receipt.rows_rejected);
        if raw != read + rejected {
            return corrupt(&format!("does not add up: {raw} raw rows, {read} read and {rejected} rejected"));
        }
        let written: u64 = receipt.files.iter().map(|f| f.rows).sum();
        if receipt.rows_written != written {
            return corrupt(&format!("says {} rows written; its files hold {written}", receipt.rows_written));
        }
    }
    let without = (0..e.plan.items).find(|i| !e.receipts.contains_key(i) && !e.missing.contains(i));
    match without {
        Some(item) => Err(SealError::Corrupt(format!("item {item} has no receipt"))),
        None => Ok(()),
    }
}

fn agreed_columns(e: &Evidence<'_>) -> Result<Vec<Column>, SealError> {
    let names =
        |columns: &[Column]| columns.iter().map(|c| format!("{} {}", c.name, c.ty)).collect::<Vec<_>>().join(", ");
    let mut receipts = e.receipts.iter().filter(|(_, r)| !r.columns.is_empty());
    let Some((first, model)) = receipts.next() else {
        return Ok(Vec::new());
    };
    match receipts.find(|(_, r)| r.columns != model.columns) {
        None => Ok(model.columns.clone()),
        Some((other, r)) => Err(SealError::Expectation(format!(
            "items wrote different columns: item {first} has {}; item {other} has {}",
            names(&model.columns),
            names(&r.columns)
        ))),
    }
}

fn row_problems(e: &Evidence<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    for (item, receipt) in e.receipts {
        let planned = &e.items[*item as usize];
        let (read, written) = (receipt.rows_read, receipt.rows_written);
        if let Some(rows) = planned.rows.filter(|rows| *rows != receipt.rows_raw) {
            problems.push(format!("item {item} read {} rows of {rows} that its inputs hold", receipt.rows_raw));
        }
        match e.step.rows.filter(|_| !planned.sliced) {
            Some(RowsRule::Same) if written != read => {
                problems.push(format!("`rows = \"same\"`: item {item} read {read} rows and wrote {written}"));
            }
            Some(RowsRule::Fewer) if written > read => {
                problems.push(format!("`rows = \"fewer\"`: item {item} read {read} rows and wrote {written}"));
            }
            _ => {}
        }
    }
    let more = problems.len().saturating_sub(5);
    problems.truncate(5);
    if more > 0 {
        problems.push(format!("and {more} more such items"));
    }
    problems.extend(too_many_bad_rows(e));
    problems
}

fn too_many_bad_rows(e: &Evidence<'_>) -> Option<String> {
    let rejected: u64 = e.receipts.values().map(|r| r.rows_rejected).sum();
    let raw: u64 = e.receipts.values().map(|r| r.rows_raw).sum();
    let (passes, limit) = match e.step.input.max_bad_rows {
        MaxBadRows::Unlimited => return None,
        MaxBadRows::Rows(most) => (rejected > most, number(most)),
        MaxBadRows::Fraction(most) => (rejected as f64 > most * raw as f64, format!("{}%", most * 100.0)),
    };
    let worst = e.receipts.iter().filter(|(_, r)| r.rows_rejected > 0).max_by_key(|(_, r)| r.rows_rejected);
    let example = worst.map_or(String::new(), |(item, r)| {
        let note = r.notes.first().map_or(String::new(), |n| format!(", for example {}", clip(n, 300)));
        format!("; item {item} has most, {}{note}", number(r.rows_rejected))
    });
    let of = number(raw);
    passes.then(|| {
        format!("{} of {of} rows were rejected, more than `max_bad_rows` ({limit}){example}", number(rejected))
    })
}

/// Expectations that do not hold: the ones the workers evaluated, and `min_rows`.
fn unmet(e: &Evidence<'_>) -> Vec<String> {
    let mut found: BTreeMap<&str, (u64, ItemIndex, Option<&str>)> = BTreeMap::new();
    for (item, receipt) in e.receipts {
        for v in &receipt.violations {
            let entry = found.entry(&v.expectation).or_insert((0, *item, v.example.as_deref()));
            entry.0 += v.rows;
        }
    }
    let mut unmet: Vec<String> = found
        .into_iter()
        .map(|(expectation, (rows, item, example))| {
            let example = example.map_or(String::new(), |x| format!(", for example {}", clip(x, 300)));
            format!("{expectation} does not hold for {}, first in item {item}{example}", count(rows, "row"))
        })
        .collect();
    let written: u64 = e.receipts.values().map(|r| r.rows_written).sum();
    unmet.extend(too_few_rows(&e.step.expect, written));
    unmet
}

fn too_few_rows(expect: &Expect, written: u64) -> Option<String> {
    let least = expect.min_rows.filter(|least| written < *least)?;
    Some(format!("{} written, of at least {} expected", count(written, "row"), number(least)))
}

fn sealed_files(e: &Evidence<'_>) -> Vec<SealedFile> {
    let mut files: Vec<SealedFile> = e
        .receipts
        .iter()
        .flat_map(|(item, receipt)| {
            receipt.files.iter().map(|f| SealedFile {
                item: *item,
                partition: f.partition.clone(),
                part: f.part,
                uri: receipt.scratch.join(&f.path),
                rows: f.rows,
                bytes: f.bytes,
            })
        })
        .collect();
    files.sort_by(|a, b| (&a.partition, a.item, a.part).cmp(&(&b.partition, b.item, b.part)));
    files
}

/// A sentence about a seal, for logs.
pub fn told(seal: &Seal) -> String {
    let (files, rows) = (count(seal.files, "file"), count(seal.rows_written, "row"));
    format!("{} sealed: {rows} in {files}, {}", seal.step, bytes_of(seal.bytes))
}
