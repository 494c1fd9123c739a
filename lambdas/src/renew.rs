//! What a start has to redo although nothing of its definition changed: files that are still needed and are gone or
//! damaged, a frozen plan that cannot be carried out any more, inputs that changed. A step whose result stands where
//! it is published, and which nobody is going to read, needs nothing: a finished run stays finished at any age.

use crate::{Ctx, HandlerError, Program, inputs, pins, step};
use spotmill_core::calls::RunInput;
use spotmill_core::format::count;
use spotmill_core::ids::{ItemIndex, StepName};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::{Source, Step};
use spotmill_core::pins::Changes;
use spotmill_core::reason::{Because, Code, Reason};
use spotmill_core::records::{Lease, Plan, Seal, StepGeneration};
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

pub struct Start<'a> {
    pub program: &'a Program,
    /// With params in place.
    pub bound: &'a BTreeMap<String, Step>,
    pub input: &'a RunInput,
    pub selected: &'a [StepName],
    /// Selected steps that are still to be published.
    pub open: &'a BTreeSet<StepName>,
    pub old: &'a Lease,
    /// The generations as they would be if nothing had to be redone.
    pub next: &'a BTreeMap<String, StepGeneration>,
}

/// Steps of which a part has to be redone, and why.
pub async fn needed(ctx: &Ctx, start: &Start<'_>) -> Result<BTreeMap<String, Because>, HandlerError> {
    let mut renew = BTreeMap::new();
    // Steps whose files somebody is going to read.
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for step in start.program.pipeline.steps.iter().rev() {
        let name = step.name.as_str();
        let is_selected = start.selected.iter().any(|s| s.as_str() == name);
        let before = start.old.generations.get(name).map(|g| g.generation);
        let anew = before.is_none() || start.next.get(name).map(|g| g.generation) != before;
        if anew {
            if is_selected {
                wanted.extend(step.upstream().map(str::to_owned));
            }
            continue;
        }
        let keys = RunKeys::new(&ctx.root, &start.program.run_id()).step(&name.into(), before.unwrap_or(1));
        let seal = records::load::<Seal>(&*ctx.store, &keys.seal()).await?.map(|(seal, _)| seal);
        let because = match &seal {
            Some(seal) if seal.is_complete(inputs::accepted(&start.input.accept, name)) => {
                let because = match start.open.contains(&step.name.as_str().into()) || wanted.contains(name) {
                    true => lost(ctx, &keys, seal).await?,
                    false => None,
                };
                match because {
                    None if start.input.changed && is_selected => changed(ctx, start, &keys, true).await?,
                    because => because,
                }
            }
            _ if is_selected => {
                wanted.extend(step.upstream().map(str::to_owned));
                unfinished(ctx, start, &keys).await?
            }
            _ => None,
        };
        if let Some(because) = because {
            wanted.extend(step.upstream().map(str::to_owned));
            renew.insert(name.to_owned(), because);
        }
    }
    Ok(renew)
}

/// Sealed files that are needed and not there as they were sealed.
async fn lost(ctx: &Ctx, keys: &StepKeys, seal: &Seal) -> Result<Option<Because>, HandlerError> {
    let files = inputs::sealed_files(ctx, keys, seal).await?;
    let damaged = inputs::damaged(ctx, keys, &files).await?;
    let items: BTreeSet<ItemIndex> = damaged.iter().map(|(file, _)| file.item).collect();
    Ok(damaged.first().map(|(file, found)| {
        let items = count(items.len() as u64, "item");
        let text = format!("redo {items}: {} {found}, and had {} bytes", file.uri, file.bytes);
        let lost = damaged.iter().map(|(file, found)| format!("{} {found}", file.uri));
        Because::one(text, Reason::with(Code::FilesLost, lost))
    }))
}

/// Why an incomplete frozen plan can no longer be carried out, or its items would read different versions.
async fn unfinished(ctx: &Ctx, start: &Start<'_>, keys: &StepKeys) -> Result<Option<Because>, HandlerError> {
    let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? else {
        return Ok(None);
    };
    let age_ms = ctx.clock.now_ms().saturating_sub(plan.planned_ms);
    if ctx.settings.scratch_secs.is_some_and(|secs| age_ms >= secs * 1000) {
        return Ok(Some(Because::one("its intermediate files have expired", Reason::of(Code::FilesExpired))));
    }
    let is_elsewhere = plan.base.as_ref().is_some_and(|base| Some(base) != ctx.settings.base.as_ref());
    if is_elsewhere && !is_anywhere(ctx, start, keys) {
        let text = "the project was moved before the step was complete";
        return Ok(Some(Because::one(text, Reason::of(Code::ProjectMoved))));
    }
    changed(ctx, start, keys, start.input.changed).await
}

/// Whether nothing that the step reads or writes lies below the project: from any directory it is the same.
fn is_anywhere(ctx: &Ctx, start: &Start<'_>, keys: &StepKeys) -> bool {
    let Some(step) = start.bound.get(keys.step.as_str()) else { return false };
    let is_shared = |source: &Source| match source {
        Source::Path(path) => path.starts_with("s3://"),
        Source::Step { .. } => true,
    };
    ctx.root.is_s3() && step.sources().all(is_shared)
}

/// Inputs that are not as the items read them: `all` of a complete step; else those of committed items, and those that
/// are gone, because what changed before it was read is simply read as it is now.
async fn changed(ctx: &Ctx, start: &Start<'_>, keys: &StepKeys, all: bool) -> Result<Option<Because>, HandlerError> {
    let Some(step) = start.bound.get(keys.step.as_str()) else { return Ok(None) };
    Ok(changes(ctx, step, keys).await?.and_then(|found| found.because(all)))
}

/// None for a step that was never planned.
pub async fn changes(ctx: &Ctx, step: &Step, keys: &StepKeys) -> Result<Option<Changes>, HandlerError> {
    let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? else {
        return Ok(None);
    };
    let inspected = pins::inspect(ctx, step, keys, &plan).await?;
    if inspected.is_empty() {
        return Ok(None);
    }
    let committed = step::receipted(ctx, keys, &plan).await?;
    Ok(Some(Changes::of(&inspected, &committed)))
}
