//! What a start of a run would do, without doing it: the generations it would map, the items each step has, and which
//! of them are committed. Reads records and lists inputs; writes nothing.

use crate::begin::Beginning;
use crate::plan_work::{Material, packed};
use crate::{Ctx, HandlerError, Program, await_input, begin, carry, foreseen, history, inputs, renew, step, work};
use spotmill_core::calls::RunInput;
use spotmill_core::claim::frozen_params;
use spotmill_core::history::{History, pack};
use spotmill_core::ids::{ExecutionId, Generation, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::Step;
use spotmill_core::reason::Reason;
use spotmill_core::records::{
    DeployedWorker, Foreseen, InputState, Lease, Plan, PlanTables, Seal, SealedList, StepWait, WorkItem,
};
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq)]
pub struct StepPreview {
    pub step: String,
    pub generation: Generation,
    /// Why a new generation would begin; none: the present one goes on.
    pub because: Option<String>,
    /// The same by codes; of the present generation why it began.
    pub reasons: Vec<Reason>,
    /// How what it waits for stands, where its input is still to be listed.
    pub input: Option<StepWait>,
    pub work: Work,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Sealed: nothing to do. What `--changed` would redo of inputs that changed since; the checks that changed since,
    /// which a start applies to what is committed.
    Complete { items: u32, changed: Option<String>, unchecked: Option<String> },
    /// The items to do; those in `committed` have receipts, or will have: `carried` are taken over from the generation
    /// before.
    Items { items: Vec<WorkItem>, committed: BTreeSet<u32>, carried: BTreeSet<u32>, frozen: bool },
    /// Undetermined until these steps are complete; where there are none, until its input is there.
    Waits { upstream: Vec<String> },
}

impl StepPreview {
    /// What it waits for and is not there, with when it is late.
    pub fn awaited(&self) -> Option<&StepWait> {
        self.input.as_ref().filter(|input| input.state != InputState::Ready)
    }

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
    foreseen: &Foreseen,
) -> Result<Vec<StepPreview>, HandlerError> {
    let program = Program::new(frozen, input, &ctx.settings)?;
    let run = program.run_id();
    let keys = RunKeys::new(&ctx.root, &run);
    let old = records::load::<Lease>(&*ctx.store, &keys.lease()).await?.map(|(lease, _)| lease);
    let root = ExecutionId::new("preview");
    let selected = begin::select(&program, input)?;
    let beginning = Beginning { run: &run, input, root: &root, selected: &selected, worker, foreseen };
    frozen_params(old.as_ref(), &program.params, input.fresh).map_err(HandlerError::invalid)?;
    let lease = begin::next_lease(ctx, &program, &beginning, old.as_ref()).await?;
    let bound = program.bind_all()?;
    let history = history::load(ctx, &program.pipeline.name).await;
    let mut previews: Vec<StepPreview> = Vec::new();
    for step in program.pipeline.steps.iter().filter(|s| selected.iter().any(|n| n.as_str() == s.name)) {
        let next = &lease.generations[&step.name];
        let before = old.as_ref().and_then(|l| l.generations.get(&step.name)).map(|g| g.generation);
        let because = (before != Some(next.generation)).then(|| next.because.clone());
        let start = Start { program: &program, lease: &lease, foreseen, history: &history };
        let mut input = None;
        let work = work_of(ctx, &start, &bound[&step.name], &previews, &mut input).await?;
        let (reasons, generation) = (next.reasons.clone(), next.generation);
        previews.push(StepPreview { step: step.name.clone(), generation, because, reasons, input, work });
    }
    Ok(previews)
}

/// What a preview of a step is about.
struct Start<'a> {
    program: &'a Program,
    lease: &'a Lease,
    foreseen: &'a Foreseen,
    history: &'a History,
}

async fn work_of(
    ctx: &Ctx,
    start: &Start<'_>,
    step: &Step,
    before: &[StepPreview],
    input: &mut Option<StepWait>,
) -> Result<Work, HandlerError> {
    let Start { program, lease, foreseen, history } = *start;
    let run = program.run_id();
    let present = &lease.generations[&step.name];
    let (keys, before_it) =
        (RunKeys::new(&ctx.root, &run).step(&step.name.as_str().into(), present.generation), present.carries_over);
    if let Some((seal, _)) = records::load::<Seal>(&*ctx.store, &keys.seal()).await?
        && seal.is_complete(inputs::accepted(&lease.accept, &step.name))
    {
        let changes = renew::changes(ctx, step, &keys).await?;
        let (changed, unchecked) = (changes.and_then(|c| c.because(true)).map(|b| b.text), seal.unchecked(step));
        return Ok(Work::Complete { items: seal.items, changed, unchecked });
    }
    if let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? {
        let items = work::all(ctx, &keys, &plan).await?;
        let mut committed: BTreeSet<u32> = step::receipted(ctx, &keys, &plan).await?.into_iter().collect();
        let mut taken = BTreeSet::new();
        if let Some((tables, _)) = records::load::<PlanTables>(&*ctx.store, &keys.tables()).await? {
            taken = carried(ctx, &keys, before_it, &plan.from, &tables, &items).await?;
            taken.retain(|item| committed.insert(*item));
        }
        return Ok(Work::Items { items, committed, carried: taken, frozen: true });
    }
    *input = await_input::preview(ctx, history, &run, step).await?;
    if input.as_ref().is_some_and(|input| input.state != InputState::Ready) {
        return Ok(Work::Waits { upstream: Vec::new() });
    }
    let runs_first = |name: &&str| {
        before.iter().any(|p| p.step == **name && !matches!(p.work, Work::Complete { unchecked: None, .. }))
    };
    let waits: Vec<String> = step.upstream().filter(runs_first).map(str::to_owned).collect();
    if !waits.is_empty() {
        return Ok(Work::Waits { upstream: waits });
    }
    let material = Material::gather(ctx, program, lease, step).await?;
    foreseen::refuse(ctx, program, lease, foreseen, &material.found(&step.name)).await?;
    let measured = history.measured(&step.name, step.resources.vcpus.max(1));
    let step = packed(step, pack(step, measured.as_ref()).as_ref());
    let (planned, plan_tables) = material.plan(ctx, program, &step)?;
    let items: Vec<WorkItem> = planned.items().collect();
    let committed = carried(ctx, &keys, before_it, &material.from, &plan_tables, &items).await?;
    Ok(Work::Items { items, carried: committed.clone(), committed, frozen: false })
}

/// Items that a start takes over from the generation before.
async fn carried(
    ctx: &Ctx,
    keys: &StepKeys,
    before: Option<Generation>,
    from: &BTreeMap<String, SealedList>,
    tables: &PlanTables,
    items: &[WorkItem],
) -> Result<BTreeSet<u32>, HandlerError> {
    let Some(before) = before else { return Ok(BTreeSet::new()) };
    let contents = carry::Contents::load(ctx, &keys.run, from).await?;
    let reusable = carry::reusable(ctx, &keys.run.step(&keys.step, before), tables, &contents).await?;
    Ok(items
        .iter()
        .filter(|item| reusable.contains_key(&contents.reads((*item).clone())))
        .map(|item| item.item)
        .collect())
}
