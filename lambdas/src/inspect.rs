//! Reads records for people: which runs exist, a step's items, an item's receipt and failures, what it published,
//! its machines. Paths are where things are now, should the project have moved since. Writes nothing.

use crate::several::get_all;
use crate::{Ctx, HandlerError, inputs, pins, step, work};
use spotmill_core::ids::{ItemIndex, RunId, Uri};
use spotmill_core::keys::{self, StepKeys};
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::{FailureRecord, Manifest, Plan, Receipt, WorkItem};
use spotmill_platform::records;

/// Every run that has a lease.
pub async fn runs(ctx: &Ctx) -> Result<Vec<RunId>, HandlerError> {
    let listed = ctx.store.list(&keys::runs(&ctx.root).join("")).await?;
    Ok(listed.iter().filter_map(|object| keys::leased_run(&ctx.root, &object.uri)).collect())
}

/// The frozen work list; an error if the step was never planned.
pub async fn items(ctx: &Ctx, keys: &StepKeys) -> Result<Vec<WorkItem>, HandlerError> {
    let plan = step::plan(ctx, keys).await?;
    let mut items = work::all(ctx, keys, &plan).await?;
    for file in items.iter_mut().flat_map(|item| item.inputs.iter_mut().chain(item.tables.values_mut().flatten())) {
        pins::now_at(ctx, &plan, file);
    }
    Ok(items)
}

pub async fn receipt(ctx: &Ctx, keys: &StepKeys, item: ItemIndex) -> Result<Option<Receipt>, HandlerError> {
    let Some((mut receipt, _)) = records::load::<Receipt>(&*ctx.store, &keys.receipt(item)).await? else {
        return Ok(None);
    };
    receipt.scratch = inputs::own(keys, &receipt.scratch)?;
    Ok(Some(receipt))
}

/// What stands where the step publishes; nothing if it has not, or a later run took its place.
pub async fn published(ctx: &Ctx, keys: &StepKeys) -> Result<Option<Manifest>, HandlerError> {
    let Some((mut manifest, _)) = records::load::<Manifest>(&*ctx.store, &keys.manifest()).await? else {
        return Ok(None);
    };
    if let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? {
        manifest.destination = pins::where_now(ctx, &plan, &manifest.destination);
    }
    Ok(Some(manifest).filter(|m| m.superseded.is_none()))
}

/// Failures of an item in every epoch up to `latest`, oldest first.
pub async fn failures(
    ctx: &Ctx,
    keys: &StepKeys,
    latest: u64,
    item: ItemIndex,
) -> Result<Vec<FailureRecord>, HandlerError> {
    let plan = step::plan(ctx, keys).await?;
    let mut found = Vec::new();
    for epoch in 1..=latest {
        found.extend(step::failures(ctx, keys, epoch).await?.into_iter().filter(|f| f.item == item));
    }
    found.iter_mut().for_each(|failure| of_file_now(ctx, &plan, failure));
    Ok(found)
}

/// The file a failure names, where it is now.
pub fn of_file_now(ctx: &Ctx, plan: &Plan, failure: &mut FailureRecord) {
    if let Some(file) = &mut failure.file {
        *file = pins::where_now(ctx, plan, &Uri::new(file.as_str())).0;
    }
}

/// Machines that recorded their lives, of every epoch up to `latest`, in the order of their boots; so many at most.
pub async fn machines(
    ctx: &Ctx,
    keys: &StepKeys,
    latest: u64,
    most: usize,
) -> Result<Vec<InstanceRecord>, HandlerError> {
    let mut uris = Vec::new();
    for epoch in 1..=latest {
        // Beside a machine's record lies the end of its log.
        let listed = ctx.store.list(&keys.instances(epoch).join("")).await?;
        uris.extend(listed.into_iter().map(|o| o.uri).filter(|uri| uri.as_str().ends_with(".json")));
    }
    uris.truncate(most);
    let mut found: Vec<InstanceRecord> = get_all(ctx, uris).await?;
    found.sort_by_key(|machine| machine.booted_ms);
    Ok(found)
}
