//! The records of one generation of a step: its plan, which items have receipts, and how attempts failed.

use crate::several::{WIDER, get_all, get_many, several};
use crate::{Ctx, HandlerError};
use spotmill_core::bounds::WORDED_FAILURES;
use spotmill_core::calls::RoundRequest;
use spotmill_core::item::FailureClass;
use spotmill_core::keys::{self, RunKeys, StepKeys};
use spotmill_core::records::{FailureRecord, Plan};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::records;

/// Failures in memory in full at once: some kilobytes each.
const PAGE: usize = 16_384;

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

/// The failures of an epoch as far as anything is decided by them, in the order of their items, and small, because as many
/// items may fail as there are: without logs, and with words for the first of them that are without a receipt alone, which
/// are the ones that are named.
pub async fn outlined(
    ctx: &Ctx,
    keys: &StepKeys,
    epoch: u64,
    (items, receipts): (u32, &RoaringBitmap),
) -> Result<Vec<FailureRecord>, HandlerError> {
    // In parts, several at once, as receipts are.
    let listed = several(ctx.settings.parallel, keys.failure_prefixes(epoch, items), |prefix| {
        let store = ctx.store.clone();
        async move {
            let listed = store.list(&prefix).await?;
            let uris = listed.into_iter().map(|o| o.uri).filter(|u| keys::failure_item(u).is_some());
            Ok::<_, HandlerError>(uris.collect::<Vec<_>>())
        }
    });
    let (uris, mut outlined, mut in_full) = (listed.await?.concat(), Vec::new(), 0);
    for some in uris.chunks(PAGE) {
        let records: Vec<FailureRecord> = get_many(ctx, ctx.settings.parallel * WIDER, some.to_vec()).await?;
        for record in records {
            let names = in_full < WORDED_FAILURES && ends_items(record.class) && !receipts.contains(record.item);
            in_full += usize::from(names);
            outlined.push(outline(record, names));
        }
    }
    Ok(outlined)
}

fn ends_items(class: FailureClass) -> bool {
    !matches!(class, FailureClass::Infra | FailureClass::Lost)
}

fn outline(record: FailureRecord, in_full: bool) -> FailureRecord {
    let nothing = String::new;
    let small = FailureRecord { log_tail: nothing(), worker: nothing(), ended: nothing(), ..record };
    match in_full {
        true => small,
        false => FailureRecord { message: nothing(), remedy: None, file: None, attempt: "".into(), ..small },
    }
}
