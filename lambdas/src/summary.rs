//! What a run came to, as its records are now: for Report, which writes it down, and for everybody who only reads. It changes
//! nothing, and judges nothing but whether every step that was to run is complete.

use crate::several::get_all;
use crate::{Ctx, HandlerError, Program, await_input, history, inputs, inspect, lease, machines, pins, step};
use spotmill_core::bounds::{REPORTED_FAILURES, REPORTED_RECEIPTS};
use spotmill_core::calls::{ReportRequest, errors};
use spotmill_core::history::{PastRun, PastStep};
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_core::item::RowCounts;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::Step;
use spotmill_core::records::{
    AfterCheck, FailureRecord, InputState, InputWait, Lease, Manifest, Pins, Plan, RECORD_VERSION, Receipt, RunEnd,
    RunOutcome, RunReport, Seal, StepReport, StepState,
};
use spotmill_core::seal::Spans;
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::ports::ExecutionState;
use spotmill_platform::records;
use std::collections::BTreeMap;

/// The run as it stands, for readers; releases nothing.
pub async fn summarize(ctx: &Ctx, run: &RunId) -> Result<RunReport, HandlerError> {
    let lease = lease::load(ctx, run).await?;
    let root = lease.owner.clone().unwrap_or_else(|| ExecutionId::new(""));
    let report = compile(ctx, &ReportRequest { run: run.clone(), root }, &lease).await?.0;
    match is_unannounced(ctx, &report).await? {
        true => Ok(RunReport { outcome: RunOutcome::Failed, ..report }),
        false => Ok(report),
    }
}

/// Whether all is published and a table or a command was not told: no step's state says so. A redrive of the same execution
/// may have done it since, and then its report is the later record.
async fn is_unannounced(ctx: &Ctx, report: &RunReport) -> Result<bool, HandlerError> {
    let Some(end) = report.end.as_ref().filter(|end| end.error == errors::NOT_ANNOUNCED) else { return Ok(false) };
    let at = RunKeys::new(&ctx.root, &report.run).report();
    let written = records::load::<RunReport>(&*ctx.store, &at).await?;
    Ok(!written.is_some_and(|(written, _)| written.root == end.root && written.reported_ms > end.ended_ms))
}

/// What a run leaves to later ones.
pub struct Past {
    pub pipeline: String,
    pub run: PastRun,
}

pub async fn compile(ctx: &Ctx, request: &ReportRequest, lease: &Lease) -> Result<(RunReport, Past), HandlerError> {
    let program = lease::program(ctx, &request.run, lease).await?;
    let end = records::load::<RunEnd>(&*ctx.store, &RunKeys::new(&ctx.root, &request.run).ended()).await?;
    let end = end.map(|(end, _)| end).filter(|end| lease.owner.as_ref() == Some(&end.root));
    let shared =
        Shared { lease, program: &program, run: &request.run, alive_ms: alive(ctx, lease, end.as_ref()).await? };
    let input = await_input::last(ctx, &request.run, lease).await?;
    let mut steps = Vec::new();
    let mut measured = BTreeMap::new();
    let mut done_before = true;
    for step in &program.pipeline.steps {
        let (report, past, done_ms) = step_report(ctx, &shared, step).await?;
        let is_judged = lease.selected.is_empty() || lease.selected.contains(&report.step);
        done_before &= !is_judged || done_ms.is_some_and(|done_ms| done_ms < lease.claimed_ms);
        steps.push(StepReport { notes: [late(input.as_ref(), step), report.notes].concat(), ..report });
        measured.extend(past.map(|past| (step.name.clone(), past)));
    }
    let now = ctx.clock.now_ms();
    let run = PastRun { run: request.run.clone(), ended_ms: now, steps: measured };
    let past = Past { pipeline: program.pipeline.name.clone(), run };
    let report = RunReport {
        v: RECORD_VERSION,
        run: request.run.clone(),
        root: request.root.clone(),
        outcome: outcome(lease, input.as_ref(), &steps),
        params: lease.params.clone(),
        pipeline_digest: lease.pipeline_digest.clone(),
        end,
        input,
        steps,
        took_ms: now.saturating_sub(lease.claimed_ms),
        nothing_to_do: done_before,
        reported_ms: now,
    };
    Ok((report, past))
}

/// The outcome of the steps that were to run; the others are reported and not judged.
fn outcome(lease: &Lease, input: Option<&InputWait>, steps: &[StepReport]) -> RunOutcome {
    if input.is_some_and(|input| input.next == AfterCheck::Skip) {
        return RunOutcome::Skipped;
    }
    let judged = || steps.iter().filter(|s| lease.selected.is_empty() || lease.selected.contains(&s.step));
    if judged().any(|s| s.state != StepState::Done) {
        RunOutcome::Failed
    } else if judged().any(|s| !s.warnings.is_empty() || !s.missing.is_empty()) {
        RunOutcome::Warned
    } else {
        RunOutcome::Succeeded
    }
}

/// What a step went on without.
fn late(input: Option<&InputWait>, step: &Step) -> Vec<String> {
    let steps = input.filter(|input| input.next == AfterCheck::Go).map_or(&[][..], |input| &input.steps);
    let late = steps.iter().filter(|s| s.step.as_str() == step.name && s.state == InputState::Late);
    late.map(|s| format!("its input was late, and it went on with what was there: {}", s.text)).collect()
}

/// What all steps of a report share.
struct Shared<'a> {
    lease: &'a Lease,
    program: &'a Program,
    run: &'a RunId,
    /// The last time at which the execution that holds the run certainly worked.
    alive_ms: Option<u64>,
}

/// Now if it works, its end if that is on record; none for one that was killed.
async fn alive(ctx: &Ctx, lease: &Lease, end: Option<&RunEnd>) -> Result<Option<u64>, HandlerError> {
    let Some(owner) = &lease.owner else { return Ok(None) };
    match end {
        Some(end) => Ok(Some(end.ended_ms)),
        None => Ok((ctx.executions.state(owner).await? == ExecutionState::Running).then(|| ctx.clock.now_ms())),
    }
}

/// The step, what it leaves to later runs, and since when it is done.
async fn step_report(
    ctx: &Ctx,
    shared: &Shared<'_>,
    step: &Step,
) -> Result<(StepReport, Option<PastStep>, Option<u64>), HandlerError> {
    let (lease, program) = (shared.lease, shared.program);
    let state = lease.generations.get(&step.name);
    let generation = state.map_or(0, |g| g.generation);
    let keys = RunKeys::new(&ctx.root, shared.run).step(&step.name.as_str().into(), generation);
    let store = &*ctx.store;
    let plan = records::load::<Plan>(store, &keys.plan()).await?.map(|(p, _)| p);
    let seal = records::load::<Seal>(store, &keys.seal()).await?.map(|(s, _)| s);
    let seal = seal.filter(|seal| seal.covers(inputs::accepted(&lease.accept, &step.name), step));
    let manifest = records::load::<Manifest>(store, &keys.manifest()).await?.map(|(m, _)| m);
    let manifest = manifest.filter(|_| seal.is_some());
    let unpublished = program.destination(step)?.is_some() && manifest.is_none();
    let superseded = manifest.as_ref().and_then(|m| m.superseded.clone());
    let done_ms = seal.as_ref().filter(|_| !unpublished).map(|seal| {
        let published_ms = manifest.as_ref().map_or(0, |m| m.published_ms);
        seal.sealed_ms.max(published_ms)
    });
    let destination =
        |m: Manifest| plan.as_ref().map_or(m.destination.clone(), |p| pins::where_now(ctx, p, &m.destination));
    let published = manifest.filter(|m| m.superseded.is_none()).map(destination);
    let mut report = StepReport {
        step: step.name.as_str().into(),
        generation,
        because: state.map(|g| g.because.clone()).unwrap_or_default(),
        state: match (&plan, &seal) {
            (_, Some(_)) if !unpublished => StepState::Done,
            (None, None) => StepState::NotStarted,
            _ => StepState::Failed,
        },
        items: plan.as_ref().map_or(0, |p| p.items),
        committed: 0,
        rows: RowCounts::default(),
        files: 0,
        bytes: 0,
        peak_bytes: 0,
        cpu_ms: 0,
        took_ms: 0,
        missing: Vec::new(),
        warnings: Vec::new(),
        notes: pins(ctx, &keys, lease.epoch).await?,
        failures: Vec::new(),
        published,
        cost: None,
    };
    report.notes.extend(superseded.map(|why| format!("not published: {why}")));
    if let Some((cost, notes)) = machines::cost_of(ctx, &keys).await? {
        report.cost = Some(cost);
        report.notes.extend(notes);
    }
    match (&plan, &seal) {
        (_, Some(seal)) => of_seal(&mut report, seal),
        (Some(plan), None) => of_work(ctx, &keys, shared, plan, &mut report).await?,
        (None, None) => {}
    }
    let past = plan.as_ref().zip(seal.as_ref()).and_then(|(plan, seal)| history::past_step(step, plan, seal));
    Ok((report, past, done_ms))
}

/// The notes on changed inputs of the start of the step's latest epoch.
pub async fn pins(ctx: &Ctx, keys: &StepKeys, latest: u64) -> Result<Vec<String>, HandlerError> {
    for epoch in (1..=latest).rev().take(20) {
        if let Some((pins, _)) = records::load::<Pins>(&*ctx.store, &keys.pins(epoch)).await? {
            return Ok(pins.notes);
        }
    }
    Ok(Vec::new())
}

fn of_seal(report: &mut StepReport, seal: &Seal) {
    report.committed = seal.items - u32::try_from(seal.missing.len()).unwrap_or(seal.items);
    report.rows = seal.rows;
    report.files = seal.files;
    report.bytes = seal.bytes;
    report.peak_bytes = seal.peak_bytes;
    report.cpu_ms = seal.cpu_ms;
    report.took_ms = seal.took_ms;
    report.missing.clone_from(&seal.missing);
    report.warnings.clone_from(&seal.warnings);
}

/// What is committed so far, unless that is too much to read.
async fn of_receipts(
    ctx: &Ctx,
    keys: &StepKeys,
    receipts: &RoaringBitmap,
    spans: &mut Spans,
    report: &mut StepReport,
) -> Result<(), HandlerError> {
    if receipts.len() > REPORTED_RECEIPTS {
        let all = spotmill_core::format::count(receipts.len(), "receipt");
        report.notes.push(format!("rows are counted once the step is complete: {all} are too many to read now"));
        return Ok(());
    }
    let uris = receipts.iter().map(|item| keys.receipt(item)).collect();
    for receipt in get_all::<Receipt>(ctx, uris).await? {
        report.rows += receipt.rows;
        report.files += receipt.files.len() as u64;
        report.bytes += receipt.files.iter().map(|f| f.bytes).sum::<u64>();
        report.peak_bytes = report.peak_bytes.max(receipt.usage.peak_bytes);
        report.cpu_ms += receipt.usage.cpu_ms;
        spans.add(receipt.epoch, receipt.committed_ms, receipt.usage.wall_ms);
    }
    Ok(())
}

/// A step without a seal: how far it came, and the last failure of each item that has no receipt.
async fn of_work(
    ctx: &Ctx,
    keys: &StepKeys,
    shared: &Shared<'_>,
    plan: &Plan,
    report: &mut StepReport,
) -> Result<(), HandlerError> {
    let epoch = shared.lease.epoch;
    let mut spans = Spans::new(plan.epoch, plan.planned_ms);
    let receipts = step::receipted(ctx, keys, plan).await?;
    report.committed = u32::try_from(receipts.len()).unwrap_or(u32::MAX);
    of_receipts(ctx, keys, &receipts, &mut spans, report).await?;
    let mut last: BTreeMap<u32, FailureRecord> = BTreeMap::new();
    for failure in step::failures(ctx, keys, epoch).await? {
        spans.add(failure.epoch, failure.failed_ms, failure.usage.wall_ms);
        report.peak_bytes = report.peak_bytes.max(failure.usage.peak_bytes);
        let newer = last.get(&failure.item).is_none_or(|other| other.failed_ms <= failure.failed_ms);
        if newer && !receipts.contains(failure.item) {
            last.insert(failure.item, failure);
        }
    }
    report.failures = last.into_values().take(REPORTED_FAILURES).collect();
    report.failures.iter_mut().for_each(|failure| inspect::of_file_now(ctx, plan, failure));
    report.took_ms = spans.took_ms(shared.alive_ms.map(|at| (epoch, at)));
    Ok(())
}
