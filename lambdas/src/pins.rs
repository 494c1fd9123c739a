//! Compares a frozen plan's inputs with what is there now: at a start, to decide what has to be redone, and at the
//! start of an epoch, to record what changed.

use crate::inputs;
use crate::work::WorkPages;
use crate::{Ctx, HandlerError};
use spotmill_core::ids::{Epoch, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::StepKeys;
use spotmill_core::location::moved;
use spotmill_core::model::{Source, Step};
use spotmill_core::pins::{Compared, Frozen, Listings, pins};
use spotmill_core::records::{Plan, PlanTables};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::records;

pub struct Resumed<'a> {
    pub epoch: Epoch,
    pub keys: &'a StepKeys,
    /// Bound.
    pub step: &'a Step,
    pub plan: &'a Plan,
    pub open: &'a RoaringBitmap,
}

/// Writes `pins.json` of the epoch: what an earlier one recorded may no longer hold.
pub async fn pin(ctx: &Ctx, resumed: &Resumed<'_>) -> Result<(), HandlerError> {
    let inspected = inspect(ctx, resumed.step, resumed.keys, resumed.plan).await?;
    let frozen = Frozen { step: &resumed.step.name, epoch: resumed.epoch, open: resumed.open };
    let pins = pins(&frozen, &inspected).map_err(HandlerError::invalid)?;
    // Only this call has the epoch: nobody else writes this key.
    Ok(records::put(&*ctx.store, &resumed.keys.pins(resumed.epoch), &pins).await?)
}

/// The bound step's paths as they are listed now, with its frozen items held against them.
pub async fn inspect(ctx: &Ctx, step: &Step, keys: &StepKeys, plan: &Plan) -> Result<Listings, HandlerError> {
    let mut inspected = Listings::default();
    if let Source::Path(path) = &step.input.source {
        inspected.input = Some(Compared::new(inputs::listed(ctx, path).await?));
        let mut pages = WorkPages::open(keys, plan);
        while let Some(page) = pages.next(ctx).await? {
            for item in page.from..page.to {
                let mut work = page.item(item)?;
                work.inputs.iter_mut().for_each(|file| now_at(ctx, plan, file));
                inspected.add(&work);
            }
        }
    }
    for (name, table) in &step.tables {
        if let Source::Path(path) = &table.source {
            inspected.tables.insert(name.clone(), Compared::new(inputs::listed(ctx, path).await?));
        }
    }
    if !inspected.tables.is_empty()
        && let Some((tables, _)) = records::load::<PlanTables>(&*ctx.store, &keys.tables()).await?
    {
        for (name, mut files) in tables.whole {
            files.iter_mut().for_each(|file| now_at(ctx, plan, file));
            inspected.add_table(&name, &files, plan.items);
        }
    }
    Ok(inspected)
}

/// A frozen file where it is now, should the project have moved.
pub fn now_at(ctx: &Ctx, plan: &Plan, file: &mut InputFile) {
    if plan.base != ctx.settings.base {
        file.uri = where_now(ctx, plan, &file.uri);
    }
}

/// The same for any place that a record of the step names.
pub fn where_now(ctx: &Ctx, plan: &Plan, place: &Uri) -> Uri {
    moved(place, plan.base.as_ref(), ctx.settings.base.as_ref())
}
