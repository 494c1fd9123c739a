//! What a start of a run would do, without doing it: the generations it would map, the items each step has, and which
//! of them are committed. Reads records and lists inputs; writes nothing.

use crate::begin::Beginning;
use crate::plan_work::packed;
use crate::{Ctx, HandlerError, Program, access, begin, carry, columns, history, inputs, renew, work};
use spotmill_core::calls::{RunInput, errors};
use spotmill_core::claim::frozen_params;
use spotmill_core::history::{History, pack};
use spotmill_core::ids::{ExecutionId, Generation, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::RunKeys;
use spotmill_core::model::Step;
use spotmill_core::plan::{PlanError, plan_for};
use spotmill_core::records::{DeployedWorker, Lease, Plan, PlanTables, RECORD_VERSION, Seal, WorkItem};
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq)]
pub struct StepPreview {
    pub step: String,
    pub generation: Generation,
    /// Why a new generation would begin; none: the present one goes on.
    pub because: Option<String>,
    pub work: Work,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Sealed: nothing to do. Of inputs that changed since, what `--changed` would do again.
    Complete { items: u32, changed: Option<String> },
    /// What is there to do; `committed` of the items have receipts.
    Items { items: Vec<WorkItem>, committed: BTreeSet<u32>, frozen: bool },
    /// Known once these steps are complete.
    Waits { upstream: Vec<String> },
}

impl StepPreview {
    /// Distinct objects and their bytes.
    pub fn input(&self) -> (usize, u64) {
        let Work::Items { items, .. } = &self.work else { return (0, 0) };
        let files: BTreeMap<&Uri, &InputFile> =
            items.iter().flat_map(|item| &item.inputs).map(|file| (&file.uri, file)).collect();
        (files.len(), files.values().map(|file| file.bytes).sum())
    }
}

/// Of a frozen pipeline and a worker as a deploy of them would have it.
pub async fn preview(
    ctx: &Ctx,
    frozen: &[u8],
    worker: &DeployedWorker,
    input: &RunInput,
) -> Result<Vec<StepPreview>, HandlerError> {
    let program = Program::new(frozen, input, &ctx.settings)?;
    let run = program.run_id();
    let keys = RunKeys::new(&ctx.root, &run);
    let old = records::load::<Lease>(&*ctx.store, &keys.lease()).await?.map(|(lease, _)| lease);
    let root = ExecutionId::new("preview");
    let selected = begin::select(&program, input)?;
    let beginning = Beginning { run: &run, input, root: &root, selected: &selected, worker };
    frozen_params(old.as_ref(), &program.params, input.fresh).map_err(HandlerError::invalid)?;
    let lease = begin::next_lease(ctx, &program, &beginning, old.as_ref()).await?;
    let bound = program.bind_all()?;
    let history = history::load(ctx, &program.pipeline.name).await;
    let mut previews: Vec<StepPreview> = Vec::new();
    for step in program.pipeline.steps.iter().filter(|s| selected.iter().any(|n| n.as_str() == s.name)) {
        let next = &lease.generations[&step.name];
        let before = old.as_ref().and_then(|l| l.generations.get(&step.name)).map(|g| g.generation);
        let because = (before != Some(next.generation)).then(|| next.because.clone());
        let work = work_of(ctx, &program, &lease, &bound[&step.name], &history, &previews).await?;
        previews.push(StepPreview { step: step.name.clone(), generation: next.generation, because, work });
    }
    Ok(previews)
}

async fn work_of(
    ctx: &Ctx,
    program: &Program,
    lease: &Lease,
    step: &Step,
    history: &History,
    before: &[StepPreview],
) -> Result<Work, HandlerError> {
    let run = program.run_id();
    let keys = RunKeys::new(&ctx.root, &run).step(&step.name.as_str().into(), lease.generations[&step.name].generation);
    if let Some((seal, _)) = records::load::<Seal>(&*ctx.store, &keys.seal()).await?
        && inputs::covers(lease, &step.name, &seal)
    {
        let changes = renew::changes(ctx, Some(step), &keys).await?;
        return Ok(Work::Complete { items: seal.items, changed: changes.and_then(|c| c.summary(true)) });
    }
    if let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? {
        let items = work::all(ctx, &keys, &plan).await?;
        let committed = access::receipted(ctx, &keys, &plan).await?.into_iter().collect();
        return Ok(Work::Items { items, committed, frozen: true });
    }
    let runs_first = |name: &&str| before.iter().any(|p| p.step == **name && !matches!(p.work, Work::Complete { .. }));
    let waits: Vec<String> = step.upstream().filter(runs_first).map(str::to_owned).collect();
    if !waits.is_empty() {
        return Ok(Work::Waits { upstream: waits });
    }
    let (input, seal) = inputs::find(ctx, &run, lease, &step.input.source).await?;
    let read = inputs::read_of(program, &step.input.source, &step.input.read, seal.as_ref())?;
    let read = columns::foreseen(ctx, program, &run, step, read, &input.inputs()).await?;
    let (mut tables, mut table_reads) = (BTreeMap::new(), BTreeMap::new());
    for (name, table) in &step.tables {
        let (found, seal) = inputs::find(ctx, &run, lease, &table.source).await?;
        let read = inputs::read_of(program, &table.source, &table.read, seal.as_ref())?;
        table_reads.insert(name.clone(), columns::sampled(&*ctx.store, read, &found.inputs()).await?);
        tables.insert(name.clone(), found);
    }
    let measured = history.measured(&step.name, step.resources.vcpus.max(1));
    let step = packed(step, pack(step, measured.as_ref()).as_ref());
    let planned = plan_for(&step, &input, &tables, program.is_read(&step.name)).map_err(|e| match e {
        PlanError::NoInput(why) => HandlerError::new(errors::NO_INPUT, why),
        PlanError::TooMuch(why) => HandlerError::invalid(why),
    })?;
    let items: Vec<WorkItem> = planned.items().collect();
    let plan_tables = PlanTables { v: RECORD_VERSION, read, table_reads, whole: planned.whole.clone() };
    let before = lease.generations[&step.name].carries_over;
    let committed = match before {
        Some(from) => {
            let known = carry::known(ctx, &keys.run.step(&keys.step, from), &plan_tables).await?;
            items.iter().filter(|item| known.contains_key(&carry::reads(item))).map(|item| item.item).collect()
        }
        None => BTreeSet::new(),
    };
    Ok(Work::Items { items, committed, frozen: false })
}
