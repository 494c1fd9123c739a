//! Begin: claims a run for a root execution, freezes its pipeline and maps its generations. Everything it decides
//! lands in one compare-and-swap of the lease, after the frozen pipeline that the lease names; a crash before it
//! leaves an object nobody names, a crash after it is answered by the same call again: a run keeps the pipeline and the
//! worker it began with, whatever is deployed meanwhile.

use crate::create::{Stands, create};
use crate::several::several;
use crate::update::{Change, update};
use crate::{Ctx, HandlerError, Program, apart, deploy, destination, foreseen, inputs, renew};
use spotmill_core::calls::{BeginReply, BeginRequest, RunInput, errors};
use spotmill_core::claim::{Claim, decide, frozen_params};
use spotmill_core::destination::Contents;
use spotmill_core::foreseen::outputs;
use spotmill_core::format::{self, plural_of};
use spotmill_core::generations::Asked;
use spotmill_core::ids::{ExecutionId, Generation, RunId, StepName};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::{OnEmpty, Step};
use spotmill_core::records::{DeployedWorker, Foreseen, Lease, Plan, RECORD_VERSION, Seal, StepGeneration};
use spotmill_platform::ports::StoreError;
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

pub async fn handle(ctx: &Ctx, request: BeginRequest) -> Result<BeginReply, HandlerError> {
    let BeginRequest { input, root } = request;
    let deployed = deploy::find_for(ctx, &input).await?;
    let program = Program::new(&deployed.text, &input, &ctx.settings)?;
    let selected = select(&program, &input)?;
    let run = program.run_id();
    let uri = RunKeys::new(&ctx.root, &run).lease();
    let (run, root, program, input) = (&run, &root, &program, &input);
    let (selected, deployed) = (&selected, &deployed);
    let begun = update(ctx, &uri, |old: Option<Lease>| async move {
        let takes = claim(ctx, run, old.as_ref(), root).await?;
        if let Some(mine) = old.as_ref().filter(|_| !takes) {
            return Ok(Change::Keep(mine.selected.clone()));
        }
        frozen_params(old.as_ref(), &program.params, input.fresh).map_err(HandlerError::invalid)?;
        let worker = &deployed.record.worker;
        let foreseen = &deployed.foreseen;
        let beginning = Beginning { run, input, root, selected, worker, foreseen };
        let new = next_lease(ctx, program, &beginning, old.as_ref()).await?;
        let frozen = RunKeys::new(&ctx.root, run).pipeline(&program.digest);
        if let Stands::Others(_) = create(ctx, &frozen, &deployed.text).await? {
            return Err(HandlerError::corrupt(format!("{frozen} does not hold what its name says")));
        }
        foreseen::freeze(ctx, run, &deployed.definition(), foreseen).await?;
        // After a lost reply the next read shows it: if it was written, this execution is the owner.
        Ok(Change::Write(new, selected.clone()))
    });
    let steps = begun.await?;
    let mut waits = program.pipeline.steps.iter().filter(|s| s.input.wait_for.is_some());
    let awaits = waits.any(|step| steps.iter().any(|name| name.as_str() == step.name));
    Ok(BeginReply { count: steps.len() as u32, run: run.clone(), steps, awaits })
}

/// The steps to run, in the pipeline's order; an unknown name is refused with the valid ones.
pub fn select(program: &Program, input: &RunInput) -> Result<Vec<StepName>, HandlerError> {
    let all: Vec<&str> = program.pipeline.steps.iter().map(|s| s.name.as_str()).collect();
    let named = [
        ("--from-step", input.from_step.iter().collect::<Vec<_>>()),
        ("--only", input.only_steps.iter().flatten().collect()),
        ("--accept", input.accept.keys().collect()),
    ];
    for (what, names) in named {
        if let Some(unknown) = names.iter().find(|n| !all.contains(&n.as_str())) {
            let instead = format::instead(unknown, "steps", &all);
            return Err(HandlerError::invalid(format!("{what} {unknown}: there is no step `{unknown}`; {instead}")));
        }
    }
    contradictions(input, &all)?;
    let wanted = |name: &&&str| input.only_steps.as_ref().is_none_or(|only| only.iter().any(|o| o == **name));
    Ok(all.iter().filter(wanted).map(|name| StepName::new(*name)).collect())
}

/// A step that begins anew has to run.
fn contradictions(input: &RunInput, all: &[&str]) -> Result<(), HandlerError> {
    let Some(only) = &input.only_steps else { return Ok(()) };
    let named = only.join(",");
    if let Some(from) = input.from_step.as_ref().filter(|from| !only.contains(from)) {
        return Err(HandlerError::invalid(format!(
            "`--from-step {from}` begins `{from}` anew and `--only {named}` leaves it out: name it under --only too, or \
             give one of the two"
        )));
    }
    if let Some(left_out) = all.iter().find(|s| input.fresh && !only.iter().any(|o| o == **s)) {
        return Err(HandlerError::invalid(format!(
            "`--fresh` begins every step anew and `--only {named}` leaves `{left_out}` out: give one of the two, or \
             --from-step for one step"
        )));
    }
    Ok(())
}

/// Steps that are left out and read by those that run must be complete as they are now: if that were found out later, a
/// finished run would be left unfinished.
async fn upstream_complete(
    ctx: &Ctx,
    program: &Program,
    begin: &Beginning<'_>,
    generations: &BTreeMap<String, StepGeneration>,
) -> Result<(), HandlerError> {
    for name in begin.selected {
        for upstream in program.step(name.as_str())?.upstream() {
            if begin.selected.iter().any(|s| s.as_str() == upstream) {
                continue;
            }
            let Some(next) = generations.get(upstream) else { continue };
            let keys = RunKeys::new(&ctx.root, begin.run).step(&upstream.into(), next.generation);
            let seal = records::load::<Seal>(&*ctx.store, &keys.seal()).await?;
            let accepted = inputs::accepted(&begin.input.accept, upstream);
            let step = program.step(upstream)?;
            if !seal.is_some_and(|(seal, _)| seal.covers(accepted, step)) {
                return Err(HandlerError::new(
                    errors::UPSTREAM_INCOMPLETE,
                    format!(
                        "`{name}` reads step `{upstream}`, which is not complete (generation {}: {}) and is not to run: \
                         name it under --only too",
                        next.generation, next.because
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// Inputs must exist before a generation replaces an existing one: if they were missed later, a finished run would
/// become a failed one, or, where an empty input is skipped, one without rows.
async fn inputs_are_there(
    ctx: &Ctx,
    program: &Program,
    begin: &Beginning<'_>,
    bound: &BTreeMap<String, Step>,
    (current, next): (&BTreeMap<String, StepGeneration>, &BTreeMap<String, StepGeneration>),
) -> Result<(), HandlerError> {
    let number = |all: &BTreeMap<String, StepGeneration>, name: &str| all.get(name).map(|g| g.generation);
    for name in begin.selected.iter().map(StepName::as_str) {
        let (before, step) = (number(current, name), &bound[name]);
        if before.is_some() && before == number(next, name) {
            continue;
        }
        let had_rows = step.input.on_empty == OnEmpty::Skip && had_rows(ctx, program, begin, step, before).await?;
        if before.is_none() && !had_rows {
            continue;
        }
        if let Some(missing) = inputs::missing(ctx, step, had_rows).await? {
            let what = match before {
                Some(_) => format!("would be done again ({})", next[name].because),
                None => "would replace what stands there of this run, whose state is not here".to_owned(),
            };
            let way = match had_rows {
                true => "; if it is to be empty, put a file without rows there",
                false => "",
            };
            return Err(HandlerError::new(
                errors::NO_INPUT,
                format!(
                    "`{name}` {what}, and {missing}. Nothing was begun, and what {} has \
                     published stays: put the input back and start again{way}",
                    begin.run
                ),
            ));
        }
    }
    Ok(())
}

/// Whether the run's step has read something before, or, where the state of the run is lost, rows of the run stand where
/// it publishes.
async fn had_rows(
    ctx: &Ctx,
    program: &Program,
    begin: &Beginning<'_>,
    step: &Step,
    before: Option<Generation>,
) -> Result<bool, HandlerError> {
    if let Some(generation) = before {
        let keys = RunKeys::new(&ctx.root, begin.run).step(&step.name.as_str().into(), generation);
        let plan = records::load::<Plan>(&*ctx.store, &keys.plan()).await?;
        return Ok(plan.is_some_and(|(plan, _)| plan.input_bytes > 0));
    }
    for (published, destination) in program.destinations()? {
        let contents = destination::contents(ctx, &destination).await?;
        let is_there = |(contents, _): (Contents, String)| {
            contents.has_rows_of(&program.pipeline.name, begin.run, &published.name)
        };
        if contents.is_some_and(is_there) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Items that may be missing have to be items, and to be missing.
async fn accepted_exist(
    ctx: &Ctx,
    begin: &Beginning<'_>,
    generations: &BTreeMap<String, StepGeneration>,
) -> Result<(), HandlerError> {
    for (step, items) in &begin.input.accept {
        let generation = generations.get(step).map_or(1, |g| g.generation);
        let keys = RunKeys::new(&ctx.root, begin.run).step(&step.as_str().into(), generation);
        if let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? {
            accepted(step, items, plan.items)?;
            none_committed(ctx, &keys, items).await?;
        }
    }
    Ok(())
}

/// A committed item is not missing: accepting it would redo everything that reads the step, for nothing.
async fn none_committed(ctx: &Ctx, keys: &StepKeys, items: &[u32]) -> Result<(), HandlerError> {
    let found = several(ctx.settings.parallel, items.to_vec(), |item| {
        let (store, uri) = (ctx.store.clone(), keys.receipt(item));
        async move {
            match store.head(&uri).await {
                Ok(_) => Ok(Some(item)),
                Err(StoreError::NotFound(_)) => Ok(None),
                Err(e) => Err(e),
            }
        }
    });
    let committed: Vec<u32> = found.await?.into_iter().flatten().collect();
    if committed.is_empty() {
        return Ok(());
    }
    let (step, named) = (&keys.step, spotmill_core::format::items(&committed));
    let what = plural_of(committed.len(), "item", "items");
    let (is, it) = (plural_of(committed.len(), "is", "are"), plural_of(committed.len(), "it", "them"));
    Err(HandlerError::invalid(format!(
        "--accept {step}: {what} {named} of `{step}` {is} committed and not missing: leave {it} out of --accept"
    )))
}

/// Refuses an item that a plan does not have.
pub fn accepted(step: &str, items: &[u32], planned: u32) -> Result<(), HandlerError> {
    match items.iter().find(|item| **item >= planned) {
        None => Ok(()),
        Some(item) => {
            let last = planned.saturating_sub(1);
            let there = if planned == 0 { "it has none".to_owned() } else { format!("its items are 0 to {last}") };
            Err(HandlerError::invalid(format!("--accept {step}={item}: step `{step}` has no item {item}; {there}")))
        }
    }
}

/// Checks that `root` may act; true if it takes the run from nobody or from another.
pub async fn claim(ctx: &Ctx, run: &RunId, lease: Option<&Lease>, root: &ExecutionId) -> Result<bool, HandlerError> {
    let holder = lease.and_then(|l| l.owner.as_ref()).filter(|owner| *owner != root);
    let state = match holder {
        None => None,
        Some(owner) => Some(ctx.executions.state(owner).await?),
    };
    match decide(lease, root, state, ctx.clock.now_ms()) {
        Claim::Mine => Ok(false),
        Claim::Take { because } => {
            tracing::info!(%run, %root, because, "claimed");
            Ok(true)
        }
        Claim::Refuse { held_by, because } => {
            Err(HandlerError::new(errors::HELD, format!("{run} is held by {held_by}: {because}")))
        }
    }
}

/// A start of a run, as it shapes the next lease.
pub struct Beginning<'a> {
    pub run: &'a RunId,
    pub input: &'a RunInput,
    pub root: &'a ExecutionId,
    pub selected: &'a [StepName],
    pub worker: &'a DeployedWorker,
    pub foreseen: &'a Foreseen,
}

/// The lease that this start would write as it takes the run.
pub async fn next_lease(
    ctx: &Ctx,
    program: &Program,
    begin: &Beginning<'_>,
    old: Option<&Lease>,
) -> Result<Lease, HandlerError> {
    let none = BTreeMap::new();
    let asked = Asked {
        fresh: begin.input.fresh,
        from_step: begin.input.from_step.as_deref(),
        root: begin.root,
        reset_by: old.and_then(|l| l.reset_by.as_ref()),
        accept: &begin.input.accept,
        renew: &none,
    };
    let steps = program.shapes();
    let current = old.map(|l| l.generations.clone()).unwrap_or_default();
    let bound = program.bind_all()?;
    let sign = |name: &str, upstream: &_| program.sign(&bound, name, upstream, &begin.worker.version);
    let mut generations = spotmill_core::generations::decide(&current, &steps, &asked, sign);
    let open = refuse_destinations(ctx, program, begin, &generations).await?;
    let mut renew = BTreeMap::new();
    while let Some(old) = old {
        let (input, selected, next) = (begin.input, begin.selected, &generations);
        let start = renew::Start { program, bound: &bound, input, selected, open: &open, old, next };
        // Steps that begin anew read what others made: those are checked until nothing more has to be done.
        let more = renew::needed(ctx, &start).await?;
        if more.is_empty() {
            break;
        }
        renew.extend(more);
        let asked = Asked { renew: &renew, ..asked };
        generations = spotmill_core::generations::decide(&current, &steps, &asked, sign);
    }
    upstream_complete(ctx, program, begin, &generations).await?;
    inputs_are_there(ctx, program, begin, &bound, (&current, &generations)).await?;
    accepted_exist(ctx, begin, &generations).await?;
    let (now, begun) = (ctx.clock.now_ms(), numbers(&generations));
    let reset_by = if asked.resets() { Some(begin.root.clone()) } else { old.and_then(|l| l.reset_by.clone()) };
    Ok(Lease {
        v: RECORD_VERSION,
        owner: Some(begin.root.clone()),
        epoch: old.map_or(0, |l| l.epoch) + 1,
        pipeline_digest: program.digest.clone(),
        worker: begin.worker.clone(),
        params: program.params.clone(),
        generations,
        accept: begin.input.accept.clone(),
        over_budget: begin.input.over_budget,
        existing: begin.input.existing,
        reset_by,
        execution: old.and_then(|l| l.execution.clone()),
        selected: begin.selected.to_vec(),
        started_ms: old.map_or(now, |l| l.started_ms),
        renewed_ms: old.and_then(|l| if numbers(&l.generations) == begun { l.renewed_ms } else { Some(now) }),
        claimed_ms: now,
        outcome: None,
    })
}

fn numbers(generations: &BTreeMap<String, StepGeneration>) -> Vec<(String, Generation)> {
    generations.iter().map(|(step, of)| (step.clone(), of.generation)).collect()
}

/// Refuses before any work what could not be published in the end. Returns the steps that are still to be published.
async fn refuse_destinations(
    ctx: &Ctx,
    program: &Program,
    begin: &Beginning<'_>,
    generations: &BTreeMap<String, StepGeneration>,
) -> Result<BTreeSet<StepName>, HandlerError> {
    apart::refuse(ctx, program).await?;
    let columns = outputs(&program.pipeline.steps, &program.params, begin.foreseen, None);
    let mut open = BTreeSet::new();
    for name in begin.selected {
        let step = program.step(name.as_str())?;
        let generation = generations.get(name.as_str()).map_or(1, |g| g.generation);
        let keys = RunKeys::new(&ctx.root, begin.run).step(name, generation);
        let columns = columns.get(name.as_str()).copied();
        if destination::is_open(ctx, program, step, &keys, begin.input.existing, columns).await? {
            open.insert(name.clone());
        }
    }
    Ok(open)
}
