//! Items: what becomes of each child, as the seed has it, and that nobody is asked to do again what is done.

use crate::fate::{Fate, duration};
use crate::line::Actor;
use crate::lock::lock;
use crate::model::{LAKE, STATE};
use crate::shared::Shared;
use crate::watched::Script;
use spotmill_core::ids::Uri;
use spotmill_core::item::ItemSpec;
use spotmill_core::keys::RunKeys;
use spotmill_core::records::WorkMessage;

/// How many began, ever.
pub fn children(shared: &Shared) -> u64 {
    lock(&shared.watch).items.begun
}

/// A child begins; returns what becomes of it, and when.
pub fn begun(shared: &Shared, actor: &Actor, spec: &ItemSpec, is_bad: bool) -> (Fate, u64) {
    let key = (spec.run.to_string(), spec.step.to_string(), spec.generation, spec.item);
    let drawn = shared.draw(|c| match c.below(10) {
        0 => c.between(100_000, 900_000),
        1..=3 => c.between(5_000, 100_000),
        _ => c.between(50, 5_000),
    });
    let fresh = shared.draw(|c| {
        let fate = *c.pick(&[Fate::Fails, Fate::Crashes, Fate::NeedsMemory, Fate::Hangs, Fate::Lies]);
        let is_flaky = c.permille(150);
        (fate, is_flaky, c.between(2, 4) << 30)
    });
    let mut watch = lock(&shared.watch);
    let most = watch.definitions.iter().map(|d| d.max_attempts).min().unwrap_or(1).saturating_sub(1);
    watch.items.begun += 1;
    let script = watch.items.scripts.entry(key.clone()).or_insert_with(|| {
        let (fate, is_flaky, needs) = fresh;
        Script { fate, left: if is_flaky { most } else { 0 }, needs, is_bad, is_flaky }
    });
    script.is_bad = is_bad;
    let fate = match script.fate {
        _ if is_bad => Fate::Fails,
        Fate::NeedsMemory if script.is_flaky && spec.memory_bytes < script.needs.min(4 << 30) => Fate::NeedsMemory,
        Fate::NeedsMemory => Fate::Done,
        fate if script.left > 0 => {
            script.left -= 1;
            fate
        }
        _ => Fate::Done,
    };
    drop(watch);
    let ms = duration(fate, drawn);
    let (run, step, generation, item) = &key;
    shared.tell(
        &actor.name,
        &format!("child of {run} {step} g{generation} item {item} ({}): {fate:?} in {ms} ms", spec.attempt),
    );
    (fate, ms)
}

/// A child ends. If an input is not what it was given, its attempt must not be committed.
pub fn ends(shared: &Shared, spec: &ItemSpec) {
    let objects = lock(&shared.objects);
    let is_other = spec.inputs.iter().any(|file| {
        let given = file.uri.as_str().split_once("/in/lake/in/").map(|(_, name)| format!("{LAKE}/in/{name}"));
        given.is_some_and(|uri| objects.get(&uri).is_none_or(|found| found.etag != file.etag))
    });
    if is_other {
        lock(&shared.watch).items.stale.insert(spec.attempt.to_string());
    }
}

/// A message was sent. Work that was done when its epoch began is nobody's work.
pub fn sent(shared: &Shared, actor: &Actor, body: &str) {
    let Ok(work) = serde_json::from_str::<WorkMessage>(body) else { return };
    let keys = RunKeys::new(&Uri::new(STATE), &work.run).step(&work.step, work.generation);
    let receipt = keys.receipt(work.item).to_string();
    let mut watch = lock(&shared.watch);
    watch.checks += 1;
    let stood = watch.items.stood.get(&(work.run.to_string(), work.epoch)).is_some_and(|all| all.contains(&receipt));
    drop(watch);
    if stood {
        let what = format!("{} asks for item {} of {} again, whose receipt stood", actor.name, work.item, work.step);
        shared.broken("only-what-is-missing", what);
    }
}
