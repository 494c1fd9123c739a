//! From a message to a child's spec. A message is a hint: it is compared with lease, plan and receipts, and dropped
//! with a reason if it does not fit them. Whoever sees a receipt sends `done`.

use crate::attempt::{Claim, Context, Job, new_attempt};
use crate::cache::{Frozen, Missing};
use crate::history;
use crate::refusal::Refusal;
use crate::spec;
use crate::stage;
use crate::state::Ending;
use crate::state::budget;
use spotmill_core::bounds::{DEFAULT_MAX_ATTEMPTS, LONE_RECEIVES};
use spotmill_core::bundle;
use spotmill_core::item::{FailureClass, ItemSpec};
use spotmill_core::keys::RunKeys;
use spotmill_core::plan::line_range;
use spotmill_core::records::{Lease, RECORD_VERSION, Receipt, WorkMessage};
use spotmill_core::verdict::memory_bytes;
use spotmill_platform::ports::Message;
use spotmill_platform::records;
use std::time::Duration;

/// The longest pause between two tries of a store that does not answer.
const LONGEST_PAUSE_MS: u64 = 30_000;

/// A store that does not answer is retried while the item's lease is held: giving it back would help nobody, and each
/// unexplained receive counts against the item.
pub async fn prepare(context: &Context, claim: &Claim) -> Result<Job, Refusal> {
    let begun = tokio::time::Instant::now();
    let hold = Duration::from_millis(context.config.times.hold_ms);
    let mut tries = 0;
    loop {
        match prepared(context, claim.clone()).await {
            Err(Refusal::Later(why)) if begun.elapsed() < hold => {
                let pause = budget::infra_wait(tries, context.waits()).min(LONGEST_PAUSE_MS);
                context.note(format!("{why}; again in {:.1} s", pause as f64 / 1_000.0));
                tokio::time::sleep(Duration::from_millis(pause)).await;
                tries += 1;
            }
            other => return other,
        }
    }
}

async fn prepared(context: &Context, mut claim: Claim) -> Result<Job, Refusal> {
    let lease = unfenced(context, &claim.work).await?;
    let store = &*context.ports.store;
    let shared = context.cache.plan(store, &claim.keys).await?;
    fits_plan(&claim.work, &shared)?;
    if let Some((receipt, _)) = records::load::<Receipt>(store, &claim.keys.receipt(claim.work.item)).await? {
        return Err(Refusal::Committed(Box::new(claim), Box::new(receipt)));
    }
    let pipeline = match context.cache.pipeline(store, &claim.keys.run, &lease.pipeline_digest).await {
        Err(Missing::Foreign(what)) => return Err(foreign(claim, what)),
        other => other?,
    };
    let Some(step) = pipeline.step(claim.work.step.as_str()) else {
        let what = format!("the frozen pipeline has no step `{}`", claim.work.step);
        return Err(Refusal::Drop(what));
    };
    claim.max_attempts = step.resources.max_attempts;
    let isolated = has_tries_left(context, &claim).await?;
    let pins = context.cache.pins(store, &claim.keys, claim.work.epoch).await?;
    let (item, item_digest) = spec::work_item(store, &claim.keys, claim.work.item, &shared, pins.as_deref()).await?;
    let job = Job {
        item_digest,
        reads: item.inputs.iter().chain(item.tables.values().flatten()).cloned().collect(),
        isolated,
        threads: step.resources.vcpus.max(1),
        // Where the machine is smaller than the rung, the limit is the machine: better we end it than the kernel.
        memory_bytes: memory_bytes(&step.resources, claim.work.rung).min(context.config.machine.memory_bytes),
        timeout_ms: step.resources.timeout_secs.saturating_mul(1_000),
        processes: step.resources.processes,
        is_bundled: bundle::is_used(&context.config.root, &step.output),
        claim,
    };
    let asked = spec::Asked {
        run: &job.claim.work.run,
        generation: job.claim.work.generation,
        attempt: job.claim.attempt.clone(),
        lease: &lease,
        frozen: &shared,
        step,
        item,
        scratch: job.claim.keys.scratch(job.claim.work.item, &job.claim.attempt),
        tmp: job.tmp().to_string_lossy().into_owned(),
        threads: job.threads,
        memory_bytes: job.memory_bytes,
    };
    let mut spec = match spec::spec(asked) {
        Ok(spec) => spec,
        Err(what) => {
            let ending = Ending::new(FailureClass::Transform, what, "not started");
            return Err(Refusal::Failed(Box::new(job.claim), Box::new(ending)));
        }
    };
    stage::fetch(context, &job, &mut spec).await?;
    write_spec(&job, &spec).await.map_err(|e| Refusal::Later(format!("{}: {e}", job.claim.directory.display())))?;
    Ok(job)
}

pub fn understood(context: &Context, message: &Message) -> Result<Claim, Refusal> {
    let work: WorkMessage = match serde_json::from_str(&message.body) {
        Ok(work) => work,
        Err(e) => return Err(Refusal::Drop(format!("a work message cannot be understood: {e}"))),
    };
    if work.v != RECORD_VERSION {
        return Err(Refusal::Drop(format!("a work message has version {}, not {RECORD_VERSION}", work.v)));
    }
    let keys = RunKeys::new(&context.config.root, &work.run).step(&work.step, work.generation);
    let attempt = new_attempt(&context.config.worker, context.ports.clock.now_ms(), (context.ports.chance)());
    let directory = context.config.tmp.join(attempt.as_str());
    Ok(Claim { message: message.clone(), work, keys, attempt, max_attempts: DEFAULT_MAX_ATTEMPTS, directory })
}

/// The lease, if the message is of its epoch and generation.
async fn unfenced(context: &Context, work: &WorkMessage) -> Result<std::sync::Arc<Lease>, Refusal> {
    let keys = RunKeys::new(&context.config.root, &work.run);
    let store = &*context.ports.store;
    let mut lease = context.cache.lease(store, &keys, Duration::from_millis(context.config.times.lease_ms)).await?;
    if lease.epoch < work.epoch {
        lease = context.cache.lease(store, &keys, Duration::ZERO).await?;
    }
    let item = format!("item {} of `{}`", work.item, work.step);
    if work.epoch < lease.epoch {
        return Err(Refusal::Drop(format!("{item}: epoch {} was overtaken by epoch {}", work.epoch, lease.epoch)));
    }
    if work.epoch > lease.epoch {
        return Err(Refusal::Drop(format!("{item}: there is no epoch {} yet", work.epoch)));
    }
    match lease.generations.get(work.step.as_str()) {
        Some(entry) if entry.generation == work.generation => Ok(lease),
        entry => {
            let current = entry.map_or("none".to_owned(), |g| g.generation.to_string());
            Err(Refusal::Drop(format!("{item}: generation {}, but the run's is {current}", work.generation)))
        }
    }
}

/// A message of another plan would commit one item's rows as another's.
fn fits_plan(work: &WorkMessage, frozen: &Frozen) -> Result<(), Refusal> {
    let plan = &frozen.plan;
    let fits = line_range(&plan.offsets, work.item) == Some((work.from, work.to));
    if work.work_digest != plan.work_digest || !fits {
        let why = "points into another work list than the plan's";
        return Err(Refusal::Drop(format!("the message of item {} of `{}` {why}", work.item, work.step)));
    }
    Ok(())
}

fn foreign(claim: Claim, what: String) -> Refusal {
    let ending = Ending::new(FailureClass::WorkerVersion, what, "not started")
        .remedy("use a worker of the version that froze the pipeline, or start the run again with this one");
    Refusal::Failed(Box::new(claim), Box::new(ending))
}

/// Called for every item, but a first receive has no history. Returns whether the item must run isolated.
async fn has_tries_left(context: &Context, claim: &Claim) -> Result<bool, Refusal> {
    let receives = claim.message.receives;
    if receives <= 1 {
        return Ok(false);
    }
    let past = history::of(context, claim).await?;
    if past.attempts() >= claim.max_attempts.max(1) {
        return Err(Refusal::Spent(Box::new(claim.clone())));
    }
    let unexplained = budget::unexplained(receives, past.classes.len());
    if unexplained <= LONE_RECEIVES {
        return Ok(false);
    }
    let isolated = history::isolated_without_end(context, claim, &past).await?;
    if budget::is_poison(unexplained, isolated) {
        let message = format!(
            "received {receives} times, {unexplained} of them without a word of how they ended, and {isolated} times \
             nothing else ran on the machine: it takes its machines with it"
        );
        let ending = Ending::new(FailureClass::Poison, message, "no end was ever recorded")
            .remedy("make its items smaller, or give them more memory");
        return Err(Refusal::Failed(Box::new(claim.clone()), Box::new(ending)));
    }
    Ok(true)
}

async fn write_spec(job: &Job, spec: &ItemSpec) -> std::io::Result<()> {
    tokio::fs::create_dir_all(job.tmp()).await?;
    tokio::fs::create_dir_all(job.answer()).await?;
    tokio::fs::write(job.spec(), serde_json::to_vec(spec)?).await
}
