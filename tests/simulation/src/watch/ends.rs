//! Ends: what a failed run names, what may not go wrong in any call, and what must hold when everything is at rest.

use super::published;
use crate::line::Actor;
use crate::lock::lock;
use crate::model::{LAKE, PIPELINE, STATE};
use crate::queues::DEAD;
use crate::shared::{BEGINNING_MS, Shared};
use crate::world::{CALLBACKS, World};
use spotmill_core::calls::errors;
use spotmill_core::digest;
use spotmill_core::records::Lease;
use spotmill_statemachine::{Execution, Happened, Status};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A function failed by name. Records that contradict each other are nobody's fault but ours.
pub fn failed(shared: &Shared, actor: &Actor, error: &str, cause: &str) {
    let has_expired = lock(&shared.watch).has_expired;
    if error == errors::CORRUPT_RECORD && !has_expired {
        shared.broken("records-are-sound", format!("{} says: {cause}", actor.name));
    }
}

/// An execution has ended. One that began in calm never waited for a sign of life that did not come.
pub fn waited(shared: &Shared, id: &str, execution: &Execution) {
    let calm_ms = lock(&shared.watch).calm_ms;
    let began_ms = execution.history().first().map_or(0, |record| record.at_ms.saturating_sub(BEGINNING_MS));
    let silent = |what: &Happened| match what {
        Happened::Retrying { error, .. } | Happened::Caught { error } => error == "States.HeartbeatTimeout",
        _ => false,
    };
    if calm_ms.is_some_and(|calm| calm < began_ms) && execution.history().iter().any(|record| silent(&record.what)) {
        shared.broken("calm-is-prompt", format!("{id} waited for a heartbeat that nobody sent"));
    }
}

/// A step that failed for its items names exactly those that cannot be done.
pub fn execution_ended(world: &Arc<World>, id: &str) {
    let shared = &world.shared;
    let Some(known) = lock(&world.book.known).get(id).cloned() else { return };
    lock(&shared.watch).leases.ended.insert(id.to_owned());
    let Some((_, Status::Failed { error, cause })) = known.ended else { return };
    let (Some(run), Some(step)) = (known.input["run"].as_str(), known.input["step"].as_str()) else { return };
    if error != errors::ITEMS_FAILED {
        return;
    }
    let lease = lock(&shared.objects).text(&format!("{STATE}/runs/{run}/lease.json"));
    let lease = lease.and_then(|text| serde_json::from_str::<Lease>(&text).ok());
    let Some(generation) = lease.and_then(|lease| lease.generations.get(step).map(|g| g.generation)) else { return };
    let named: BTreeSet<u32> =
        cause.split(" Item ").skip(1).filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect();
    let mut watch = lock(&shared.watch);
    watch.checks += 1;
    let bad = watch.items.bad(run, step, generation);
    let changed = |item: &u32| {
        let key = (run.to_owned(), step.to_owned(), generation, *item);
        watch.items.is_changed(&key)
    };
    let wrong: Vec<u32> = named.iter().filter(|item| !bad.contains(item) && !changed(item)).copied().collect();
    let silent: Vec<u32> = bad.iter().filter(|item| !named.contains(item)).copied().collect();
    drop(watch);
    if !wrong.is_empty() || !silent.is_empty() {
        let what = format!("{id} names {named:?} of {step}; wrongly {wrong:?}, not {silent:?}: {cause}");
        shared.broken("failed-items-are-named", what);
    }
}

/// Everything has ended, and the reaper has looked: nothing lives that costs money.
pub fn at_rest(world: &World) {
    let shared = &world.shared;
    lock(&shared.watch).checks += 1;
    let running = world.book.running();
    if !running.is_empty() {
        shared.broken("every-run-ends", format!("still running: {running:?}"));
    }
    let living = world.park.living();
    if !living.is_empty() {
        shared.broken("nothing-lives-on", format!("fleets: {living:?}"));
    }
    // Known and not held: a LaunchFleet that stood still while another execution ended its round makes the round's queue
    // again when it wakes, and nobody looks for it any more. It costs nothing, and its fleet stays ended.
    let is_made_again = |queue: &String| shared.queues.was_removed(queue);
    let of_rounds = shared.queues.names().into_iter().filter(|q| q != CALLBACKS && q != DEAD);
    let queues: Vec<String> = of_rounds.filter(|q| !is_made_again(q)).collect();
    if !queues.is_empty() {
        shared.broken("nothing-lives-on", format!("queues: {queues:?}"));
    }
}

/// A run that has just succeeded, with nothing changed since it began: each destination holds, under its mark, what the
/// newest definition makes of the inputs as they are, and no other file.
pub fn finished(shared: &Shared, date: &str) {
    let (definition, inputs) = {
        let mut watch = lock(&shared.watch);
        watch.checks += 1;
        let definition = watch.definitions.last().cloned();
        (definition.expect("the first"), watch.present(date))
    };
    let objects = lock(&shared.objects);
    let lease = objects.text(&format!("{STATE}/runs/{PIPELINE}/{date}/lease.json")).unwrap_or_default();
    let mut wrong = Vec::new();
    if !serde_json::from_str::<Lease>(&lease).is_ok_and(|lease| lease.owner.is_none() && lease.outcome.is_some()) {
        wrong.push(format!("its lease is not released: {lease}"));
    }
    for step in definition.steps.iter().filter(|step| step.is_published) {
        let place = format!("{LAKE}/out/{}/date={date}", step.name);
        let Some(mark) = objects.text(&format!("{place}/{}", published::MARK)) else {
            wrong.push(format!("{place} has no success mark"));
            continue;
        };
        match published::read(&objects, &place, mark.trim()) {
            Ok(found) if found.rows == definition.rows(&step.name, &inputs) => {}
            Ok(found) => wrong.push(format!(
                "{place} holds {:?}, not {:?} of {:?}",
                found.rows,
                definition.rows(&step.name, &inputs),
                inputs.iter().map(|(name, text)| (name, digest::short(text.as_bytes(), 6))).collect::<Vec<_>>()
            )),
            Err(why) => wrong.push(format!("{place}: {why}")),
        }
    }
    drop(objects);
    for what in wrong {
        shared.broken("mark-is-complete", what);
    }
}
