//! One item again, outside of any queue: the spec that a child would be given now, on the inputs of the frozen plan.
//! Nothing is claimed and nothing will be committed.

use crate::attempt::new_attempt;
use crate::frozen;
use spotmill_core::ids::{ItemIndex, RunId, StepName, Uri};
use spotmill_core::item::{ITEM_VERSION, ItemSpec, TableInput};
use spotmill_core::keys::RunKeys;
use spotmill_core::model::Pipeline;
use spotmill_core::records::{Lease, Plan, PlanTables, WorkItem};
use spotmill_platform::ports::Store;
use spotmill_platform::records;
use std::collections::BTreeMap;

/// Where the state is, and where the child may write.
pub struct Place {
    pub root: Uri,
    pub scratch: Uri,
    pub tmp: String,
}

/// The sentence of an error says what is missing.
pub async fn spec(
    store: &dyn Store,
    run: &RunId,
    step: &StepName,
    item: ItemIndex,
    place: &Place,
) -> Result<ItemSpec, String> {
    let keys = RunKeys::new(&place.root, run);
    let lease: Lease = needed(store, &keys.lease(), || format!("there is no run {run}")).await?;
    let Some(generation) = lease.generations.get(step.as_str()).map(|g| g.generation) else {
        let steps = lease.generations.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(format!("{run} has no step `{step}`; steps: {steps}"));
    };
    let keys = keys.step(step, generation);
    let unplanned = || format!("`{step}` of {run} has not been planned yet");
    let plan: Plan = needed(store, &keys.plan(), unplanned).await?;
    let tables: PlanTables = needed(store, &keys.tables(), unplanned).await?;
    let pipeline = pipeline(store, &keys.run, &lease).await?;
    let model = pipeline.step(step.as_str()).ok_or_else(|| format!("the frozen pipeline has no step `{step}`"))?;
    let work = work_item(store, &keys.work(&plan.work_digest), &plan, item).await?;
    let (transform, expect) = frozen::bound(model, &lease.params)?;
    let mut files = tables.whole;
    files.extend(work.tables);
    let read = |name: &String| tables.table_reads.get(name).cloned();
    let tables_in: BTreeMap<_, _> = files
        .into_iter()
        .filter_map(|(name, files)| Some((name.clone(), TableInput { files, read: read(&name)? })))
        .collect();
    Ok(ItemSpec {
        v: ITEM_VERSION,
        run: run.clone(),
        step: step.clone(),
        generation,
        item,
        attempt: new_attempt("item", 0),
        worker_version: plan.worker_version,
        alias: model.input.alias.clone(),
        inputs: work.inputs,
        read: tables.read,
        tables: tables_in,
        value: work.value,
        params: lease.params,
        transform,
        output: model.output.clone(),
        rows: model.rows,
        expect,
        scratch: place.scratch.clone(),
        tmp: place.tmp.clone(),
        threads: model.resources.vcpus.max(1),
        memory_bytes: model.resources.max_memory_bytes,
    })
}

async fn needed<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    uri: &Uri,
    absent: impl FnOnce() -> String,
) -> Result<T, String> {
    match records::load::<T>(store, uri).await {
        Ok(Some((record, _))) => Ok(record),
        Ok(None) => Err(absent()),
        Err(e) => Err(e.to_string()),
    }
}

async fn pipeline(store: &dyn Store, keys: &RunKeys, lease: &Lease) -> Result<Pipeline, String> {
    let object = store.get(&keys.pipeline(&lease.pipeline_digest)).await.map_err(|e| e.to_string())?;
    frozen::thaw(&String::from_utf8_lossy(&object.body))
}

async fn work_item(store: &dyn Store, list: &Uri, plan: &Plan, item: ItemIndex) -> Result<WorkItem, String> {
    let Some((from, to)) = spotmill_core::plan::line_range(&plan.offsets, item) else {
        return Err(format!("`{}` has {} items, numbered from 0", plan.step, plan.items));
    };
    let line = store.get_range(list, from, to).await.map_err(|e| e.to_string())?;
    serde_json::from_slice(&line).map_err(|e| format!("{list}: {e}"))
}
