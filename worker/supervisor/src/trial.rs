//! The spec of a child that does a step on given rows, outside of any run: no plan, no lease, nothing to commit. What the
//! child does is what it would do of an item of a run with these inputs.

use crate::attempt::new_attempt;
use crate::config::chance;
use crate::memory;
use crate::spec::{Parts, made};
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::item::{InputFile, ItemSpec, TableInput, ValueFilter};
use spotmill_core::model::{ItemValue, Read, Step};
use spotmill_core::types::Value;
use std::collections::BTreeMap;

/// A step, and what it is given.
pub struct Trial<'a> {
    pub run: RunId,
    pub step: &'a Step,
    pub params: &'a BTreeMap<String, Value>,
    /// Of the worker that does it.
    pub worker_version: String,
    pub inputs: Vec<InputFile>,
    pub read: Read,
    pub tables: BTreeMap<String, TableInput>,
    pub value: Option<ItemValue>,
    pub scratch: Uri,
    pub tmp: String,
}

/// An error states what of the step's SQL cannot be bound.
pub fn spec(trial: Trial<'_>) -> Result<ItemSpec, String> {
    let step = trial.step;
    let column = step.input.values.as_ref().map(|values| values.column.clone());
    let value = column.zip(trial.value).map(|(column, value)| ValueFilter { column, value });
    made(Parts {
        run: trial.run,
        generation: 1,
        item: 0,
        attempt: new_attempt("test", 0, chance()()),
        worker_version: trial.worker_version,
        step,
        inputs: trial.inputs,
        read: trial.read,
        tables: trial.tables,
        value,
        params: trial.params,
        scratch: trial.scratch,
        tmp: trial.tmp,
        threads: step.resources.vcpus.max(1),
        memory_bytes: step.resources.max_memory_bytes,
    })
}

/// Bytes that the child, which leads a process group, holds with all that it has started.
pub fn held_bytes(leader: i32) -> u64 {
    memory::of_groups(&[leader]).get(&leader).copied().unwrap_or(0)
}
