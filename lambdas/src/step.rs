//! The records of one generation of a step: its plan, which items have receipts, and how attempts failed.

use crate::several::{get_all, several};
use crate::{Ctx, HandlerError};
use spotmill_core::calls::RoundRequest;
use spotmill_core::keys::{self, RunKeys, StepKeys};
use spotmill_core::records::{FailureRecord, Plan};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::records;

pub fn keys_of(ctx: &Ctx, of: &RoundRequest) -> StepKeys {
    RunKeys::new(&ctx.root, &of.run).step(&of.step, of.generation)
}

pub async fn plan(ctx: &Ctx, keys: &StepKeys) -> Result<Plan, HandlerError> {
    let plan = records::load(&*ctx.store, &keys.plan()).await?;
    plan.map(|(plan, _)| plan).ok_or_else(|| HandlerError::corrupt(format!("{} does not exist", keys.plan())))
}

pub fn lines(work: &[u8]) -> impl Iterator<Item = &[u8]> {
    work.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

/// Items of `plan` that have a receipt. Many are listed in parts that their names begin with, several at once.
pub async fn receipted(ctx: &Ctx, keys: &StepKeys, plan: &Plan) -> Result<RoaringBitmap, HandlerError> {
    let prefixes = keys.receipt_prefixes(plan.items);
    let listed = several(ctx.settings.parallel, prefixes, |prefix| {
        let store = ctx.store.clone();
        async move {
            let listed = store.list(&prefix).await?;
            Ok::<RoaringBitmap, HandlerError>(listed.iter().filter_map(|o| keys::receipt_item(&o.uri)).collect())
        }
    });
    Ok(listed.await?.into_iter().fold(RoaringBitmap::new(), |all, some| all | some))
}

/// The failures of an epoch.
pub async fn failures(ctx: &Ctx, keys: &StepKeys, epoch: u64) -> Result<Vec<FailureRecord>, HandlerError> {
    let listed = ctx.store.list(&keys.failures(epoch).join("")).await?;
    let uris = listed.into_iter().map(|o| o.uri).filter(|u| keys::failure_item(u).is_some()).collect();
    get_all(ctx, uris).await
}
