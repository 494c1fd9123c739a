//! One seed, from its first act to rest: a history of acts under faults, then calm, in which everything must end and
//! every run must come right.

use crate::chance::Chance;
use crate::faults::Fault;
use crate::history::{Act, SCRATCH_SECS, User};
use crate::lock::lock;
use crate::model::Definition;
use crate::shared::Shared;
use crate::watch;
use crate::watched::{Broken, Watch};
use crate::world::{CALLBACKS, World};
use spotmill_lambdas::Settings;
use spotmill_statemachine::Status;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Once faults have stopped, everything ends within this.
const CALM_MS: u64 = 4 * 86_400_000;
/// Starts that a calm run may take: the first may still be refused, by what an end in the storm left.
const CALM_STARTS: u32 = 3;

/// What one seed came to.
#[derive(Debug)]
pub struct Played {
    pub seed: u64,
    pub broken: Vec<Broken>,
    pub story: Vec<String>,
    /// Of the whole story.
    pub digest: String,
    pub faults: BTreeMap<Fault, u64>,
    pub points: BTreeSet<String>,
    pub hit: BTreeSet<String>,
    pub checks: u64,
    pub virtual_ms: u64,
}

pub fn run(seed: u64) -> Played {
    let tmp = directory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime of one thread");
    runtime.block_on(play(seed, tmp.path()))
}

/// In memory where there is such a place.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory for what machines keep")
}

async fn play(seed: u64, tmp: &Path) -> Played {
    // What a seed is about does not hang on how often its story draws.
    let mut plot = Chance::new(seed ^ 0x00f1_0e00);
    let definition = Definition::random(&mut plot);
    let dates: Vec<String> = (1..=plot.between(1, 2)).map(|day| format!("2026-01-0{day}")).collect();
    let acts = acts(&mut plot);
    let shared = Arc::new(Shared::new(seed, Watch::new(definition.clone())));
    let world = World::new(Arc::clone(&shared), settings(&mut plot), tmp.to_owned());
    shared.tell("seed", &format!("{seed}: {definition:?}"));
    let mut user = User::begin(&world, definition, dates).await;
    for (pause_ms, act) in acts {
        shared.pass(pause_ms).await;
        user.does(act).await;
    }
    shared.pass(shared.draw(|c| *c.pick(&[60_000, 600_000, 7_200_000]))).await;
    calm(&mut user).await;
    let (story, digest) = shared.story(|story| (story.lines().to_vec(), story.digest()));
    let (faults, points, hit) = shared.faults(|f, _| (f.struck.clone(), f.points.clone(), f.hit.clone()));
    let (broken, checks) = {
        let watch = lock(&shared.watch);
        (watch.broken.clone(), watch.checks)
    };
    Played { seed, broken, story, digest, faults, points, hit, checks, virtual_ms: shared.elapsed_ms() }
}

fn settings(plot: &mut Chance) -> Settings {
    Settings {
        publish_page: *plot.pick(&[1, 2, 3, 1_000]),
        dispatch_page: *plot.pick(&[1, 2, 10_000]),
        parallel: *plot.pick(&[1, 2, 8, 64]),
        scratch_secs: Some(SCRATCH_SECS),
        boot_secs: Some(120),
        max_vcpus: *plot.pick(&[None, None, Some(4)]),
        ..Settings::new(CALLBACKS)
    }
}

fn acts(plot: &mut Chance) -> Vec<(u64, Act)> {
    use Act::{Add, Collect, Damage, Edit, Expire, Overwrite, Remove, Restart, Start, StartChanged, StartFresh, Stop};
    let all = [
        [Start, Start, Start, Start],
        [StartFresh, StartChanged, Stop, Stop],
        [Edit, Edit, Overwrite, Overwrite],
        [Add, Remove, Collect, Expire],
        [Damage, Damage, Start, Start],
    ];
    let all = all.concat();
    // In one seed of three users are in a hurry: what they replace is still at work.
    let hurried = [Restart, Restart, Restart, Edit, StartFresh, Overwrite];
    let is_hurried = plot.permille(333);
    let mut acts = vec![(1_000, Start)];
    for _ in 0..plot.between(0, if is_hurried { 12 } else { 7 }) {
        let pause_ms = match if is_hurried { plot.below(3) } else { plot.below(4) } {
            0 => plot.between(100, 10_000),
            1 => plot.between(10_000, 120_000),
            2 => plot.between(120_000, 1_800_000),
            _ => plot.between(1_800_000, 36_000_000),
        };
        acts.push((pause_ms, *plot.pick(if is_hurried { &hurried[..] } else { &all[..] })));
    }
    // Some go home with a run stopped, and nobody starts it again.
    if plot.permille(400) {
        acts.push((plot.between(100, 120_000), Stop));
    }
    acts
}

/// Nothing befalls anybody any more.
async fn calm(user: &mut User) {
    let (world, shared) = (Arc::clone(&user.world), Arc::clone(user.shared()));
    shared.faults(|f, _| f.stop());
    shared.tell("seed", "is calm from here on");
    rest(&world).await;
    lock(&shared.watch).calm_ms = Some(shared.elapsed_ms());
    for date in user.dates.clone() {
        if user.newest(&date).is_none() {
            continue;
        }
        mend(user, &date).await;
        // What was not complete goes on, with inputs as they are; what was complete takes them when it is made afresh.
        let is_changed = lock(&shared.watch).inputs_changed.contains(&date);
        let is_done = insist(user, &date, Act::Start).await;
        if !is_done || is_changed && !insist(user, &date, Act::StartFresh).await {
            continue;
        }
        watch::finished(&shared, &date);
        // Once more: nothing is left to do, and nothing changes.
        let before = watch::children(&shared);
        if insist(user, &date, Act::Start).await {
            watch::finished(&shared, &date);
        }
        if watch::children(&shared) != before {
            shared.broken("only-what-is-missing", format!("a finished run of {date} began children again"));
        }
    }
    rest(&world).await;
}

/// Waits until everything has ended and the reaper has looked.
async fn rest(world: &Arc<World>) {
    let shared = &world.shared;
    let until = shared.elapsed_ms() + CALM_MS;
    while !world.book.running().is_empty() && shared.elapsed_ms() < until {
        shared.pass(60_000).await;
    }
    // What was late comes now; and a few ticks of the reaper.
    shared.pass(7_200_000).await;
    watch::at_rest(world);
}

/// Overwrites the files that no step can read.
async fn mend(user: &User, date: &str) {
    let present = lock(&user.shared().watch).present(date);
    for (name, text) in present {
        if text.lines().any(|line| line.starts_with(crate::model::BAD)) {
            user.write_input(date, &name, false).await;
        }
    }
}

async fn insist(user: &mut User, date: &str, how: Act) -> bool {
    let (world, shared) = (Arc::clone(&user.world), Arc::clone(user.shared()));
    let mut last = None;
    for _ in 0..CALM_STARTS {
        let id = user.start(date, how);
        let until = shared.elapsed_ms() + CALM_MS;
        while world.book.ended(&id).is_none() && shared.elapsed_ms() < until {
            shared.pass(10_000).await;
        }
        last = world.book.ended(&id);
        if matches!(last, Some(Status::Succeeded { .. })) {
            return true;
        }
    }
    shared.broken("calm-runs-succeed", format!("{CALM_STARTS} starts of {date} in calm; the last ended as {last:?}"));
    false
}
