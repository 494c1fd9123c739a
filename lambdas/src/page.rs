//! The page of a run: loads what `spotmill_report` compiles, and at a run's end writes the page, what it says as JSON, and
//! the list of the last runs. A page informs; nothing depends on it. Whoever is killed on the way leaves an old page or none,
//! and `spotmill report` makes it anew.

use crate::ledger::{self, RunLedger, Worked};
use crate::update::{Change, update};
use crate::{Ctx, HandlerError, Program, attempts, history, lease, openlineage, summary};
use spotmill_core::bounds::HAND_OVER_SECS;
use spotmill_core::command::is_aws;
use spotmill_core::fleet::notice::Notice;
use spotmill_core::ids::{ExecutionId, RunId, StepName};
use spotmill_core::keys::{self, RunKeys, StepKeys};
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::{Lease, Manifest, RunReport, Seal, StepReport};
use spotmill_ledger::{Rates, Work, elsewhere};
use spotmill_platform::records;
use spotmill_report::{
    Commands, End, Ends, Good, GoodStep, ItemReads, Ledger, Loaded, LoadedStep, MOST_FILES, MOST_ITEMS, Machine,
    Report, StepFile, Tried,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

/// How long a page may take where nothing ends the call from outside.
const PATIENCE: Duration = Duration::from_secs(600);

/// The state of a run that somebody holds and nobody has ended.
const INTERRUPTED: &str = "interrupted";

/// How a run stands, as whoever asks knows it.
pub struct Stands {
    /// A word of `Report::state`.
    pub state: String,
    /// Why it failed, where its records do not say.
    pub cause: Option<String>,
}

/// The report of a run, whose summary this is, as its records are now. `rates` are stronger than its pipeline's.
pub async fn compile(ctx: &Ctx, summary: RunReport, stands: Stands, rates: &Rates) -> Result<Report, HandlerError> {
    Ok(spotmill_report::compile(&load(ctx, summary, stands, rates).await?))
}

/// The page of a run that has ended; nothing else waits for it. The answer is why there is none.
pub async fn at_end(ctx: &Ctx, run: &RunId) -> Option<String> {
    let patience = match ctx.settings.deadline_ms {
        Some(end) => {
            let left = end.saturating_sub(ctx.clock.now_ms()).saturating_sub(HAND_OVER_SECS * 1_000);
            Duration::from_millis(left)
        }
        None => PATIENCE,
    };
    let caller = &ctx.settings.caller;
    match within(patience, write(ctx, run)).await {
        Ok(None) => None,
        Ok(Some(why)) => {
            tracing::warn!(%run, why, "the lineage events of the run were not written");
            let command = caller.command("lineage").option("--send", run.as_str());
            Some(format!("the lineage events of {run} were not written: {why}; `{command}` makes and sends them"))
        }
        Err(why) => {
            tracing::warn!(%run, why, "the page of the run was not written");
            let command = caller.command("report").arg(run.as_str());
            Some(format!("the page of {run} was not written: {why}; `{command}` makes it"))
        }
    }
}

/// Lineage events come first, and whether they can be written is nothing to the page. The answer is why they are not.
async fn write(ctx: &Ctx, run: &RunId) -> Result<Option<String>, HandlerError> {
    let found = summary::summarize(ctx, run).await?;
    // It has been started again meanwhile: that execution writes both when it ends.
    if found.state() == INTERRUPTED {
        return Ok(None);
    }
    let events = openlineage::write(ctx, &found).await;
    write_page(ctx, run, found).await?;
    Ok(events.err().map(|e| e.cause))
}

/// The same after an execution that failed: one that was refused, or has lost the run, leaves the page of the one that holds
/// it.
pub async fn after(ctx: &Ctx, run: &RunId, root: &ExecutionId) -> Option<String> {
    let lease = lease::load(ctx, run).await.ok()?;
    if lease.owner.as_ref() == Some(root) { at_end(ctx, run).await } else { None }
}

async fn within<T>(patience: Duration, work: impl Future<Output = Result<T, HandlerError>>) -> Result<T, String> {
    match tokio::time::timeout(patience, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(e)) => Err(e.cause),
        Err(_) => Err("there was too little time to read the run's records".to_owned()),
    }
}

async fn write_page(ctx: &Ctx, run: &RunId, found: RunReport) -> Result<(), HandlerError> {
    let stands = Stands { state: found.state().to_owned(), cause: None };
    let report = compile(ctx, found, stands, &Rates::default()).await?;
    let keys = RunKeys::new(&ctx.root, run);
    put(ctx, &keys, &report).await?;
    match End::of(&report) {
        Some(end) => list(ctx, &report.pipeline, end).await,
        None => Ok(()),
    }
}

async fn put(ctx: &Ctx, keys: &RunKeys, report: &Report) -> Result<(), HandlerError> {
    let page = spotmill_report::page(report).map_err(HandlerError::corrupt)?;
    records::put(&*ctx.store, &keys.page_data(), report).await?;
    Ok(ctx.store.put(&keys.page(), page.as_bytes()).await?)
}

/// Adds the end to the list of the last runs, and writes the list's page: of two at once the later one has both.
async fn list(ctx: &Ctx, pipeline: &str, end: End) -> Result<(), HandlerError> {
    let ends = update(ctx, &keys::ends(&ctx.root), |old: Option<Ends>| {
        let new = old.unwrap_or_default().with(pipeline, end.clone());
        async move { Ok(Change::Write(new.clone(), new)) }
    })
    .await?;
    write_index(ctx, &ends).await
}

/// The page of the last runs.
pub(crate) async fn write_index(ctx: &Ctx, ends: &Ends) -> Result<(), HandlerError> {
    let index = spotmill_report::index(ends, ctx.clock.now_ms()).map_err(HandlerError::corrupt)?;
    Ok(ctx.store.put(&keys::index(&ctx.root), index.as_bytes()).await?)
}

async fn load(ctx: &Ctx, report: RunReport, stands: Stands, rates: &Rates) -> Result<Loaded, HandlerError> {
    let run = &report.run;
    let lease = lease::load(ctx, run).await?;
    let program = lease::program(ctx, run, &lease).await?;
    let runs = stands.state == "running";
    let items: u64 = report.steps.iter().map(|step| u64::from(step.items)).sum();
    let found = match items <= MOST_ITEMS {
        true => {
            let asked = ledger::Asked { run, rates, runs, named: Some(MOST_FILES) };
            Some(ledger::gather(ctx, &asked).await?)
        }
        false => None,
    };
    let mut steps = Vec::new();
    for step in &report.steps {
        let of_step = |w: &&Worked| w.keys.step == step.step && w.keys.generation == step.generation;
        let worked = found.iter().flat_map(|found| &found.generations).find(of_step);
        steps.push(loaded_step(ctx, run, &program, step, worked, lease.epoch).await?);
    }
    Ok(Loaded {
        worker: lease.worker.clone(),
        state: stands.state,
        cause: stands.cause,
        is_local: !is_aws(&ctx.settings.caller.target),
        started_ms: lease.started_ms,
        claimed_ms: lease.claimed_ms,
        ended_ms: if runs { None } else { ended_ms(ctx, run, &lease, &report).await? },
        now_ms: ctx.clock.now_ms(),
        steps,
        notes: found.as_ref().map(|found| found.notes.clone()).unwrap_or_default(),
        ledger: found.map(ledger_of),
        commands: commands(ctx, &program, run),
        past: past(ctx, &program.pipeline.name).await,
        good: good(ctx, &program.pipeline.name, run, lease.claimed_ms).await,
        report,
        pipeline: program.pipeline,
    })
}

/// When the last execution ended; nothing of one that left no end.
async fn ended_ms(ctx: &Ctx, run: &RunId, lease: &Lease, report: &RunReport) -> Result<Option<u64>, HandlerError> {
    if lease.owner.is_some() {
        return Ok(report.end.as_ref().map(|end| end.ended_ms));
    }
    let written = records::load::<RunReport>(&*ctx.store, &RunKeys::new(&ctx.root, run).report()).await?;
    Ok(written.map(|(report, _)| report.reported_ms))
}

async fn loaded_step(
    ctx: &Ctx,
    run: &RunId,
    program: &Program,
    step: &StepReport,
    worked: Option<&Worked>,
    epoch: u64,
) -> Result<LoadedStep, HandlerError> {
    let keys = RunKeys::new(&ctx.root, run).step(&step.step, step.generation);
    let manifest = records::load::<Manifest>(&*ctx.store, &keys.manifest()).await?.map(|(manifest, _)| manifest);
    let destination = program.destination(program.step(step.step.as_str())?)?;
    let mut loaded = LoadedStep {
        destination: destination.map(|uri| uri.to_string()),
        published_ms: manifest.as_ref().map(|manifest| manifest.published_ms),
        superseded: manifest.and_then(|manifest| manifest.superseded),
        late: summary::pins(ctx, &keys, epoch).await?,
        ..LoadedStep::default()
    };
    match worked {
        Some(worked) => fill(&mut loaded, worked),
        None => loaded.input_bytes = attempts::plan(ctx, &keys).await?.map_or(0, |plan| plan.input_bytes),
    }
    Ok(loaded)
}

fn fill(loaded: &mut LoadedStep, worked: &Worked) {
    loaded.input_bytes = worked.plan.input_bytes;
    let tried = worked.ended.iter().map(|ended| Tried {
        item: ended.item,
        attempt: ended.attempt.clone(),
        worker: ended.worker.clone(),
        failure: ended.failure.clone(),
        carried: worked.carried.contains(&ended.attempt),
        rung: ended.rung,
        run_ms: ended.wall_ms,
        cpu_ms: ended.cpu_ms,
        peak_bytes: ended.peak_bytes,
        ended_ms: ended.ended_ms,
        rows: ended.rows,
        files: ended.files,
        bytes: ended.bytes,
    });
    loaded.tried = tried.collect();
    let reads = worked
        .reads
        .iter()
        .map(|(item, (label, files, bytes))| (*item, ItemReads { label: label.clone(), files: *files, bytes: *bytes }));
    loaded.items = reads.collect();
    (loaded.files, loaded.bytes) = (worked.files, worked.bytes);
    let file = |file: &spotmill_core::item::InputFile| StepFile {
        uri: file.uri.to_string(),
        etag: file.etag.clone(),
        bytes: file.bytes,
    };
    loaded.named = worked.named.iter().map(file).collect();
}

fn ledger_of(found: RunLedger) -> Ledger {
    let compared = elsewhere(&Work::of(&found.lives, &found.charges), &found.rates);
    let machines = found.generations.into_iter().flat_map(machines).collect();
    Ledger { charges: found.charges, machines, bytes_in: found.bytes_in, elsewhere: compared }
}

fn machines(worked: Worked) -> Vec<Machine> {
    let mut own: BTreeMap<String, InstanceRecord> =
        worked.own.into_iter().map(|record| (record.id.clone(), record)).collect();
    let mut interrupted: BTreeMap<String, u64> = BTreeMap::new();
    for notice in worked.rounds.machines.into_iter().flat_map(|round| round.notices) {
        if let Notice::Interruption { at_ms, machine } = notice {
            interrupted.insert(machine, at_ms);
        }
    }
    let StepKeys { step, generation, .. } = worked.keys;
    let all = worked.machines.into_iter().map(|(life, attempts)| Machine {
        step: step.clone(),
        generation,
        own: own.remove(&life.id),
        interrupted_ms: interrupted.remove(&life.id),
        life,
        attempts,
    });
    all.collect()
}

fn commands(ctx: &Ctx, program: &Program, run: &RunId) -> Commands {
    let caller = &ctx.settings.caller;
    let of = |name: &str| caller.command(name).arg(run.as_str()).to_string();
    Commands {
        resume: program.rerun(&ctx.settings).to_string(),
        show: of("show"),
        item: (!is_aws(&caller.target)).then(|| of("item")),
        cost: of("cost"),
    }
}

/// The last ends of runs of the pipeline; none where that cannot be read.
pub async fn past(ctx: &Ctx, pipeline: &str) -> Vec<End> {
    match records::load::<Ends>(&*ctx.store, &keys::ends(&ctx.root)).await {
        Ok(found) => found.map(|(ends, _)| ends.of(pipeline).to_vec()).unwrap_or_default(),
        Err(e) => {
            tracing::warn!(error = %e, "the list of the last runs cannot be read: this report goes without");
            Vec::new()
        }
    }
}

/// The last good run that ended before this execution began; none where its records cannot be read.
async fn good(ctx: &Ctx, pipeline: &str, run: &RunId, claimed_ms: u64) -> Option<Good> {
    let history = history::load(ctx, pipeline).await;
    let before = |past: &&spotmill_core::history::PastRun| past.run != *run && past.ended_ms <= claimed_ms;
    let past = history.runs.iter().filter(before).max_by_key(|past| past.ended_ms)?;
    match of_good(ctx, &past.run, past.ended_ms).await {
        Ok(good) => Some(good),
        Err(e) => {
            tracing::info!(run = %past.run, error = %e, "the last good run cannot be read: nothing is compared with it");
            None
        }
    }
}

async fn of_good(ctx: &Ctx, run: &RunId, ended_ms: u64) -> Result<Good, HandlerError> {
    let lease = lease::load(ctx, run).await?;
    let program = lease::program(ctx, run, &lease).await?;
    let mut steps = BTreeMap::new();
    for (name, newest) in &lease.generations {
        let keys = RunKeys::new(&ctx.root, run).step(&StepName::new(name), newest.generation);
        let seal = records::load::<Seal>(&*ctx.store, &keys.seal()).await?.map(|(seal, _)| seal);
        if let Some(plan) = attempts::plan(ctx, &keys).await? {
            let rows = seal.map(|seal| seal.rows);
            steps.insert(name.clone(), GoodStep { items: plan.items, input_bytes: plan.input_bytes, rows });
        }
    }
    let Lease { params, worker, .. } = lease;
    Ok(Good { run: run.clone(), ended_ms, pipeline: program.pipeline, params, worker, steps })
}
