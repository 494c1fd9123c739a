//! Replays one item outside of any queue: builds the spec that a child would receive now, on the inputs of the frozen
//! plan as the latest epoch pinned them, where they are now. It claims and commits nothing.

use crate::attempt::new_attempt;
use crate::cache::{Cache, Missing};
use crate::config::chance;
use crate::spec::{self, Asked, Unread};
use spotmill_core::format::instead;
use spotmill_core::ids::{ItemIndex, RunId, StepName, Uri};
use spotmill_core::item::ItemSpec;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::location::moved;
use spotmill_core::records::{Lease, Pins};
use spotmill_platform::ports::Store;
use std::sync::Arc;
use std::time::Duration;

/// Where the state is, and where the child may write.
pub struct Place {
    pub root: Uri,
    pub scratch: Uri,
    pub tmp: String,
    /// What relative paths of the pipeline are relative to now: the project may have moved since it was planned.
    pub base: Option<Uri>,
}

/// An error states what is missing.
pub async fn spec(
    store: &dyn Store,
    run: &RunId,
    step: &StepName,
    item: ItemIndex,
    place: &Place,
) -> Result<ItemSpec, String> {
    let (cache, keys) = (Cache::default(), RunKeys::new(&place.root, run));
    let no_run = |e| missing(e, || format!("there is no run {run}"));
    let lease = cache.lease(store, &keys, Duration::ZERO).await.map_err(no_run)?;
    let Some(generation) = lease.generations.get(step.as_str()).map(|g| g.generation) else {
        let steps: Vec<&str> = lease.generations.keys().map(String::as_str).collect();
        return Err(format!("{run} has no step `{step}`; {}", instead(step.as_str(), "steps", &steps)));
    };
    let keys = keys.step(step, generation);
    let unplanned = |e| missing(e, || format!("`{step}` of {run} has not been planned yet"));
    let frozen = cache.plan(store, &keys).await.map_err(unplanned)?;
    let no_pipeline = |e| missing(e, || format!("the frozen pipeline of {run} is gone"));
    let pipeline = cache.pipeline(store, &keys.run, &lease.pipeline_digest).await.map_err(no_pipeline)?;
    let model = pipeline.step(step.as_str()).ok_or_else(|| format!("the frozen pipeline has no step `{step}`"))?;
    let pins = latest_pins(&cache, store, &keys, &lease).await?;
    let (mut item, _) = spec::work_item(store, &keys, item, &frozen, pins.as_deref()).await.map_err(unread)?;
    for file in item.inputs.iter_mut().chain(item.tables.values_mut().flatten()) {
        file.uri = moved(&file.uri, frozen.plan.base.as_ref(), place.base.as_ref());
    }
    spec::spec(Asked {
        run,
        generation,
        attempt: new_attempt("item", 0, chance()()),
        lease: &lease,
        frozen: &frozen,
        step: model,
        item,
        scratch: place.scratch.clone(),
        tmp: place.tmp.clone(),
        threads: model.resources.vcpus.max(1),
        memory_bytes: model.resources.max_memory_bytes,
    })
}

/// The pins of the latest epoch that has any.
async fn latest_pins(
    cache: &Cache,
    store: &dyn Store,
    keys: &StepKeys,
    lease: &Lease,
) -> Result<Option<Arc<Pins>>, String> {
    for epoch in (1..=lease.epoch).rev() {
        let pins = cache.pins(store, keys, epoch).await.map_err(|e| missing(e, || format!("{} is gone", keys.step)))?;
        if pins.is_some() {
            return Ok(pins);
        }
    }
    Ok(None)
}

fn missing(missing: Missing, gone: impl FnOnce() -> String) -> String {
    match missing {
        Missing::Gone(_) => gone(),
        Missing::Foreign(what) => what,
        Missing::Store(e) => e.to_string(),
    }
}

fn unread(unread: Unread) -> String {
    match unread {
        Unread::Gone(key) => format!("{key} is gone"),
        Unread::Foreign(what) | Unread::Store(what) => what,
    }
}
