//! The end of a smoke test, and of those that were killed: executions first, so that nothing new begins, then machines, then
//! everything in the bucket, last the records by which it is found. All of it bears names that only smoke tests have; so whoever
//! is killed here, or before, leaves what the next call removes.

use super::interrupt::TAG;
use super::plan::{FOLDER, PREFIX};
use crate::answers::of_store;
use crate::aws::World;
use crate::commands::stop;
use crate::exit::Stop;
use serde::{Deserialize, Serialize};
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::keys;
use spotmill_core::records::RECORD_VERSION;
use spotmill_lambdas::{forget, inspect};
use spotmill_platform::records;
use std::time::Duration;

/// Looks at what is left, some seconds apart: an event that came late may write once more.
const ROUNDS: u32 = 12;
const PAUSE: Duration = Duration::from_secs(5);

/// `smoke/{at}.json`: a smoke test has begun, and has not removed all that it made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    pub v: u32,
    pub began_ms: u64,
    /// It may have made templates of experiments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub faults: bool,
}

/// Before anything else is made.
pub async fn record(world: &World, at: &str, began_ms: u64, faults: bool) -> Result<(), Stop> {
    let begun = Begun { v: RECORD_VERSION, began_ms, faults };
    let uri = keys::smoke(world.root(), at);
    records::put(&*world.ctx.store, &uri, &begun).await.map_err(crate::answers::of_record)
}

/// Smoke tests that have begun and not ended.
pub async fn begun(world: &World) -> Result<Vec<(Uri, Begun)>, Stop> {
    let mut all = Vec::new();
    for object in world.ctx.store.list(&keys::smokes(world.root())).await.map_err(of_store)? {
        let found = records::load::<Begun>(&*world.ctx.store, &object.uri).await.map_err(crate::answers::of_record)?;
        all.extend(found.map(|(begun, _)| (object.uri, begun)));
    }
    Ok(all)
}

/// Removes everything that smoke tests of this stack made; returns what is left all the same.
pub async fn clean(world: &World) -> Result<Vec<String>, Stop> {
    let begun = begun(world).await?;
    let mut left = Vec::new();
    for round in 0..ROUNDS {
        if round > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        executions(world).await?;
        machines(world).await?;
        objects(world).await?;
        // Machines cost money, templates nothing: these come last, and stop nothing where they cannot be removed.
        let stays = match begun.iter().any(|(_, of)| of.faults) {
            true => templates(world).await.err(),
            false => None,
        };
        // Nothing twice in a row: what runs late has had time to write.
        let mut found = find(world).await?;
        found.extend(stays.map(|stop| format!("templates of experiments: {}", stop.message)));
        let before = std::mem::replace(&mut left, found);
        if left.is_empty() && before.is_empty() && round > 0 {
            forget::remove(&world.ctx, begun.into_iter().map(|(uri, _)| uri).collect()).await?;
            break;
        }
    }
    Ok(left)
}

fn ours(name: &str) -> bool {
    name.starts_with(PREFIX)
}

async fn runs(world: &World) -> Result<Vec<RunId>, Stop> {
    let all = inspect::runs(&world.ctx).await.map_err(Stop::from)?;
    Ok(all.into_iter().filter(|run| ours(run.pipeline())).collect())
}

/// Those of runs, by name; then those of steps, which leases name.
async fn executions(world: &World) -> Result<(), Stop> {
    let why = "spotmill smoke --clean";
    for run in world.runs.running(&world.pipeline_machine).await?.into_iter().filter(|run| ours(&run.name)) {
        stop::stop(world, &run.execution, why).await?;
    }
    for run in runs(world).await? {
        let Some(lease) = world.lease(&run).await? else { continue };
        for execution in lease.owner.iter().chain(&lease.execution) {
            stop::stop(world, execution, why).await?;
        }
    }
    Ok(())
}

async fn templates(world: &World) -> Result<(), Stop> {
    let faults = world.aws.faults();
    for template in faults.templates((TAG, &world.stack)).await? {
        faults.remove(&template).await?;
    }
    Ok(())
}

/// Their fleets, queues and versions of launch templates, by the function that ends those of any run.
async fn machines(world: &World) -> Result<(), Stop> {
    for run in runs(world).await? {
        if let Some(lease) = world.lease(&run).await? {
            stop::end_machines(world, Some((&run, &lease))).await?;
        }
    }
    Ok(())
}

async fn objects(world: &World) -> Result<(), Stop> {
    // A fleet is ended by records that must be there as long as it is.
    if !fleets(world).await?.is_empty() {
        return Ok(());
    }
    forget::pipelines(&world.ctx, PREFIX).await?;
    forget::remove(&world.ctx, data(world).await?).await?;
    Ok(())
}

async fn data(world: &World) -> Result<Vec<Uri>, Stop> {
    let mut all = Vec::new();
    for place in ["input", "output"] {
        let found = world.ctx.store.list(&world.root().join(&format!("{place}/{FOLDER}/"))).await.map_err(of_store)?;
        all.extend(found.into_iter().map(|object| object.uri));
    }
    Ok(all)
}

async fn fleets(world: &World) -> Result<Vec<String>, Stop> {
    let living = world.ctx.fleets.living().await.map_err(|e| Stop::failed(e.to_string()))?;
    Ok(living.into_iter().filter(|fleet| ours(fleet.run.pipeline())).map(|fleet| fleet.name).collect())
}

/// What there is, in words.
async fn find(world: &World) -> Result<Vec<String>, Stop> {
    let mut left = Vec::new();
    let running = world.runs.running(&world.pipeline_machine).await?;
    left.extend(running.iter().filter(|run| ours(&run.name)).map(|run| format!("execution {}", run.name)));
    left.extend(fleets(world).await?.into_iter().map(|name| format!("fleet {name}")));
    for run in runs(world).await? {
        let machines = world.aws.machines().of_run(&world.stack, &run).await?;
        left.extend(machines.into_iter().map(|machine| format!("machine {}", machine.id)));
    }
    let objects = forget::left(&world.ctx, PREFIX).await?.len() + data(world).await?.len();
    left.extend((objects > 0).then(|| format!("{objects} objects in the bucket")));
    Ok(left)
}
