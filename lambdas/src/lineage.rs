//! Where a file came from: the item that wrote it, what that item read, in which version, and so on back to the files
//! that no step made. It follows the records of the run: plans, seals, pins and receipts. Writes nothing.

use crate::destination::contents_quietly;
use crate::{Ctx, HandlerError, Program, inputs, inspect, lease, step, work};
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::destination::{above, id_of};
use spotmill_core::ids::{ItemIndex, RunId, StepName, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::{self, RunKeys, StepKeys};
use spotmill_core::model::Transform;
use spotmill_core::records::{Lease, Pins, Plan, PlanTables, Receipt, SealedFile, WorkItem};
use spotmill_core::types::Value;
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Items that are followed; a file that depends on more has the rest left out, and says so.
const MOST_ITEMS: usize = 10_000;

/// All that a file depends on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lineage {
    pub file: String,
    pub run: RunId,
    pub rows: u64,
    pub bytes: u64,
    pub params: BTreeMap<String, Value>,
    /// The item that wrote the file first, then those whose files it read, and so on.
    pub items: Vec<MadeBy>,
    /// There are more items than are listed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// An item, and what it read.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MadeBy {
    pub step: StepName,
    pub generation: u32,
    pub item: ItemIndex,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The step's SQL with its params, or the name of its transform; absent where the pipeline has changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
    pub worker: String,
    pub worker_digest: String,
    pub committed_ms: u64,
    pub reads: Vec<Read>,
}

/// A file that an item read.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Read {
    pub file: String,
    /// The version that was read.
    pub etag: String,
    pub bytes: u64,
    /// The side table that it belongs to; absent for the item's input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The step and the item that wrote it; absent for a file that no step of the run made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<(StepName, ItemIndex)>,
}

/// A step's generation, as far as its records have it.
struct Made {
    keys: StepKeys,
    items: Vec<WorkItem>,
    plan: Plan,
    whole: BTreeMap<String, Vec<InputFile>>,
    /// By the name of a file of an earlier step: that step, its generation, and the item that wrote it.
    upstream: HashMap<String, (StepName, u32, ItemIndex)>,
}

/// A published file, or a file of a run's scratch; none where no run has it.
pub async fn of_file(ctx: &Ctx, file: &Uri) -> Result<Option<Lineage>, HandlerError> {
    let Some(keys) = writer(ctx, file).await? else { return Ok(None) };
    let Some(found) = written(ctx, &keys, file).await? else { return Ok(None) };
    let run = &keys.run.run;
    let lease = lease::load(ctx, run).await?;
    Asked { ctx, run, lease: &lease }.follow(file, &keys.step, keys.generation, &found).await.map(Some)
}

/// The step whose file it is: by its place in the scratch area, or by what its destination records of the id in its name.
async fn writer(ctx: &Ctx, file: &Uri) -> Result<Option<StepKeys>, HandlerError> {
    let keys = |run: &RunId| RunKeys::new(&ctx.root, run);
    if let Some(attempt) = keys::attempted(&ctx.root, file) {
        let lease = records::load::<Lease>(&*ctx.store, &keys(&attempt.run).lease()).await?;
        // A later generation may have taken it over.
        let newest = lease.and_then(|(lease, _)| Some(lease.generations.get(attempt.step.as_str())?.generation));
        return Ok(newest.map(|generation| keys(&attempt.run).step(&attempt.step, generation)));
    }
    let Some(id) = id_of(file.as_str()) else { return Ok(None) };
    for folder in above(file) {
        let contents = contents_quietly(&*ctx.store, &folder).await?;
        if let Some(found) = contents.as_ref().and_then(|contents| contents.find(id)) {
            return Ok(Some(keys(&found.run).step(&found.step, found.generation)));
        }
    }
    Ok(None)
}

/// The file as the step's seal lists it: where it was published, or in the step's own scratch.
async fn written(ctx: &Ctx, keys: &StepKeys, file: &Uri) -> Result<Option<SealedFile>, HandlerError> {
    let Some((seal, _)) = records::load::<spotmill_core::records::Seal>(&*ctx.store, &keys.seal()).await? else {
        return Ok(None);
    };
    let published = inspect::published(ctx, keys).await?;
    let at = published.as_ref().and_then(|m| m.files.iter().position(|f| m.destination.join(&f.path) == *file));
    if at.is_none() && keys.own_scratch(file).is_none() {
        return Ok(None);
    }
    let sealed = inputs::sealed_files(ctx, keys, &seal).await?;
    Ok(match at {
        // The manifest lists the sealed files in their order.
        Some(at) => sealed.into_iter().nth(at),
        None => sealed.into_iter().find(|sealed| sealed.uri == *file),
    })
}

struct Asked<'a> {
    ctx: &'a Ctx,
    run: &'a RunId,
    lease: &'a Lease,
}

impl Asked<'_> {
    async fn follow(
        &self,
        file: &Uri,
        name: &StepName,
        generation: u32,
        found: &SealedFile,
    ) -> Result<Lineage, HandlerError> {
        let program = lease::program(self.ctx, self.run, self.lease).await?;
        let (mut steps, mut items, mut seen) = (HashMap::new(), Vec::new(), BTreeSet::new());
        let mut todo = VecDeque::from([(name.clone(), generation, found.item)]);
        while let Some((name, generation, item)) = todo.pop_front().filter(|_| items.len() < MOST_ITEMS) {
            if !seen.insert((name.clone(), generation, item)) {
                continue;
            }
            let key = (name.clone(), generation);
            if !steps.contains_key(&key) {
                steps.insert(key.clone(), self.step(&name, generation).await?);
            }
            let step = &steps[&key];
            let made = self.item(&program, step, item).await?;
            let next = made.reads.iter().filter_map(|read| step.upstream.get(scratch_name(&read.file)).cloned());
            todo.extend(next);
            items.push(made);
        }
        Ok(Lineage {
            file: file.to_string(),
            run: self.run.clone(),
            rows: found.rows,
            bytes: found.bytes,
            params: self.lease.params.clone(),
            items,
            more: !todo.is_empty(),
        })
    }

    async fn step(&self, name: &StepName, generation: u32) -> Result<Made, HandlerError> {
        let keys = RunKeys::new(&self.ctx.root, self.run).step(name, generation);
        let plan = step::plan(self.ctx, &keys).await?;
        let items = work::all(self.ctx, &keys, &plan).await?;
        let tables = records::load::<PlanTables>(&*self.ctx.store, &keys.tables()).await?;
        let mut upstream = HashMap::new();
        for (of, list) in &plan.from {
            let of = StepName::new(of);
            let of_keys = RunKeys::new(&self.ctx.root, self.run).step(&of, list.generation);
            for file in inputs::listed_files(self.ctx, &of_keys, &list.files_digest).await? {
                upstream.insert(scratch_name(file.uri.as_str()).to_owned(), (of.clone(), list.generation, file.item));
            }
        }
        let whole = tables.map(|(tables, _)| tables.whole).unwrap_or_default();
        Ok(Made { keys, items, plan, whole, upstream })
    }

    async fn item(&self, program: &Program, step: &Made, item: ItemIndex) -> Result<MadeBy, HandlerError> {
        let (keys, missing) =
            (&step.keys, || HandlerError::corrupt(format!("item {item} of {} is gone", step.keys.step)));
        let receipt = inspect::receipt(self.ctx, keys, item).await?.ok_or_else(missing)?;
        let work = step.items.iter().find(|work| work.item == item).ok_or_else(missing)?;
        let pins = records::load::<Pins>(&*self.ctx.store, &keys.pins(receipt.epoch)).await?.map(|(pins, _)| pins);
        let read = |files: &[InputFile], table: Option<&String>| {
            let mut files = files.to_vec();
            if let Some(pins) = &pins {
                pins.apply(&mut files);
            }
            let read = |file: InputFile| read_of(self.ctx, step, file, table);
            files.into_iter().map(read).collect::<Vec<Read>>()
        };
        let mut reads = read(&work.inputs, None);
        for (name, files) in work.tables.iter().chain(&step.whole) {
            reads.extend(read(files, Some(name)));
        }
        Ok(self.made(program, step, work, &receipt, reads))
    }

    fn made(&self, program: &Program, step: &Made, work: &WorkItem, receipt: &Receipt, reads: Vec<Read>) -> MadeBy {
        let name = &step.plan.step;
        let is_present =
            self.lease.generations.get(name.as_str()).is_some_and(|g| g.generation == step.plan.generation);
        let transform = program.pipeline.step(name.as_str()).filter(|_| is_present).map(|step| match &step.transform {
            Transform::Sql { text, .. } => text.clone(),
            Transform::Function { name, .. } => name.clone(),
        });
        MadeBy {
            step: name.clone(),
            generation: step.plan.generation,
            item: work.item,
            partition: work.partition.clone(),
            transform,
            worker: step.plan.worker_version.clone(),
            worker_digest: receipt.worker_digest.clone(),
            committed_ms: receipt.committed_ms,
            reads,
        }
    }
}

/// What names a file of a step wherever the project is: it may have moved since the file was planned for.
fn scratch_name(file: &str) -> &str {
    file.rsplit_once("/scratch/").map_or(file, |(_, name)| name)
}

/// The file where it is now, should the project have moved.
fn read_of(ctx: &Ctx, step: &Made, mut file: InputFile, table: Option<&String>) -> Read {
    let made_by = step.upstream.get(scratch_name(file.uri.as_str())).map(|(name, _, item)| (name.clone(), *item));
    if made_by.is_none() {
        crate::pins::now_at(ctx, &step.plan, &mut file);
    }
    Read { file: file.uri.to_string(), etag: file.etag, bytes: file.bytes, table: table.cloned(), made_by }
}
