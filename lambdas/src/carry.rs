//! Items that a new generation need not redo: those that read the same as an item of the generation before it, with the
//! same definition. What another step wrote is the same if it holds the same, whichever attempt wrote it; anything else
//! has to be the very same file. Their receipts are written anew, for the item as it is planned now; the files stay
//! where they are. Leaving one out costs time and is never wrong.

use crate::several::{get_all, several};
use crate::work::WorkPages;
use crate::{Ctx, HandlerError, inputs, lease, step};
use spotmill_core::bundle;
use spotmill_core::claim::Ticket;
use spotmill_core::digest::short;
use spotmill_core::ids::{Generation, ItemIndex, RunId, StepName, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::plan::item_digest;
use spotmill_core::records::{Pins, Plan, PlanTables, Receipt, Seal, SealedList, WorkItem};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::ports::StoreError;
use spotmill_platform::records::{self, RecordError};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Receipts read and written at once.
const PAGE: usize = 500;

pub struct Carried<'a> {
    pub run: &'a RunId,
    pub keys: &'a StepKeys,
    pub plan: &'a Plan,
    pub from: Generation,
    /// Items without a receipt.
    pub open: &'a RoaringBitmap,
    pub ticket: Ticket<'a>,
}

/// Items that have a receipt now.
pub async fn over(ctx: &Ctx, carried: &Carried<'_>) -> Result<RoaringBitmap, HandlerError> {
    let old_keys = carried.keys.run.step(&carried.keys.step, carried.from);
    let mut done = RoaringBitmap::new();
    let Some((tables, _)) = records::load::<PlanTables>(&*ctx.store, &carried.keys.tables()).await? else {
        return Ok(done);
    };
    let contents = Contents::load(ctx, &carried.keys.run, &carried.plan.from).await?;
    let reusable = reusable(ctx, &old_keys, &tables, &contents).await?;
    if reusable.is_empty() {
        return Ok(done);
    }
    let there = inputs::scratch(ctx, carried.keys).await?;
    let mut pages = WorkPages::open(carried.keys, carried.plan);
    while let Some(page) = pages.next(ctx).await? {
        let mut pairs: Vec<(ItemIndex, ItemIndex, String)> = Vec::new();
        for item in (page.from..page.to).filter(|item| carried.open.contains(*item)) {
            if let Some(old) = reusable.get(&contents.reads(page.item(item)?)) {
                pairs.push((item, *old, item_digest(page.line(item)?)));
            }
        }
        for some in pairs.chunks(PAGE) {
            lease::fence(ctx, carried.run, &carried.ticket).await?;
            let uris = some.iter().map(|(_, old, _)| old_keys.receipt(*old)).collect();
            let receipts: Vec<Receipt> = get_all(ctx, uris).await?;
            let mut anew = Vec::new();
            for ((item, _, digest), receipt) in some.iter().zip(receipts) {
                let receipt = Receipt { scratch: inputs::own(carried.keys, &receipt.scratch)?, ..receipt };
                let objects = bundle::objects(&receipt.files, receipt.rejects.as_ref());
                let is_whole = |(path, bytes): (&str, u64)| {
                    there.get(&receipt.scratch.join(path)).is_some_and(|found| found.bytes == bytes)
                };
                if objects.is_ok_and(|objects| objects.into_iter().all(is_whole)) {
                    let epoch = carried.ticket.epoch;
                    anew.push(Receipt { item: *item, item_digest: digest.clone(), epoch, ..receipt });
                }
            }
            let written = write(ctx, carried.keys, anew).await?;
            done.extend(written.iter().flatten());
            // A caller that may write no receipts redoes the items.
            if written.contains(&None) {
                return Ok(done);
            }
        }
    }
    Ok(done)
}

/// Writes receipts, several at once: the items that have one now, nothing for each that may not be written.
async fn write(ctx: &Ctx, keys: &StepKeys, receipts: Vec<Receipt>) -> Result<Vec<Option<ItemIndex>>, HandlerError> {
    several(ctx.settings.parallel, receipts, |receipt| {
        let (store, uri) = (ctx.store.clone(), keys.receipt(receipt.item));
        async move {
            match records::create(&*store, &uri, &receipt).await {
                Ok(_) | Err(RecordError::Store(StoreError::Unknown { .. })) => Ok(Some(receipt.item)),
                Err(RecordError::Store(StoreError::Denied { .. })) => Ok(None),
                Err(e) => Err(e.into()),
            }
        }
    })
    .await
}

/// What files of other steps hold, by location; only files whose receipts state it.
#[derive(Default)]
pub struct Contents(HashMap<Uri, String>);

impl Contents {
    /// Loads the contents of the steps that a plan was made from.
    pub async fn load(ctx: &Ctx, run: &RunKeys, from: &BTreeMap<String, SealedList>) -> Result<Self, HandlerError> {
        let mut all = HashMap::new();
        for (step, list) in from {
            let keys = run.step(&StepName::new(step), list.generation);
            for file in inputs::listed_files(ctx, &keys, &list.files_digest).await? {
                all.extend(file.content.map(|content| (file.uri, content)));
            }
        }
        Ok(Self(all))
    }

    /// Names files by what they hold.
    fn plain(&self, files: &mut [InputFile]) {
        for file in files {
            if let Some(content) = self.0.get(&file.uri) {
                // Whichever object it lies in, and where.
                (file.uri, file.etag, file.bundled) = (Uri::new(content), String::new(), None);
            }
        }
    }

    /// What an item reads, whatever its number.
    pub fn reads(&self, item: WorkItem) -> String {
        let mut plain = WorkItem { item: 0, ..item };
        self.plain(&mut plain.inputs);
        plain.tables.values_mut().for_each(|files| self.plain(files));
        short(&serde_json::to_vec(&plain).unwrap_or_default(), 32)
    }

    fn tables(&self, tables: &PlanTables) -> PlanTables {
        let mut plain = tables.clone();
        plain.whole.values_mut().for_each(|files| self.plain(files));
        plain
    }
}

/// The committed items of the generation `keys` by what they read; none where its side tables differ from `tables`,
/// whose contents `contents` holds.
pub async fn reusable(
    ctx: &Ctx,
    keys: &StepKeys,
    tables: &PlanTables,
    contents: &Contents,
) -> Result<HashMap<String, ItemIndex>, HandlerError> {
    let plan = records::load::<Plan>(&*ctx.store, &keys.plan()).await?;
    let before = records::load::<PlanTables>(&*ctx.store, &keys.tables()).await?;
    let (Some((plan, _)), Some((before, _))) = (plan, before) else { return Ok(HashMap::new()) };
    let then = Contents::load(ctx, &keys.run, &plan.from).await?;
    match then.tables(&before) == contents.tables(tables) {
        true => committed(ctx, keys, &plan, &before, &then).await,
        false => Ok(HashMap::new()),
    }
}

/// The committed items of a generation by what they read. Items whose pins differ from the plan are left out.
async fn committed(
    ctx: &Ctx,
    keys: &StepKeys,
    plan: &Plan,
    tables: &PlanTables,
    contents: &Contents,
) -> Result<HashMap<String, ItemIndex>, HandlerError> {
    let receipts = step::receipted(ctx, keys, plan).await?;
    let missing = records::load::<Seal>(&*ctx.store, &keys.seal()).await?.map(|(s, _)| s.missing).unwrap_or_default();
    let pinned = pinned(ctx, keys).await?;
    let mut items = HashMap::new();
    // A side table that was read in two versions was read by all.
    if tables.whole.values().flatten().any(|file| pinned.contains(&file.uri)) {
        return Ok(items);
    }
    let mut pages = WorkPages::open(keys, plan);
    while let Some(page) = pages.next(ctx).await? {
        for item in (page.from..page.to).filter(|i| receipts.contains(*i) && !missing.contains(i)) {
            let work = page.item(item)?;
            if !work.inputs.iter().any(|f| pinned.contains(&f.uri)) {
                items.insert(contents.reads(work), item);
            }
        }
    }
    Ok(items)
}

/// Files that some epoch of the generation read in another version than the plan's.
async fn pinned(ctx: &Ctx, keys: &StepKeys) -> Result<BTreeSet<Uri>, HandlerError> {
    let listed = ctx.store.list(&keys.epochs()).await?;
    let uris = listed.into_iter().map(|o| o.uri).filter(|u| u.as_str().ends_with("/pins.json")).collect();
    let pins: Vec<Pins> = get_all(ctx, uris).await?;
    Ok(pins.into_iter().flat_map(|p| p.changed).map(|f| f.uri).collect())
}
