//! The plan of a step's generation: which items there are and what each reads. Same listing, same plan, to the byte.
//! It never splits an object, never packs two partitions into one item, and refuses what would cost more in requests
//! than in machines.

use crate::bounds::{MAX_ITEM_INPUTS, MAX_ITEMS, MAX_STEP_FILES, MAX_WORK_BYTES, USD_PER_1000_PUTS};
use crate::digest::sha256;
use crate::ids::ItemIndex;
use crate::item::{InputFile, ValueFilter};
use crate::model::{By, Input, ItemValue, Layout, OnEmpty, Source, Step, Values};
use crate::records::WorkItem;
use std::collections::{BTreeMap, BTreeSet};

/// What was found at an input or a side table.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub files: Vec<FoundFile>,
    /// What to tell when it is empty: the pattern and the nearest thing that exists.
    pub if_empty: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FoundFile {
    pub file: InputFile,
    /// Of a step's output; empty otherwise.
    pub partition: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PlanError {
    NoInput(String),
    TooMuch(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub items: Vec<WorkItem>,
    /// Side tables that every item reads whole.
    pub whole: BTreeMap<String, Vec<InputFile>>,
    pub input_bytes: u64,
    /// Rows that all items together will read, when the upstream says.
    pub upstream_rows: Option<u64>,
}

/// The work list as bytes, with the offset of every line and of the end.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkList {
    pub bytes: Vec<u8>,
    pub offsets: Vec<u64>,
    pub digest: String,
}

pub fn plan(step: &Step, input: &Found, tables: &BTreeMap<String, Found>) -> Result<Planned, PlanError> {
    for (name, table) in tables {
        let by_partition = matches!(step.tables.get(name).map(|t| &t.source), Some(Source::Step { .. }));
        if table.files.is_empty() && !by_partition {
            return Err(PlanError::NoInput(format!("side table `{name}`: {}", table.if_empty)));
        }
    }
    let (joined, whole): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tables.iter().partition(|(name, _)| is_by_partition(step.tables.get(*name).map(|t| &t.source)));
    let mut items = match input.files.is_empty() && joined.values().all(|t| t.files.is_empty()) {
        true if step.input.on_empty == OnEmpty::Fail => return Err(PlanError::NoInput(input.if_empty.clone())),
        true => Vec::new(),
        false => divide(&step.input, input, &joined),
    };
    for (i, item) in (0..).zip(&mut items) {
        item.item = i;
    }
    check_bounds(step, &items)?;
    let rows = input.files.iter().map(|f| f.file.rows).sum::<Option<u64>>();
    Ok(Planned {
        upstream_rows: rows.filter(|_| matches!(step.input.source, Source::Step { .. }) && step.input.values.is_none()),
        input_bytes: input.files.iter().map(|f| f.file.bytes).sum(),
        whole: whole.into_iter().map(|(name, t)| (name.clone(), files(&t.files))).collect(),
        items,
    })
}

fn is_by_partition(source: Option<&Source>) -> bool {
    matches!(source, Some(Source::Step { by: By::Partition, .. }))
}

fn files(found: &[FoundFile]) -> Vec<InputFile> {
    found.iter().map(|f| f.file.clone()).collect()
}

fn item(inputs: Vec<InputFile>) -> WorkItem {
    WorkItem { item: 0, inputs, partition: None, value: None, tables: BTreeMap::new() }
}

fn divide(input: &Input, found: &Found, joined: &BTreeMap<&String, &Found>) -> Vec<WorkItem> {
    if let Some(values) = &input.values {
        let whole = item(files(&found.files));
        return each_value(values)
            .map(|value| WorkItem {
                value: Some(ValueFilter { column: values.column.clone(), value }),
                ..whole.clone()
            })
            .collect();
    }
    match input.source {
        Source::Path(_) => pack(files(&found.files), input.item_bytes),
        Source::Step { by: By::All, .. } => vec![item(files(&found.files))],
        Source::Step { by: By::File, .. } => found.files.iter().map(|f| item(vec![f.file.clone()])).collect(),
        Source::Step { by: By::Partition, .. } => by_partition(found, joined),
    }
}

fn each_value(values: &Values) -> Box<dyn Iterator<Item = ItemValue> + '_> {
    match (&values.range, &values.list) {
        (Some((from, to)), _) => Box::new((*from..=*to).map(ItemValue::Int).take(MAX_ITEMS as usize + 1)),
        (None, list) => Box::new(list.iter().flatten().cloned()),
    }
}

/// Whole objects in listing order, up to `item_bytes` an item; a larger object is an item of its own.
fn pack(files: Vec<InputFile>, item_bytes: u64) -> Vec<WorkItem> {
    let mut items: Vec<WorkItem> = Vec::new();
    let mut bytes = 0;
    for file in files {
        let fits = |held: &WorkItem| held.inputs.len() < MAX_ITEM_INPUTS && bytes + file.bytes <= item_bytes;
        match items.last_mut().filter(|held| fits(held)) {
            Some(held) => {
                bytes += file.bytes;
                held.inputs.push(file);
            }
            None => {
                bytes = file.bytes;
                items.push(item(vec![file]));
            }
        }
    }
    items
}

/// One item a partition, over all labels that the input or a table joined by partition has.
fn by_partition(found: &Found, joined: &BTreeMap<&String, &Found>) -> Vec<WorkItem> {
    let group = |found: &Found| {
        let mut groups: BTreeMap<String, Vec<InputFile>> = BTreeMap::new();
        for f in &found.files {
            groups.entry(f.partition.clone()).or_default().push(f.file.clone());
        }
        groups
    };
    let inputs = group(found);
    let tables: BTreeMap<&String, _> = joined.iter().map(|(name, t)| (*name, group(t))).collect();
    let labels: BTreeSet<&String> = inputs.keys().chain(tables.values().flat_map(|t| t.keys())).collect();
    let of = |groups: &BTreeMap<String, Vec<InputFile>>, label| groups.get(label).cloned().unwrap_or_default();
    labels
        .into_iter()
        .map(|label| WorkItem {
            partition: Some(label.clone()),
            tables: tables.iter().map(|(name, t)| ((*name).clone(), of(t, label))).collect(),
            ..item(of(&inputs, label))
        })
        .collect()
}

fn check_bounds(step: &Step, items: &[WorkItem]) -> Result<(), PlanError> {
    let too_much = |text: String| Err(PlanError::TooMuch(format!("step `{}`: {text}", step.name)));
    if items.len() > MAX_ITEMS as usize {
        return too_much(format!("more than {MAX_ITEMS} items; raise `item_bytes`, or read coarser partitions"));
    }
    if let Some(large) = items.iter().find(|i| i.inputs.len() > MAX_ITEM_INPUTS) {
        let what = large.partition.as_ref().map_or("one item".to_owned(), |p| format!("the item of `{p}`"));
        let n = large.inputs.len();
        return too_much(format!(
            "{what} would read {n} files, of at most {MAX_ITEM_INPUTS}; write fewer, larger files"
        ));
    }
    if let Layout::Bucket { buckets, .. } = step.output.layout {
        let files = items.len() as u64 * u64::from(buckets);
        if files > MAX_STEP_FILES {
            let usd = files as f64 / 1000.0 * USD_PER_1000_PUTS;
            return too_much(format!(
                "{} items × {buckets} buckets are {files} files, of at most {MAX_STEP_FILES}: writing them to S3 alone \
                 would cost about ${usd:.2} a run; take fewer buckets or a larger `item_bytes`",
                items.len()
            ));
        }
    }
    Ok(())
}

/// The list that is frozen: an item a line.
pub fn work_list(items: &[WorkItem]) -> Result<WorkList, PlanError> {
    let mut bytes = Vec::new();
    let mut offsets = vec![0];
    for item in items {
        let line = serde_json::to_vec(item).map_err(|e| PlanError::TooMuch(format!("item {}: {e}", item.item)))?;
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
        offsets.push(bytes.len() as u64);
        if bytes.len() as u64 > MAX_WORK_BYTES {
            let all = items.len();
            let message = format!(
                "the list of {all} items passes {MAX_WORK_BYTES} bytes at item {}: they name too many files",
                item.item
            );
            return Err(PlanError::TooMuch(message));
        }
    }
    let digest = sha256(&bytes);
    Ok(WorkList { bytes, offsets, digest })
}

/// The byte range of an item's line, without its newline.
pub fn line_range(offsets: &[u64], item: ItemIndex) -> Option<(u64, u64)> {
    let i = item as usize;
    Some((*offsets.get(i)?, offsets.get(i + 1)?.checked_sub(1)?))
}

/// What receipts call the item's digest.
pub fn item_digest(line: &[u8]) -> String {
    sha256(line)
}
