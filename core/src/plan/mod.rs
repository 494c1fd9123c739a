//! The plan of a step's generation: which items there are and what each reads. Same listing, same plan, to the byte.
//! It never splits an object, never packs two partitions into one item, and refuses what would cost more in requests
//! than in machines.

pub mod decided;
mod division;
mod list;

use crate::bounds::{
    DEFAULT_ITEM_BYTES, MAX_BUNDLED_FILES, MAX_ITEM_INPUTS, MAX_ITEMS, MAX_STEP_FILES, USD_PER_1000_PUTS,
};
use crate::digest::sha256;
use crate::ids::ItemIndex;
use crate::item::InputFile;
use crate::model::{By, Input, Layout, OnEmpty, Source, Step};
use crate::records::{ItemSizes, WorkItem};
use division::{Division, files};
pub use list::{WorkList, work_list, work_pages};
use std::collections::BTreeMap;

/// What was found at an input or a side table.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub files: Vec<FoundFile>,
    /// What to report when it is empty: the pattern and the nearest thing that exists.
    pub if_empty: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FoundFile {
    pub file: InputFile,
    /// Of a step's output; empty otherwise.
    pub partition: String,
}

impl Found {
    pub fn inputs(&self) -> Vec<InputFile> {
        files(&self.files)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum PlanError {
    NoInput(String),
    TooMuch(String),
}

/// What was planned. Items are made one by one as they are asked for, always the same: a million of them are never in
/// memory at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned<'a> {
    division: Division<'a>,
    /// How many items there are.
    pub items: u32,
    /// Side tables that every item reads whole.
    pub whole: BTreeMap<String, Vec<InputFile>>,
    pub input_bytes: u64,
    /// Rows that all items together will read, when the upstream states it.
    pub upstream_rows: Option<u64>,
}

/// What becomes of a step's output, as far as its plan asks.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Other steps read it; without input there is one item, which reads nothing and gives the columns that there would
    /// be. An empty table is not an unknown one.
    pub is_read: bool,
    /// The files of an item are one object.
    pub is_bundled: bool,
}

pub fn plan_for<'a>(
    step: &'a Step,
    input: &'a Found,
    tables: &'a BTreeMap<String, Found>,
    written: Written,
) -> Result<Planned<'a>, PlanError> {
    for (name, table) in tables {
        let by_partition = matches!(step.tables.get(name).map(|t| &t.source), Some(Source::Step { .. }));
        if table.files.is_empty() && !by_partition {
            return Err(PlanError::NoInput(format!("side table `{name}`: {}", table.if_empty)));
        }
    }
    let (joined, whole): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tables.iter().partition(|(name, _)| is_by_partition(step.tables.get(*name).map(|t| &t.source)));
    let division = match input.files.is_empty() && joined.values().all(|t| t.files.is_empty()) {
        true if step.input.on_empty == OnEmpty::Fail => return Err(PlanError::NoInput(input.if_empty.clone())),
        true if written.is_read => Division::one_of_nothing(),
        true => Division::nothing(),
        false => divide(&step.input, input, &joined),
    };
    check_bounds(step, &division, written.is_bundled)?;
    let rows = input.files.iter().map(|f| f.file.rows).sum::<Option<u64>>();
    Ok(Planned {
        items: u32::try_from(division.count()).unwrap_or(u32::MAX),
        upstream_rows: rows.filter(|_| matches!(step.input.source, Source::Step { .. }) && step.input.values.is_none()),
        input_bytes: input.files.iter().map(|f| f.file.bytes).sum(),
        whole: whole.into_iter().map(|(name, t)| (name.clone(), files(&t.files))).collect(),
        division,
    })
}

impl Planned<'_> {
    /// Bytes that items read; nothing where there are none.
    pub fn sizes(&self) -> Option<ItemSizes> {
        sizes(self.items().map(|item| item.inputs.iter().map(|f| f.bytes).sum()).collect())
    }

    pub fn items(&self) -> Box<dyn Iterator<Item = WorkItem> + Send + '_> {
        Box::new((0..).zip(self.division.items()).map(|(i, item)| WorkItem { item: i, ..item }))
    }
}

/// Of what each item reads.
pub fn sizes(mut all: Vec<u64>) -> Option<ItemSizes> {
    all.sort_unstable();
    let at = |of: usize, parts: usize| all.get((all.len() * of).div_ceil(parts).saturating_sub(1)).copied();
    Some(ItemSizes { median: at(1, 2)?, nine_of_ten: at(9, 10)?, largest: at(1, 1)? })
}

fn is_by_partition(source: Option<&Source>) -> bool {
    matches!(source, Some(Source::Step { by: By::Partition, .. }))
}

fn divide<'a>(input: &'a Input, found: &'a Found, joined: &BTreeMap<&'a String, &'a Found>) -> Division<'a> {
    if let Some(values) = &input.values {
        return Division::Values { files: files(&found.files), values };
    }
    let count = found.files.len();
    match input.source {
        Source::Path(_) => Division::Runs {
            files: &found.files,
            cuts: pack(&found.files, input.item_bytes.unwrap_or(DEFAULT_ITEM_BYTES)),
        },
        Source::Step { by: By::All, .. } => Division::Runs { files: &found.files, cuts: vec![0, count] },
        Source::Step { by: By::File, .. } => Division::Runs { files: &found.files, cuts: (0..=count).collect() },
        Source::Step { by: By::Partition, .. } => Division::partitions(found, joined),
    }
}

/// Where items begin, and the end: whole objects in listing order, up to `item_bytes` an item; a larger object is an
/// item of its own.
fn pack(files: &[FoundFile], item_bytes: u64) -> Vec<usize> {
    let mut cuts = vec![0];
    let (mut begin, mut bytes) = (0, 0);
    for (i, found) in files.iter().enumerate() {
        let fits = i - begin < MAX_ITEM_INPUTS && bytes + found.file.bytes <= item_bytes;
        if i > begin && !fits {
            cuts.push(i);
            (begin, bytes) = (i, 0);
        }
        bytes += found.file.bytes;
    }
    cuts.push(files.len());
    cuts
}

fn check_bounds(step: &Step, division: &Division<'_>, is_bundled: bool) -> Result<(), PlanError> {
    let too_much = |text: String| Err(PlanError::TooMuch(format!("step `{}`: {text}", step.name)));
    let count = division.count();
    if count > MAX_ITEMS as usize {
        return too_much(format!("more than {MAX_ITEMS} items; raise `item_bytes`, or read coarser partitions"));
    }
    if let Some((n, label)) = division.widest().filter(|(n, _)| *n > MAX_ITEM_INPUTS) {
        let what = label.map_or("one item".to_owned(), |p| format!("the item of `{p}`"));
        return too_much(format!(
            "{what} would read {n} files, of at most {MAX_ITEM_INPUTS}; write fewer, larger files"
        ));
    }
    if let Layout::Bucket { buckets, .. } = step.output.layout {
        let files = count as u64 * u64::from(buckets);
        let most = if is_bundled { MAX_BUNDLED_FILES } else { MAX_STEP_FILES };
        if files > most {
            let usd = files as f64 / 1000.0 * USD_PER_1000_PUTS;
            let why = match is_bundled {
                true => "the list of what later steps read would be too long".to_owned(),
                false => format!("writing them to S3 alone would cost about ${usd:.2} a run"),
            };
            return too_much(format!(
                "{count} items × {buckets} buckets are {files} files, of at most {most}: {why}; take fewer buckets or a \
                 larger `item_bytes`"
            ));
        }
    }
    Ok(())
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
