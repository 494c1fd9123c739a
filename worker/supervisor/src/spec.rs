//! The spec of a child: one item of a frozen plan, with the run's params in its SQL. Only this module makes an
//! `ItemSpec`: for an attempt, for a replay, and for a test of a step (`trial`).

use crate::cache::Frozen;
use crate::frozen;
use spotmill_core::format::count;
use spotmill_core::ids::{AttemptId, Generation, ItemIndex, RunId, Uri};
use spotmill_core::item::{ITEM_VERSION, InputFile, ItemSpec, TableInput, ValueFilter};
use spotmill_core::keys::StepKeys;
use spotmill_core::model::{Read, Step};
use spotmill_core::plan::{item_digest, line_range};
use spotmill_core::records::{Lease, Pins, WorkItem};
use spotmill_core::types::Value;
use spotmill_platform::ports::{Store, StoreError};
use std::collections::BTreeMap;

/// Why an item's line could not be had.
pub enum Unread {
    /// The work list is not there.
    Gone(Uri),
    /// It is not what the plan states.
    Foreign(String),
    Store(String),
}

/// The item's line with the epoch's pins applied and the whole side tables added, and the line's digest as in the plan.
pub async fn work_item(
    store: &dyn Store,
    keys: &StepKeys,
    index: ItemIndex,
    frozen: &Frozen,
    pins: Option<&Pins>,
) -> Result<(WorkItem, String), Unread> {
    let list = keys.work(&frozen.plan.work_digest);
    let Some((from, to)) = line_range(&frozen.plan.offsets, index) else {
        let items = count(u64::from(frozen.plan.items), "item");
        return Err(Unread::Foreign(format!("`{}` has {items}, numbered from 0", keys.step)));
    };
    let line = match store.get_range(&list, from, to).await {
        Ok(line) => line,
        Err(StoreError::NotFound(key)) => return Err(Unread::Gone(key)),
        Err(e) => return Err(Unread::Store(e.to_string())),
    };
    let mut item: WorkItem = match serde_json::from_slice(&line) {
        Ok(item) => item,
        Err(e) => return Err(Unread::Foreign(format!("line {index} of {list} is no work item: {e}"))),
    };
    if item.item != index {
        return Err(Unread::Foreign(format!("line {index} of {list} is item {}", item.item)));
    }
    for (name, files) in &frozen.tables.whole {
        item.tables.entry(name.clone()).or_insert_with(|| files.clone());
    }
    if let Some(pins) = pins {
        pins.apply(&mut item.inputs);
        item.tables.values_mut().for_each(|files| pins.apply(files));
    }
    Ok((item, item_digest(&line)))
}

pub struct Asked<'a> {
    pub run: &'a RunId,
    pub generation: Generation,
    pub attempt: AttemptId,
    pub lease: &'a Lease,
    pub frozen: &'a Frozen,
    pub step: &'a Step,
    pub item: WorkItem,
    pub scratch: Uri,
    pub tmp: String,
    pub threads: u32,
    pub memory_bytes: u64,
}

pub fn spec(asked: Asked<'_>) -> Result<ItemSpec, String> {
    let Asked { run, generation, attempt, lease, frozen: shared, step, item, scratch, tmp, threads, memory_bytes } =
        asked;
    let mut tables = BTreeMap::new();
    for (name, files) in item.tables {
        let Some(read) = shared.tables.table_reads.get(&name).cloned() else {
            return Err(format!("the plan does not say how the side table `{name}` is read"));
        };
        tables.insert(name, TableInput { files, read });
    }
    made(Parts {
        run: run.clone(),
        generation,
        item: item.item,
        attempt,
        worker_version: shared.plan.worker_version.clone(),
        step,
        inputs: item.inputs,
        read: shared.tables.read.clone(),
        tables,
        value: item.value,
        params: &lease.params,
        scratch,
        tmp,
        threads,
        memory_bytes,
    })
}

/// What a child's spec is made of.
pub struct Parts<'a> {
    pub run: RunId,
    pub generation: Generation,
    pub item: ItemIndex,
    pub attempt: AttemptId,
    pub worker_version: String,
    pub step: &'a Step,
    pub inputs: Vec<InputFile>,
    pub read: Read,
    pub tables: BTreeMap<String, TableInput>,
    pub value: Option<ValueFilter>,
    pub params: &'a BTreeMap<String, Value>,
    pub scratch: Uri,
    pub tmp: String,
    pub threads: u32,
    pub memory_bytes: u64,
}

/// An error states what of the step's SQL cannot be bound.
pub fn made(parts: Parts<'_>) -> Result<ItemSpec, String> {
    let step = parts.step;
    let (transform, expect) = frozen::bound(step, parts.params)?;
    Ok(ItemSpec {
        v: ITEM_VERSION,
        run: parts.run,
        step: step.name.as_str().into(),
        generation: parts.generation,
        item: parts.item,
        attempt: parts.attempt,
        worker_version: parts.worker_version,
        alias: step.input.alias.clone(),
        inputs: parts.inputs,
        read: parts.read,
        tables: parts.tables,
        value: parts.value,
        params: parts.params.clone(),
        transform,
        output: step.output.clone(),
        rows: step.rows,
        expect,
        scratch: parts.scratch,
        tmp: parts.tmp,
        threads: parts.threads,
        memory_bytes: parts.memory_bytes,
        network: step.resources.network,
    })
}
