//! Looks at a frozen plan's inputs again at the start of an epoch, and records what changed.

use crate::inputs;
use crate::renew::now_at;
use crate::work::WorkPages;
use crate::{Ctx, HandlerError};
use spotmill_core::ids::{Epoch, RunId};
use spotmill_core::item::InputFile;
use spotmill_core::keys::StepKeys;
use spotmill_core::model::{Source, Step};
use spotmill_core::pins::{Frozen, Listed, Pinning};
use spotmill_core::records::{Lease, Plan, PlanTables};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::records;

pub struct Resumed<'a> {
    pub run: &'a RunId,
    pub lease: &'a Lease,
    pub epoch: Epoch,
    pub keys: &'a StepKeys,
    /// Bound.
    pub step: &'a Step,
    pub plan: &'a Plan,
    pub open: &'a RoaringBitmap,
}

/// Writes `pins.json` if there is anything to say.
pub async fn pin(ctx: &Ctx, resumed: &Resumed<'_>) -> Result<(), HandlerError> {
    let step = resumed.step;
    let mut listed = Listed::default();
    if matches!(step.input.source, Source::Path(_)) {
        listed.input = Some(now(ctx, resumed, &step.input.source).await?);
    }
    for (name, table) in &step.tables {
        if matches!(table.source, Source::Path(_)) {
            listed.tables.insert(name.clone(), now(ctx, resumed, &table.source).await?);
        }
    }
    if listed == Listed::default() {
        return Ok(());
    }
    let tables = records::load::<PlanTables>(&*ctx.store, &resumed.keys.tables()).await?;
    let mut whole = tables.map(|(t, _)| t.whole).unwrap_or_default();
    whole.values_mut().flatten().for_each(|file| *file = now_at(ctx, resumed.plan, file));
    let (epoch, open) = (resumed.epoch, resumed.open);
    let frozen = Frozen { step: &step.name, epoch, items: resumed.plan.items, whole: &whole, open };
    let mut pinning = Pinning::new(frozen, listed);
    let mut pages = WorkPages::open(resumed.keys, resumed.plan);
    while let Some(page) = pages.next(ctx).await? {
        for item in page.from..page.to {
            let mut work = page.item(item)?;
            work.inputs.iter_mut().for_each(|file| *file = now_at(ctx, resumed.plan, file));
            pinning.add(&work);
        }
    }
    let pins = pinning.finish().map_err(HandlerError::invalid)?;
    if !pins.changed.is_empty() || !pins.notes.is_empty() {
        // The epoch is this call's alone: nobody else writes this key.
        records::put(&*ctx.store, &resumed.keys.pins(epoch), &pins).await?;
    }
    Ok(())
}

async fn now(ctx: &Ctx, resumed: &Resumed<'_>, source: &Source) -> Result<Vec<InputFile>, HandlerError> {
    let (found, _) = inputs::find(ctx, resumed.run, resumed.lease, source).await?;
    Ok(found.files.into_iter().map(|f| f.file).collect())
}
