//! PlanWork: claims the run for a step's execution, mints the epoch, ends what earlier epochs left, and freezes the
//! step's plan. A generation is planned once: whoever finds a plan uses it. The work list and the tables are written
//! before the plan that makes them count.

use crate::carry::{self, Carried};
use crate::pins::{Resumed, pin};
use crate::{Ctx, HandlerError, Program, access, begin, columns, earlier, history, inputs};
use access::{SWAP_TRIES, Stands};
use spotmill_core::bounds::PAGE_BYTES;
use spotmill_core::calls::{PlanWorkReply, PlanWorkRequest, errors};
use spotmill_core::claim::Ticket;
use spotmill_core::history::{Packing, first_rung, pack};
use spotmill_core::ids::{Generation, Uri};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::Step;
use spotmill_core::plan::{PlanError, Planned, plan_for, work_list, work_pages};
use spotmill_core::records::{Lease, Plan, PlanTables, RECORD_VERSION, Seal};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::ports::Swapped;
use spotmill_platform::records;
use std::collections::BTreeMap;

pub async fn handle(ctx: &Ctx, request: PlanWorkRequest) -> Result<PlanWorkReply, HandlerError> {
    let (lease, generation) = mint(ctx, &request).await?;
    let (run, step, epoch) = (&request.run, &request.step, lease.epoch);
    earlier::end_fleets(ctx, run, step, generation, epoch).await?;
    let program = access::program(ctx, run, &lease).await?;
    let bound = program.bind(program.step(step.as_str())?)?;
    let keys = RunKeys::new(&ctx.root, run).step(step, generation);
    let sealed = records::load::<Seal>(&*ctx.store, &keys.seal()).await?;
    let complete = sealed.is_some_and(|(seal, _)| inputs::covers(&lease, step.as_str(), &seal));
    let existing = records::load::<Plan>(&*ctx.store, &keys.plan()).await?.map(|(plan, _)| plan);
    if !complete {
        for upstream in bound.upstream() {
            inputs::sealed(ctx, run, &lease, upstream).await?;
        }
    }
    let resumed = existing.is_some();
    let measured = history::measured(ctx, &program.pipeline.name, &bound).await;
    let packing = pack(&bound, measured.as_ref());
    let planning = Planning { request: &request, lease: &lease, program: &program, step: &bound, keys: &keys, packing };
    let plan = match existing {
        Some(plan) => plan,
        None => freeze(ctx, &planning).await?,
    };
    begin::accepted(step.as_str(), lease.accept.get(step.as_str()).map_or(&[][..], Vec::as_slice), plan.items)?;
    let (rung, because) = first_rung(&bound.resources, plan.sizes.as_ref(), measured.as_ref());
    if let Some(because) = because {
        tracing::info!(%run, %step, rung, because, "memory foreseen");
    }
    let mut open = match complete {
        true => RoaringBitmap::new(),
        false => open_items(ctx, &keys, &lease, step.as_str(), &plan).await?,
    };
    if let Some(from) = lease.generations.get(step.as_str()).and_then(|g| g.carries_over)
        && !open.is_empty()
    {
        let ticket = Ticket { root: &request.root, step: step.as_str(), epoch, generation };
        open -= carry::over(ctx, &Carried { run, keys: &keys, plan: &plan, from, open: &open, ticket }).await?;
    }
    if resumed {
        pin(ctx, &Resumed { run, lease: &lease, epoch, keys: &keys, step: &bound, plan: &plan, open: &open }).await?;
    }
    Ok(PlanWorkReply { epoch, generation, todo: u32::try_from(open.len()).unwrap_or(u32::MAX), round: 0, rung })
}

/// Claims the run and mints this execution's epoch, in one swap.
async fn mint(ctx: &Ctx, request: &PlanWorkRequest) -> Result<(Lease, Generation), HandlerError> {
    let run = &request.run;
    for tries in 0..SWAP_TRIES {
        let (old, etag) = access::lease(ctx, run).await?;
        let takes = begin::claim(ctx, run, Some(&old), &request.root).await?;
        let Some(generation) = old.generations.get(request.step.as_str()).map(|g| g.generation) else {
            let steps = old.generations.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(HandlerError::invalid(format!("{run} has no step `{}`; steps: {steps}", request.step)));
        };
        let lease = Lease {
            owner: Some(request.root.clone()),
            epoch: old.epoch + 1,
            execution: Some(request.execution.clone()),
            claimed_ms: if takes { ctx.clock.now_ms() } else { old.claimed_ms },
            outcome: None,
            ..old
        };
        // After a lost reply the next look mints another epoch: one is skipped, and nothing else.
        if begin::write(ctx, run, Some(&etag), &lease).await? {
            return Ok((lease, generation));
        }
        access::breathe(tries).await;
    }
    Err(HandlerError::transient(format!("{run}: others keep writing its lease")))
}

/// Items to run: no receipt, and not accepted as missing.
async fn open_items(
    ctx: &Ctx,
    keys: &StepKeys,
    lease: &Lease,
    step: &str,
    plan: &Plan,
) -> Result<RoaringBitmap, HandlerError> {
    let mut open: RoaringBitmap = (0..plan.items).collect();
    open -= access::receipted(ctx, keys, plan).await?;
    for accepted in lease.accept.get(step).into_iter().flatten() {
        open.remove(*accepted);
    }
    Ok(open)
}

struct Planning<'a> {
    request: &'a PlanWorkRequest,
    lease: &'a Lease,
    program: &'a Program,
    /// Bound.
    step: &'a Step,
    keys: &'a StepKeys,
    /// Of items smaller than by default.
    packing: Option<Packing>,
}

/// The step as it is planned. How it is packed shapes no rows, so it is no part of the step's signature.
pub(crate) fn packed(step: &Step, packing: Option<&Packing>) -> Step {
    let mut step = step.clone();
    step.input.item_bytes = packing.map(|packing| packing.item_bytes).or(step.input.item_bytes);
    step
}

/// Plans the generation, unless somebody else was first.
async fn freeze(ctx: &Ctx, p: &Planning<'_>) -> Result<Plan, HandlerError> {
    let run = &p.request.run;
    let (input, seal) = inputs::find(ctx, run, p.lease, &p.step.input.source).await?;
    let mut tables = BTreeMap::new();
    let mut table_reads = BTreeMap::new();
    for (name, table) in &p.step.tables {
        let (found, seal) = inputs::find(ctx, run, p.lease, &table.source).await?;
        let read = inputs::read_of(p.program, &table.source, &table.read, seal.as_ref())?;
        table_reads.insert(name.clone(), columns::sampled(&*ctx.store, read, &found.inputs()).await?);
        tables.insert(name.clone(), found);
    }
    let step = packed(p.step, p.packing.as_ref());
    let planned = plan_for(&step, &input, &tables, p.program.is_read(&step.name)).map_err(refusal)?;
    let list = work_list(planned.items()).map_err(refusal)?;
    let read = inputs::read_of(p.program, &p.step.input.source, &p.step.input.read, seal.as_ref())?;
    let read = columns::of_input(ctx, p.program, run, p.step, read, &input.inputs()).await?;
    let record = Plan {
        v: RECORD_VERSION,
        run: run.clone(),
        step: p.request.step.clone(),
        generation: p.keys.generation,
        items: planned.items,
        work_digest: list.digest,
        offsets: list.offsets,
        input_columns: read.columns.clone(),
        input_bytes: planned.input_bytes,
        worker_version: p.lease.worker.version.clone(),
        upstream_rows: planned.upstream_rows,
        sizes: planned.sizes(),
        packing: p.packing.as_ref().map(|packing| packing.because.clone()),
        base: ctx.settings.base.clone(),
        planned_ms: ctx.clock.now_ms(),
    };
    let plan_tables = PlanTables { v: RECORD_VERSION, read, table_reads, whole: planned.whole.clone() };
    commit(ctx, p, record, &planned, &plan_tables).await
}

async fn commit(
    ctx: &Ctx,
    p: &Planning<'_>,
    plan: Plan,
    planned: &Planned<'_>,
    tables: &PlanTables,
) -> Result<Plan, HandlerError> {
    let request = p.request;
    let (root, step, epoch) = (&request.root, request.step.as_str(), p.lease.epoch);
    let ticket = Ticket { root, step, epoch, generation: p.keys.generation };
    access::fence(ctx, &request.run, &ticket).await?;
    // Its name is its content's: writing it again changes nothing.
    let mut pages = work_pages(planned.items(), PAGE_BYTES as usize);
    ctx.store.put_pages(&p.keys.work(&plan.work_digest), &mut pages).await?;
    replace_tables(ctx, &p.keys.tables(), tables).await?;
    let uri = p.keys.plan();
    match access::create_record(ctx, &uri, &plan).await? {
        Stands::Ours => Ok(plan),
        Stands::Others(body) => Ok(records::parse(&uri, &body)?),
    }
}

/// No plan stands yet, so tables that an interrupted try left count for nothing. Conditional, so that a planner that
/// was overtaken while it slept changes nothing.
async fn replace_tables(ctx: &Ctx, uri: &Uri, tables: &PlanTables) -> Result<(), HandlerError> {
    match records::load::<PlanTables>(&*ctx.store, uri).await? {
        Some((there, _)) if there == *tables => return Ok(()),
        Some((_, etag)) => {
            if let Swapped::Yes(_) = records::swap(&*ctx.store, uri, &etag, tables).await? {
                return Ok(());
            }
        }
        None => {
            if access::create_record(ctx, uri, tables).await? == Stands::Ours {
                return Ok(());
            }
        }
    }
    Err(HandlerError::transient(format!("{uri}: another planner wrote it")))
}

fn refusal(e: PlanError) -> HandlerError {
    match e {
        PlanError::NoInput(why) => HandlerError::new(errors::NO_INPUT, why),
        PlanError::TooMuch(why) => HandlerError::invalid(why),
    }
}
