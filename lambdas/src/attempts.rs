//! What a generation of a step left of its attempts and machines, read for the ledger: every receipt and failure as a few
//! numbers, the work list in pages, and the rounds with their machines. Writes nothing.

use crate::several::get_all;
use crate::work::WorkPages;
use crate::{Ctx, HandlerError, step};
use spotmill_core::bundle;
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::ids::{AttemptId, ItemIndex, Rung, Uri};
use spotmill_core::item::RowCounts;
use spotmill_core::keys::{StepKeys, fleet_round, is_machines};
use spotmill_core::records::{FailureRecord, Plan, Receipt, WorkItem};
use spotmill_platform::records;
use std::collections::BTreeSet;

/// Receipts that are held whole at once.
const PAGE: usize = 2_000;

/// An attempt that left a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub item: ItemIndex,
    pub attempt: AttemptId,
    pub worker: String,
    /// Nothing of the one that was committed.
    pub failure: Option<Box<FailureRecord>>,
    pub rung: Rung,
    /// How long its child ran.
    pub wall_ms: u64,
    pub cpu_ms: u64,
    pub peak_bytes: u64,
    pub ended_ms: u64,
    pub rows: RowCounts,
    /// What it wrote and is kept.
    pub files: u64,
    pub bytes: u64,
    /// In how many objects.
    pub objects: u64,
}

/// The frozen plan; nothing of a generation that has none.
pub async fn plan(ctx: &Ctx, keys: &StepKeys) -> Result<Option<Plan>, HandlerError> {
    Ok(records::load::<Plan>(&*ctx.store, &keys.plan()).await?.map(|(plan, _)| plan))
}

/// Every attempt on record, of every epoch up to `latest`; those that were carried over from another generation, too.
pub async fn of_plan(ctx: &Ctx, keys: &StepKeys, plan: &Plan, latest: u64) -> Result<Vec<Ended>, HandlerError> {
    let mut all = Vec::new();
    let uris: Vec<Uri> = step::receipted(ctx, keys, plan).await?.iter().map(|item| keys.receipt(item)).collect();
    for some in uris.chunks(PAGE) {
        all.extend(get_all::<Receipt>(ctx, some.to_vec()).await?.into_iter().map(committed));
    }
    for epoch in 1..=latest {
        all.extend(step::failures(ctx, keys, epoch).await?.into_iter().map(failed));
    }
    Ok(all)
}

fn committed(receipt: Receipt) -> Ended {
    let written = || receipt.files.iter().chain(&receipt.rejects);
    Ended {
        item: receipt.item,
        worker: receipt.worker.clone(),
        failure: None,
        rung: receipt.rung,
        wall_ms: receipt.usage.wall_ms,
        cpu_ms: receipt.usage.cpu_ms,
        peak_bytes: receipt.usage.peak_bytes,
        ended_ms: receipt.committed_ms,
        rows: receipt.rows,
        files: written().count() as u64,
        bytes: written().map(|file| file.bytes).sum(),
        objects: bundle::objects(&receipt.files, receipt.rejects.as_ref())
            .map_or(written().count(), |objects| objects.len()) as u64,
        attempt: receipt.attempt,
    }
}

fn failed(failure: FailureRecord) -> Ended {
    Ended {
        item: failure.item,
        attempt: failure.attempt.clone(),
        worker: failure.worker.clone(),
        rung: failure.rung,
        wall_ms: failure.usage.wall_ms,
        cpu_ms: failure.usage.cpu_ms,
        peak_bytes: failure.usage.peak_bytes,
        ended_ms: failure.failed_ms,
        rows: RowCounts::default(),
        files: 0,
        bytes: 0,
        objects: 0,
        failure: Some(Box::new(failure)),
    }
}

/// Hands each item of the work list to `visit`, in their order.
pub async fn each_item(
    ctx: &Ctx,
    keys: &StepKeys,
    plan: &Plan,
    mut visit: impl FnMut(WorkItem),
) -> Result<(), HandlerError> {
    let mut pages = WorkPages::open(keys, plan);
    while let Some(page) = pages.next(ctx).await? {
        for item in page.from..page.to {
            visit(page.item(item)?);
        }
    }
    Ok(())
}

/// The rounds of a generation that asked for machines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rounds {
    /// Executions that asked for any.
    pub epochs: u64,
    pub rounds: u64,
    /// What EC2 showed of them; nothing on this machine.
    pub machines: Vec<RoundMachines>,
}

pub async fn rounds(ctx: &Ctx, keys: &StepKeys) -> Result<Rounds, HandlerError> {
    let listed: Vec<Uri> = ctx.store.list(&keys.epochs()).await?.into_iter().map(|object| object.uri).collect();
    let asked: BTreeSet<(u64, u32)> = listed
        .iter()
        .filter_map(fleet_round)
        .filter(|(_, _, ended)| !ended)
        .map(|(epoch, round, _)| (epoch, round))
        .collect();
    let epochs: BTreeSet<u64> = asked.iter().map(|(epoch, _)| *epoch).collect();
    let machines = get_all(ctx, listed.into_iter().filter(is_machines).collect()).await?;
    Ok(Rounds { epochs: epochs.len() as u64, rounds: asked.len() as u64, machines })
}
