//! PlanWork: claims the run for a step's execution, mints the epoch, ends what earlier epochs left, and freezes the
//! step's plan. A generation is planned once: whoever finds a plan uses it. The work list and the tables are written
//! before the plan that makes them count.

use crate::carry::{self, Carried};
use crate::create::{Stands, create_record};
use crate::pins::{Resumed, pin};
use crate::update::{Change, replace};
use crate::{Ctx, HandlerError, Program, begin, columns, foreseen, history, inputs, lease, leftovers, step};
use spotmill_core::bounds::PAGE_BYTES;
use spotmill_core::bundle;
use spotmill_core::calls::{PlanWorkReply, PlanWorkRequest, errors};
use spotmill_core::claim::Ticket;
use spotmill_core::foreseen::Found;
use spotmill_core::history::{Packing, first_rung, pack};
use spotmill_core::ids::{Generation, ItemIndex, Uri};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::{Read, Step};
use spotmill_core::plan::decided::Decided;
use spotmill_core::plan::{Found as FoundFiles, PlanError, Planned, Written, plan_for, work_list, work_pages};
use spotmill_core::reason::of_open;
use spotmill_core::records::{Decisions, Lease, Plan, PlanTables, RECORD_VERSION, Seal, SealedList};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::records;
use std::collections::BTreeMap;

pub async fn handle(ctx: &Ctx, request: PlanWorkRequest) -> Result<PlanWorkReply, HandlerError> {
    let (lease, generation) = mint(ctx, &request).await?;
    let (run, step, epoch) = (&request.run, &request.step, lease.epoch);
    leftovers::end_fleets(ctx, run, step, generation, epoch).await?;
    let program = lease::program(ctx, run, &lease).await?;
    let bound = program.bind(program.step(step.as_str())?)?;
    let keys = RunKeys::new(&ctx.root, run).step(step, generation);
    let sealed = records::load::<Seal>(&*ctx.store, &keys.seal()).await?;
    let accepted = inputs::accepted(&lease.accept, step.as_str());
    let complete = sealed.is_some_and(|(seal, _)| seal.covers(accepted, &bound));
    let existing = records::load::<Plan>(&*ctx.store, &keys.plan()).await?.map(|(plan, _)| plan);
    if !complete {
        for upstream in bound.upstream() {
            inputs::sealed(ctx, &program, &lease, upstream).await?;
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
    begin::accepted(step.as_str(), accepted, plan.items)?;
    let (rung, because) = first_rung(&bound.resources, plan.sizes.as_ref(), measured.as_ref());
    if let Some(because) = because {
        tracing::info!(%run, %step, rung, because, "memory foreseen");
    }
    let mut open = match complete {
        true => RoaringBitmap::new(),
        false => open_items(ctx, &keys, accepted, &plan).await?,
    };
    let began = lease.generations.get(step.as_str()).map(|g| g.reasons.as_slice()).unwrap_or_default();
    let mut decided = Decided::new(&plan, &open, accepted, of_open(resumed, began));
    if let Some(from) = lease.generations.get(step.as_str()).and_then(|g| g.carries_over)
        && !open.is_empty()
    {
        let ticket = Ticket { root: &request.root, step: step.as_str(), epoch, generation };
        let carried = carry::over(ctx, &Carried { run, keys: &keys, plan: &plan, from, open: &open, ticket }).await?;
        open -= &carried;
        decided.carried(carried, from);
    }
    if resumed {
        pin(ctx, &Resumed { epoch, keys: &keys, step: &bound, plan: &plan, open: &open }).await?;
    }
    remember(ctx, &keys, decided.record(epoch, ctx.clock.now_ms())).await;
    Ok(PlanWorkReply { epoch, generation, todo: u32::try_from(open.len()).unwrap_or(u32::MAX), round: 0, rung })
}

/// Keeps for people what was decided. A run goes on without it.
async fn remember(ctx: &Ctx, keys: &StepKeys, decisions: Decisions) {
    // Only this call has the epoch: nobody else writes this key.
    if let Err(e) = records::put(&*ctx.store, &keys.decisions(decisions.epoch), &decisions).await {
        tracing::warn!(step = %keys.step, error = %e, "what was decided of the items is not kept");
    }
}

/// Claims the run and mints this execution's epoch, in one swap.
async fn mint(ctx: &Ctx, request: &PlanWorkRequest) -> Result<(Lease, Generation), HandlerError> {
    let run = &request.run;
    lease::change(ctx, run, |old| async move {
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
        // After a lost reply the next try mints another epoch: one is skipped, and nothing else.
        Ok(Change::Write(lease.clone(), (lease, generation)))
    })
    .await
}

/// Items to run: no receipt, and not accepted as missing.
async fn open_items(
    ctx: &Ctx,
    keys: &StepKeys,
    accepted: &[ItemIndex],
    plan: &Plan,
) -> Result<RoaringBitmap, HandlerError> {
    let mut open: RoaringBitmap = (0..plan.items).collect();
    open -= step::receipted(ctx, keys, plan).await?;
    open -= accepted.iter().collect::<RoaringBitmap>();
    Ok(open)
}

struct Planning<'a> {
    request: &'a PlanWorkRequest,
    lease: &'a Lease,
    program: &'a Program,
    /// Bound.
    step: &'a Step,
    keys: &'a StepKeys,
    /// Why items are smaller than by default.
    packing: Option<Packing>,
}

/// The step as it is planned. How it is packed shapes no rows, so it is no part of the step's signature.
pub(crate) fn packed(step: &Step, packing: Option<&Packing>) -> Step {
    let mut step = step.clone();
    step.input.item_bytes = packing.map(|packing| packing.item_bytes).or(step.input.item_bytes);
    step
}

/// What a step would be planned of: everything it reads, as it is now, and how it is read.
pub(crate) struct Material {
    pub input: FoundFiles,
    pub read: Read,
    pub tables: BTreeMap<String, FoundFiles>,
    pub table_reads: BTreeMap<String, Read>,
    /// The steps that are read, as they are sealed.
    pub from: BTreeMap<String, SealedList>,
    /// Columns that were found in the input, to be kept for later runs.
    found: Option<columns::New>,
}

impl Material {
    /// Of a bound step; writes nothing.
    pub async fn gather(ctx: &Ctx, program: &Program, lease: &Lease, step: &Step) -> Result<Self, HandlerError> {
        let (input, seal) = inputs::find(ctx, program, lease, &step.input.source).await?;
        let written = program.step(&step.name)?;
        inputs::keys_stand(program, &written.input.source, &step.input.read.hive, &input)?;
        let list = |seal: &Seal| {
            let list = SealedList { generation: seal.generation, files_digest: seal.files_digest.clone() };
            (seal.step.0.clone(), list)
        };
        let mut from: BTreeMap<String, SealedList> = seal.iter().map(list).collect();
        let mut tables = BTreeMap::new();
        let mut table_reads = BTreeMap::new();
        for (name, table) in &step.tables {
            let (found, seal) = inputs::find(ctx, program, lease, &table.source).await?;
            if let Some(written) = written.tables.get(name) {
                inputs::keys_stand(program, &written.source, &table.read.hive, &found)?;
            }
            from.extend(seal.iter().map(list));
            let read = inputs::read_of(program, &table.source, &table.read, seal.as_ref())?;
            table_reads.insert(name.clone(), columns::sampled(&ctx.store, read, &found.inputs()).await?);
            tables.insert(name.clone(), found);
        }
        let read = inputs::read_of(program, &step.input.source, &step.input.read, seal.as_ref())?;
        let (read, found) = columns::of_input(ctx, program, step, read, &input.inputs()).await?;
        Ok(Self { input, read, tables, table_reads, from, found })
    }

    /// How the step that it was gathered for reads it.
    pub fn found<'a>(&'a self, step: &'a str) -> Found<'a> {
        Found { step, input: &self.read, tables: &self.table_reads }
    }

    /// The items, of a step as it is packed.
    pub fn plan<'a>(
        &'a self,
        ctx: &Ctx,
        program: &Program,
        step: &'a Step,
    ) -> Result<(Planned<'a>, PlanTables), HandlerError> {
        let is_bundled = bundle::is_used(&ctx.root, &step.output);
        let written = Written { is_read: program.is_read(&step.name), is_bundled };
        let planned = plan_for(step, &self.input, &self.tables, written).map_err(refusal)?;
        let whole = planned.whole.clone();
        let (read, table_reads) = (self.read.clone(), self.table_reads.clone());
        Ok((planned, PlanTables { v: RECORD_VERSION, read, table_reads, whole }))
    }
}

/// Plans the generation, unless somebody else was first.
async fn freeze(ctx: &Ctx, p: &Planning<'_>) -> Result<Plan, HandlerError> {
    let material = Material::gather(ctx, p.program, p.lease, p.step).await?;
    let foreseen = foreseen::of_run(ctx, &p.request.run, p.lease).await;
    foreseen::refuse(ctx, p.program, p.lease, &foreseen, &material.found(&p.step.name)).await?;
    let step = packed(p.step, p.packing.as_ref());
    let (planned, plan_tables) = material.plan(ctx, p.program, &step)?;
    let list = work_list(planned.items()).map_err(refusal)?;
    if let Some(found) = &material.found {
        columns::remember(ctx, found).await?;
    }
    let record = Plan {
        v: RECORD_VERSION,
        run: p.request.run.clone(),
        step: p.request.step.clone(),
        generation: p.keys.generation,
        items: planned.items,
        work_digest: list.digest,
        offsets: list.offsets,
        input_columns: material.read.columns.clone(),
        input_bytes: planned.input_bytes,
        worker_version: p.lease.worker.version.clone(),
        upstream_rows: planned.upstream_rows,
        sizes: planned.sizes(),
        packing: p.packing.as_ref().map(|packing| packing.because.clone()),
        base: ctx.settings.base.clone(),
        from: material.from.clone(),
        epoch: p.lease.epoch,
        planned_ms: ctx.clock.now_ms(),
    };
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
    lease::fence(ctx, &request.run, &ticket).await?;
    // It is named by its content: writing it again changes nothing.
    let mut pages = work_pages(planned.items(), PAGE_BYTES as usize);
    ctx.store.put_pages(&p.keys.work(&plan.work_digest), &mut pages).await?;
    replace_tables(ctx, &p.keys.tables(), tables).await?;
    let uri = p.keys.plan();
    match create_record(ctx, &uri, &plan).await? {
        Stands::Ours => Ok(plan),
        Stands::Others(body) => Ok(records::parse(&uri, &body)?),
    }
}

/// No plan stands yet, so tables that an interrupted try left count for nothing. Conditional, so that a planner that
/// was overtaken while it slept changes nothing.
async fn replace_tables(ctx: &Ctx, uri: &Uri, tables: &PlanTables) -> Result<(), HandlerError> {
    let (there, etag) = records::load::<PlanTables>(&*ctx.store, uri).await?.unzip();
    if there.as_ref() == Some(tables) || replace(ctx, uri, etag.as_deref(), tables).await? {
        return Ok(());
    }
    Err(HandlerError::transient(format!("{uri}: another planner wrote it")))
}

fn refusal(e: PlanError) -> HandlerError {
    match e {
        PlanError::NoInput(why) => HandlerError::new(errors::NO_INPUT, why),
        PlanError::TooMuch(why) => HandlerError::invalid(why),
    }
}
