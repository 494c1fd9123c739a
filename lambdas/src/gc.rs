//! Removes what nobody needs any more, or reports what it would remove: dead attempts, replaced generations and removed
//! steps in the scratch area, late files at destinations. A run that is being worked on is left untouched, and so is
//! everything that is not provably ours.

use crate::destination::{Place, contents};
use crate::several::{get_all, several};
use crate::{Ctx, HandlerError, inputs, inspect, lease, step};
use spotmill_core::claim::ExecutionState;
use spotmill_core::destination::Lying;
use spotmill_core::ids::{Generation, RunId, StepName, Uri};
use spotmill_core::keys::{self, Attempted, RunKeys, StepKeys};
use spotmill_core::records::{Lease, Plan, Receipt, Seal};
use spotmill_platform::ports::ObjectMeta;
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

/// What is to go, of one kind and place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waste {
    /// What these are, and whose.
    pub what: String,
    pub files: u64,
    pub bytes: u64,
}

/// Everything in a state that is to go; deleted if `delete`. `may_touch` gets a run and whether its lease has an owner,
/// and returns whether nobody else works on the run.
pub async fn collect(
    ctx: &Ctx,
    delete: bool,
    may_touch: impl Fn(&RunId, bool) -> bool,
) -> Result<(Vec<Waste>, Vec<String>), HandlerError> {
    let (mut found, mut left) = (Vec::new(), Vec::new());
    let mut by_run: BTreeMap<RunId, Vec<(Attempted, ObjectMeta)>> = BTreeMap::new();
    for object in ctx.store.list(&ctx.root.join("scratch/")).await? {
        if let Some(attempted) = keys::attempted(&ctx.root, &object.uri) {
            by_run.entry(attempted.run.clone()).or_default().push((attempted, object));
        }
    }
    for (run, files) in by_run {
        let Some(needed) = Needed::of(ctx, &run, &may_touch).await? else {
            left.push(format!("{run} is being worked on and was left alone"));
            continue;
        };
        let mut kinds: BTreeMap<&str, Vec<ObjectMeta>> = BTreeMap::new();
        for (attempted, object) in files {
            if let Some(what) = needed.waste(&attempted) {
                kinds.entry(what).or_default().push(object);
            }
        }
        for (what, objects) in kinds {
            found.extend(remove(ctx, format!("{what} of {run}"), objects, delete).await?);
        }
    }
    for destination in destinations(ctx).await? {
        found.extend(late(ctx, &destination, delete).await?);
    }
    Ok((found, left))
}

/// What a run still needs of its scratch area.
#[derive(Default)]
struct Needed {
    /// The present generation of each step in the run's pipeline; none for a run without a record, which can only start
    /// from nothing.
    present: Option<BTreeMap<StepName, Generation>>,
    /// Folders of attempts that present generations committed, or may yet carry over.
    folders: BTreeSet<Uri>,
}

impl Needed {
    /// Nothing while somebody works on the run.
    async fn of(
        ctx: &Ctx,
        run: &RunId,
        may_touch: &impl Fn(&RunId, bool) -> bool,
    ) -> Result<Option<Needed>, HandlerError> {
        let keys = RunKeys::new(&ctx.root, run);
        let Some((lease, _)) = records::load::<Lease>(&*ctx.store, &keys.lease()).await? else {
            return Ok(may_touch(run, false).then(Needed::default));
        };
        let is_free = match &lease.owner {
            Some(owner) => may_touch(run, ctx.executions.state(owner).await? != ExecutionState::Ended),
            None => may_touch(run, false),
        };
        if !is_free {
            return Ok(None);
        }
        let program = lease::program(ctx, run, &lease).await?;
        let (mut present, mut folders) = (BTreeMap::new(), BTreeSet::new());
        for step in &program.pipeline.steps {
            let Some(generation) = lease.generations.get(&step.name) else { continue };
            let name = StepName::new(&step.name);
            let now = keys.step(&name, generation.generation);
            // An incomplete generation may still carry over files of the one before it.
            let is_sealed = records::load::<Seal>(&*ctx.store, &now.seal()).await?.is_some();
            let before = generation.carries_over.filter(|_| !is_sealed).map(|before| keys.step(&name, before));
            for keys in std::iter::once(now).chain(before) {
                committed(ctx, &keys, &mut folders).await?;
            }
            present.insert(name, generation.generation);
        }
        Ok(Some(Needed { present: Some(present), folders }))
    }

    /// What a file is that nobody needs any more.
    fn waste(&self, file: &Attempted) -> Option<&'static str> {
        if self.folders.contains(&file.folder) {
            return None;
        }
        let Some(present) = &self.present else { return Some("files that no run knows,") };
        Some(match present.get(&file.step) {
            None => "removed steps",
            Some(now) if file.generation < *now => "replaced generations",
            Some(_) => "dead attempts",
        })
    }
}

/// Folders of the attempts that a generation committed.
async fn committed(ctx: &Ctx, keys: &StepKeys, folders: &mut BTreeSet<Uri>) -> Result<(), HandlerError> {
    let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? else { return Ok(()) };
    let receipts = step::receipted(ctx, keys, &plan).await?;
    let uris = receipts.iter().map(|item| keys.receipt(item)).collect();
    for receipt in get_all::<Receipt>(ctx, uris).await? {
        folders.insert(inputs::own(keys, &receipt.scratch)?);
    }
    Ok(())
}

/// Where the steps of the existing runs publish.
async fn destinations(ctx: &Ctx) -> Result<Vec<Uri>, HandlerError> {
    let mut all = Vec::new();
    for run in inspect::runs(ctx).await? {
        let lease = lease::load(ctx, &run).await?;
        let program = lease::program(ctx, &run, &lease).await?;
        for step in &program.pipeline.steps {
            all.extend(program.destination(step)?);
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// Files of publications that went, which landed after that, or which stayed for the readers of a catalog.
async fn late(ctx: &Ctx, destination: &Uri, delete: bool) -> Result<Option<Waste>, HandlerError> {
    let what = format!("late files at {destination}");
    let place = Place::inspect(ctx, destination).await?;
    if !delete || place.contents.is_none() {
        return remove(ctx, what, landed_late(&place, ctx.clock.now_ms()), false).await;
    }
    // The manifest as it is while nobody publishes there.
    let Ok(_held) = ctx.store.hold(destination).await else { return Ok(None) };
    let place = Place::inspect(ctx, destination).await?;
    let Some(found) = &place.contents else { return Ok(None) };
    if !place.write(ctx, &found.expired(ctx.clock.now_ms())).await? {
        return Ok(None);
    }
    let place = Place::inspect(ctx, destination).await?;
    let found = landed_late(&place, ctx.clock.now_ms());
    // Whoever publishes on another machine and has begun since may have put these very files there again.
    if contents(ctx, destination).await?.map(|(contents, _)| contents) != place.contents {
        return Ok(None);
    }
    let waste = remove(ctx, what, found, true).await?;
    ctx.store.sweep(destination).await?;
    Ok(waste)
}

/// Nothing where no manifest is.
fn landed_late(place: &Place, now_ms: u64) -> Vec<ObjectMeta> {
    let Some(contents) = place.contents.as_ref().map(|contents| contents.expired(now_ms)) else { return Vec::new() };
    let object = |(path, file): (&String, &Lying)| ObjectMeta {
        uri: place.uri.join(path),
        etag: file.etag.clone(),
        bytes: file.bytes,
        modified_ms: 0,
        file: None,
    };
    place.listed.iter().filter(|(path, _)| contents.went(path)).map(object).collect()
}

async fn remove(
    ctx: &Ctx,
    what: String,
    objects: Vec<ObjectMeta>,
    delete: bool,
) -> Result<Option<Waste>, HandlerError> {
    if objects.is_empty() {
        return Ok(None);
    }
    let waste = Waste { what, files: objects.len() as u64, bytes: objects.iter().map(|o| o.bytes).sum() };
    if delete {
        several(ctx.settings.parallel, objects, |object| {
            let store = ctx.store.clone();
            async move { store.delete(&object.uri).await }
        })
        .await?;
    }
    Ok(Some(waste))
}
