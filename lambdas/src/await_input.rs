//! AwaitInput: checks what `wait_for` states of the steps that are still to be planned, and answers whether the run goes on,
//! waits, is skipped or is late. It launches nothing and freezes nothing: what is judged to be there may change until PlanWork
//! lists it again. The moment of the first check lands in `waiting.json`, so that whoever dies on the way waits no longer
//! than was stated.

use crate::update::{Change, update};
use crate::{Ctx, HandlerError, Program, begin, history, inputs, lease};
use spotmill_core::calls::{AwaitInputReply, AwaitInputRequest, errors};
use spotmill_core::history::History;
use spotmill_core::ids::{RunId, StepName};
use spotmill_core::keys::RunKeys;
use spotmill_core::model::{LeastBytes, Source, Step, WaitFor};
use spotmill_core::records::{AfterCheck, InputWait, Lease, Plan, RECORD_VERSION, StepWait};
use spotmill_core::waiting::{Checked, Found, cause, first_check, judge};
use spotmill_platform::records;

pub async fn handle(ctx: &Ctx, request: AwaitInputRequest) -> Result<AwaitInputReply, HandlerError> {
    let lease = claim(ctx, &request).await?;
    let program = lease::program(ctx, &request.run, &lease).await?;
    let steps = open(ctx, &program, &lease).await?;
    if steps.is_empty() {
        return Ok(AwaitInputReply { next: AfterCheck::Go, pause_secs: 0, text: String::new() });
    }
    let history = history::load(ctx, &program.pipeline.name).await;
    let inspected = inspect(ctx, &history, &request.run, &steps).await?;
    let uri = RunKeys::new(&ctx.root, &request.run).waiting();
    let (inspected, root) = (&inspected, &request.root);
    let (wait, pause_secs) = update(ctx, &uri, |old: Option<InputWait>| async move {
        let now_ms = ctx.clock.now_ms();
        let first_ms = first_check(old.as_ref(), root, now_ms);
        let judged = judge(&checked(inspected), first_ms, now_ms);
        let (root, next, steps) = (root.clone(), judged.next, judged.steps);
        let wait = InputWait { v: RECORD_VERSION, root, first_ms, checked_ms: now_ms, next, steps };
        Ok(Change::Write(wait.clone(), (wait, judged.pause_secs)))
    })
    .await?;
    let message = || cause(&request.run, &wait, &program.rerun(&ctx.settings));
    match wait.next {
        AfterCheck::Late => Err(HandlerError::new(errors::INPUT_LATE, message())),
        AfterCheck::Wait if ctx.settings.checks_once => Err(HandlerError::new(errors::INPUT_NOT_THERE, message())),
        next => Ok(AwaitInputReply { next, pause_secs, text: wait.text() }),
    }
}

/// Claims the run, for a redrive skips Begin.
async fn claim(ctx: &Ctx, request: &AwaitInputRequest) -> Result<Lease, HandlerError> {
    lease::change(ctx, &request.run, |old| async move {
        if !begin::claim(ctx, &request.run, Some(&old), &request.root).await? && old.outcome.is_none() {
            return Ok(Change::Keep(old));
        }
        let (owner, claimed_ms) = (Some(request.root.clone()), ctx.clock.now_ms());
        let lease = Lease { owner, claimed_ms, outcome: None, ..old };
        Ok(Change::Write(lease.clone(), lease))
    })
    .await
}

/// Steps that this execution runs, that wait for something, and whose input nobody has frozen; bound.
async fn open(ctx: &Ctx, program: &Program, lease: &Lease) -> Result<Vec<Step>, HandlerError> {
    let mut steps = Vec::new();
    for step in program.pipeline.steps.iter().filter(|s| s.input.wait_for.is_some()) {
        let name = StepName::new(step.name.as_str());
        let runs = lease.selected.is_empty() || lease.selected.contains(&name);
        let Some(generation) = lease.generations.get(&step.name).filter(|_| runs) else { continue };
        let keys = RunKeys::new(&ctx.root, &program.run_id()).step(&name, generation.generation);
        if records::load::<Plan>(&*ctx.store, &keys.plan()).await?.is_none() {
            steps.push(program.bind(step)?);
        }
    }
    Ok(steps)
}

/// A step's input as it is now, and what earlier runs read.
struct Inspected<'a> {
    step: &'a Step,
    wait: &'a WaitFor,
    found: Found,
    past: Vec<u64>,
}

async fn inspect<'a>(
    ctx: &Ctx,
    history: &History,
    run: &RunId,
    steps: impl IntoIterator<Item = &'a Step>,
) -> Result<Vec<Inspected<'a>>, HandlerError> {
    let mut all = Vec::new();
    for step in steps {
        let (Some(wait), Source::Path(path)) = (&step.input.wait_for, &step.input.source) else { continue };
        // The marker comes last, and is looked for first: files that it speaks for are in the listing after it.
        let marker = match &wait.exists {
            Some(marker) => !inputs::objects(ctx, marker).await?.is_empty(),
            None => false,
        };
        let objects = inputs::objects(ctx, path).await?;
        let found = Found {
            marker,
            files: objects.len() as u64,
            bytes: objects.iter().map(|object| object.bytes).sum(),
            newest_ms: objects.iter().map(|object| object.modified_ms).max(),
        };
        let past = match wait.bytes {
            Some(LeastBytes::OfMedian { .. }) => history.input_bytes(&step.name, run),
            _ => Vec::new(),
        };
        all.push(Inspected { step, wait, found, past });
    }
    Ok(all)
}

fn checked<'a>(inspected: &'a [Inspected<'a>]) -> Vec<Checked<'a>> {
    let all = inspected.iter().map(|one| Checked {
        step: StepName::new(one.step.name.as_str()),
        wait: one.wait,
        found: one.found,
        past: &one.past,
    });
    all.collect()
}

/// How a bound step's input would stand at a first check now; nothing of one that waits for nothing.
pub(crate) async fn preview(
    ctx: &Ctx,
    history: &History,
    run: &RunId,
    step: &Step,
) -> Result<Option<StepWait>, HandlerError> {
    let inspected = inspect(ctx, history, run, [step]).await?;
    let now_ms = ctx.clock.now_ms();
    Ok(judge(&checked(&inspected), now_ms, now_ms).steps.pop())
}

/// The last check of the execution that holds the run, or of the last that did.
pub(crate) async fn last(ctx: &Ctx, run: &RunId, lease: &Lease) -> Result<Option<InputWait>, HandlerError> {
    let found = records::load::<InputWait>(&*ctx.store, &RunKeys::new(&ctx.root, run).waiting()).await?;
    Ok(found.map(|(wait, _)| wait).filter(|wait| wait.checked_ms >= lease.claimed_ms))
}
