//! Reading records for people: which runs there are, a step's items, an item's receipt and failures, its machines.
//! Writes nothing.

use crate::{Ctx, HandlerError, access, work};
use spotmill_core::bounds::SHOWN_MACHINES;
use spotmill_core::ids::{ItemIndex, RunId};
use spotmill_core::keys::{self, StepKeys};
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::{FailureRecord, Receipt, WorkItem};
use spotmill_platform::records;

/// Every run that there is a lease of.
pub async fn runs(ctx: &Ctx) -> Result<Vec<RunId>, HandlerError> {
    let listed = ctx.store.list(&keys::runs(&ctx.root).join("")).await?;
    Ok(listed.iter().filter_map(|object| keys::leased_run(&ctx.root, &object.uri)).collect())
}

/// The frozen work list; an error if the step was never planned.
pub async fn items(ctx: &Ctx, keys: &StepKeys) -> Result<Vec<WorkItem>, HandlerError> {
    let plan = access::plan(ctx, keys).await?;
    work::all(ctx, keys, &plan).await
}

pub async fn receipt(ctx: &Ctx, keys: &StepKeys, item: ItemIndex) -> Result<Option<Receipt>, HandlerError> {
    Ok(records::load::<Receipt>(&*ctx.store, &keys.receipt(item)).await?.map(|(receipt, _)| receipt))
}

/// Failures of an item in every epoch up to `latest`, oldest first.
pub async fn failures(
    ctx: &Ctx,
    keys: &StepKeys,
    latest: u64,
    item: ItemIndex,
) -> Result<Vec<FailureRecord>, HandlerError> {
    let mut found = Vec::new();
    for epoch in 1..=latest {
        found.extend(access::failures(ctx, keys, epoch).await?.into_iter().filter(|f| f.item == item));
    }
    Ok(found)
}

/// Machines that wrote down their lives, of every epoch up to `latest`, in the order of their boots; of very many, some.
pub async fn machines(ctx: &Ctx, keys: &StepKeys, latest: u64) -> Result<Vec<InstanceRecord>, HandlerError> {
    let mut uris = Vec::new();
    for epoch in 1..=latest {
        uris.extend(ctx.store.list(&keys.instances(epoch).join("")).await?.into_iter().map(|o| o.uri));
    }
    uris.truncate(SHOWN_MACHINES);
    let mut found: Vec<InstanceRecord> = access::get_all(ctx, uris).await?;
    found.sort_by_key(|machine| machine.booted_ms);
    Ok(found)
}
