//! Removes what nobody needs any more, or says what it would remove: dead attempts and replaced generations in the
//! scratch area, late files at destinations. A run that is being worked on is left alone, and so is everything that is
//! not provably ours.

use crate::begin::owner_state;
use crate::destination::Place;
use crate::{Ctx, HandlerError, access, inputs};
use spotmill_core::claim::OwnerState;
use spotmill_core::destination::id_of;
use spotmill_core::gc::attempt_of;
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::keys::{self, RunKeys};
use spotmill_core::records::{Lease, Plan, Receipt};
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

/// Everything of a state that is to go; deleted if `delete`. `may_touch` says of a run, and of whether its lease has an
/// owner, whether nobody else works on it.
pub async fn collect(
    ctx: &Ctx,
    delete: bool,
    may_touch: impl Fn(&RunId, bool) -> bool,
) -> Result<(Vec<Waste>, Vec<String>), HandlerError> {
    let (mut found, mut left) = (Vec::new(), Vec::new());
    let mut by_run: BTreeMap<RunId, Vec<(Uri, ObjectMeta)>> = BTreeMap::new();
    for object in ctx.store.list(&ctx.root.join("scratch/")).await? {
        if let Some((run, attempt)) = attempt_of(&ctx.root, &object.uri) {
            by_run.entry(run).or_default().push((attempt, object));
        }
    }
    for (run, files) in by_run {
        let Some(needed) = needed(ctx, &run, &may_touch).await? else {
            left.push(format!("{run} is being worked on and was left alone"));
            continue;
        };
        let dead: Vec<ObjectMeta> =
            files.into_iter().filter(|(attempt, _)| !needed.contains(attempt)).map(|(_, object)| object).collect();
        let what = format!("dead attempts of {run}");
        found.extend(remove(ctx, what, dead, delete).await?);
    }
    for destination in destinations(ctx).await? {
        found.extend(late(ctx, &destination, delete).await?);
    }
    Ok((found, left))
}

/// Folders of attempts that the run's present generations committed, or carry over; nothing while somebody works on it.
async fn needed(
    ctx: &Ctx,
    run: &RunId,
    may_touch: &impl Fn(&RunId, bool) -> bool,
) -> Result<Option<BTreeSet<Uri>>, HandlerError> {
    let keys = RunKeys::new(&ctx.root, run);
    let Some((lease, _)) = records::load::<Lease>(&*ctx.store, &keys.lease()).await? else {
        // Of a run that nobody knows any more, and can start only from nothing.
        return Ok(may_touch(run, false).then(BTreeSet::new));
    };
    let is_free = match &lease.owner {
        Some(owner) => may_touch(run, owner_state(ctx, owner).await? != OwnerState::Ended),
        None => may_touch(run, false),
    };
    if !is_free {
        return Ok(None);
    }
    let mut needed = BTreeSet::new();
    for (step, generation) in &lease.generations {
        // What a generation carries over it may still want to carry over.
        for number in [Some(generation.generation), generation.carries_over].into_iter().flatten() {
            let keys = keys.step(&step.as_str().into(), number);
            let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? else { continue };
            let receipts = access::receipted(ctx, &keys, &plan).await?;
            let uris = receipts.iter().map(|item| keys.receipt(item)).collect();
            for receipt in access::get_all::<Receipt>(ctx, uris).await? {
                needed.insert(inputs::own(&keys, &receipt.scratch)?);
            }
        }
    }
    Ok(Some(needed))
}

/// Where the steps of the runs that are known publish.
async fn destinations(ctx: &Ctx) -> Result<Vec<Uri>, HandlerError> {
    let folder = keys::runs(&ctx.root);
    let mut all = Vec::new();
    for object in ctx.store.list(&folder.join("")).await? {
        let name = object.uri.as_str().strip_prefix(folder.as_str());
        let Some(run) = name.and_then(|n| n.strip_prefix('/')?.strip_suffix("/lease.json")) else { continue };
        let run = RunId::new(run);
        let (lease, _) = access::lease(ctx, &run).await?;
        let program = access::program(ctx, &run, &lease).await?;
        for step in &program.pipeline.steps {
            all.extend(program.destination(step)?);
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// Files of publications that went, which landed after that.
async fn late(ctx: &Ctx, destination: &Uri, delete: bool) -> Result<Option<Waste>, HandlerError> {
    let what = format!("late files at {destination}");
    let Some(found) = landed_late(ctx, destination).await? else { return Ok(None) };
    if !delete {
        return remove(ctx, what, found, false).await;
    }
    // As it is while nobody publishes there.
    let Ok(_held) = ctx.store.hold(destination).await else { return Ok(None) };
    let Some(found) = landed_late(ctx, destination).await? else { return Ok(None) };
    let waste = remove(ctx, what, found, true).await?;
    ctx.store.sweep(destination).await?;
    Ok(waste)
}

/// Nothing where no manifest is.
async fn landed_late(ctx: &Ctx, destination: &Uri) -> Result<Option<Vec<ObjectMeta>>, HandlerError> {
    let place = Place::inspect(ctx, destination).await?;
    let Some(contents) = &place.contents else { return Ok(None) };
    let went = |path: &str| id_of(path).is_some_and(|id| contents.find(id).is_none());
    let late = place.listed.iter().filter(|(path, file)| went(path) && contents.to_remove(path, file));
    let objects =
        late.map(|(path, file)| ObjectMeta { uri: destination.join(path), etag: file.etag.clone(), bytes: file.bytes });
    Ok(Some(objects.collect()))
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
        access::several(ctx.settings.parallel, objects, |object| {
            let store = ctx.store.clone();
            async move { Ok(store.delete(&object.uri).await?) }
        })
        .await?;
    }
    Ok(Some(waste))
}
