//! The lineage events of a run: loads what `spotmill_report` makes them of, and at a run's end writes them beside its report.
//! They inform, and nothing depends on them. The file is always written whole: who is killed on the way leaves the one before,
//! and the next end, or `spotmill lineage --send`, makes them anew from the same records.

use crate::attempts::{self, each_item};
use crate::{Ctx, HandlerError, Program, foreseen, lease};
use spotmill_core::ids::{RunId, StepName, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::{Source, Step};
use spotmill_core::records::{
    Foreseen, GlueTable, Lease, Manifest, Plan, PlanTables, RunReport, Seal, StepReport, StepState,
};
use spotmill_core::types::{Column, Value};
use spotmill_platform::records;
use spotmill_report::openlineage::{
    Dataset, InputFacts, LineageEvent, OutputFacts, RunFacts, StepFacts, events, lines,
};
use std::collections::BTreeSet;

/// Items whose files are counted; of more, the number of files is left out.
const MOST_ITEMS: u32 = 10_000;

/// The events of a run, whose summary this is, as its records are now.
pub async fn compile(ctx: &Ctx, report: &RunReport) -> Result<Vec<LineageEvent>, HandlerError> {
    let run = &report.run;
    let lease = lease::load(ctx, run).await?;
    let program = lease::program(ctx, run, &lease).await?;
    let foreseen = foreseen::of_run(ctx, run, &lease).await;
    let loader = Loader { ctx, run, lease: &lease, program: &program, foreseen: &foreseen };
    let mut steps = Vec::new();
    for step in report.steps.iter().filter(|step| step.state != StepState::NotStarted) {
        steps.extend(loader.step(step).await?);
    }
    let date = program.pipeline.key.iter().find_map(|name| match program.params.get(name) {
        Some(Value::Date(date)) => Some(date.clone()),
        _ => None,
    });
    Ok(events(&RunFacts {
        namespace: ctx.settings.job_namespace.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pipeline: program.pipeline.name.clone(),
        worker: lease.worker.version.clone(),
        report: report.clone(),
        date,
        timezone: program.pipeline.schedule.as_ref().map(|schedule| schedule.timezone.clone()),
        started_ms: lease.started_ms,
        begun_ms: lease.renewed_ms.unwrap_or(lease.started_ms),
        generations: lease.generations.iter().map(|(step, of)| (step.clone(), of.generation)).collect(),
        steps,
    }))
}

/// Writes the events of a run that has ended.
pub async fn write(ctx: &Ctx, report: &RunReport) -> Result<(), HandlerError> {
    let text = lines(&compile(ctx, report).await?).map_err(|e| HandlerError::corrupt(e.to_string()))?;
    let at = RunKeys::new(&ctx.root, &report.run).lineage_events();
    Ok(ctx.store.put(&at, text.as_bytes()).await?)
}

/// The dataset that a step of the pipeline makes: where it publishes, or its own files.
pub fn made_by(ctx: &Ctx, program: &Program, step: &Step) -> Result<Dataset, HandlerError> {
    let (namespace, name) = match &step.output.destination {
        Some(template) => program.dataset(template)?,
        None => {
            let keys = RunKeys::new(&ctx.root, &program.run_id()).step(&StepName::new(&step.name), 1);
            spotmill_spec::dataset::located(keys.all_runs_scratch().as_str())
        }
    };
    Ok(Dataset { namespace, name })
}

/// The dataset that a source names.
pub fn read_from(ctx: &Ctx, program: &Program, source: &Source) -> Result<Dataset, HandlerError> {
    match source {
        Source::Path(template) => {
            let (namespace, name) = program.dataset(template)?;
            Ok(Dataset { namespace, name })
        }
        Source::Step { step, .. } => made_by(ctx, program, program.step(step)?),
    }
}

struct Loader<'a> {
    ctx: &'a Ctx,
    run: &'a RunId,
    lease: &'a Lease,
    program: &'a Program,
    foreseen: &'a Foreseen,
}

/// The records of a step's generation.
struct Planned<'a> {
    step: &'a Step,
    keys: StepKeys,
    plan: Plan,
    seal: Option<Seal>,
    tables: Option<PlanTables>,
}

impl Loader<'_> {
    /// Nothing of a step whose plan is gone.
    async fn step(&self, report: &StepReport) -> Result<Option<StepFacts>, HandlerError> {
        let (ctx, program) = (self.ctx, self.program);
        let step = program.step(report.step.as_str())?;
        let keys = self.keys(report.step.as_str(), report.generation);
        let Some(plan) = attempts::plan(ctx, &keys).await? else { return Ok(None) };
        let seal = self.record::<Seal>(keys.seal()).await?;
        let manifest = self.record::<Manifest>(keys.manifest()).await?;
        let tables = self.record::<PlanTables>(keys.tables()).await?;
        let output = OutputFacts {
            dataset: made_by(ctx, program, step)?,
            columns: seal.as_ref().map(|seal| seal.columns.clone()).unwrap_or_default(),
            sealed_ms: seal.as_ref().map(|seal| seal.sealed_ms),
            published_ms: manifest.as_ref().map(|manifest| manifest.published_ms),
            superseded: manifest.is_some_and(|manifest| manifest.superseded.is_some()),
            table: self.glue_table(step, &keys).await?,
        };
        let planned = Planned { step, keys, plan, seal, tables };
        let mut inputs = vec![self.input(&planned).await?];
        for name in step.tables.keys() {
            inputs.push(self.table(&planned, name).await?);
        }
        Ok(Some(StepFacts {
            // What was expected is on record with its params in place; a job's query has none.
            step: Step { transform: step.transform.clone(), ..program.bind(step)? },
            report: report.clone(),
            worker: planned.plan.worker_version.clone(),
            planned_ms: planned.plan.planned_ms,
            inputs,
            output,
            lineage: self.foreseen.steps.get(&step.name).and_then(|step| step.lineage.clone()),
        }))
    }

    fn keys(&self, step: &str, generation: u32) -> StepKeys {
        RunKeys::new(&self.ctx.root, self.run).step(&StepName::new(step), generation)
    }

    async fn record<T: serde::de::DeserializeOwned>(&self, at: Uri) -> Result<Option<T>, HandlerError> {
        Ok(records::load::<T>(&*self.ctx.store, &at).await?.map(|(record, _)| record))
    }

    /// The table that names what the step published, where it is known which one it is.
    async fn glue_table(&self, step: &Step, keys: &StepKeys) -> Result<Option<GlueTable>, HandlerError> {
        let Some(catalog) = &step.output.catalog else { return Ok(None) };
        let found = self.record::<GlueTable>(keys.glue_table()).await?;
        // Of a pipeline that names another by now, the old record says nothing.
        Ok(found.filter(|t| (&t.database, &t.table) == (&catalog.database, &catalog.table)))
    }

    async fn input(&self, of: &Planned<'_>) -> Result<InputFacts, HandlerError> {
        let input = &of.step.input;
        if let Source::Step { step, .. } = &input.source {
            return self.of_step(of, &input.alias, step).await;
        }
        let foreseen = || self.foreseen.steps.get(&of.step.name).map(|step| step.input.clone()).unwrap_or_default();
        Ok(InputFacts {
            alias: input.alias.clone(),
            dataset: read_from(self.ctx, self.program, &input.source)?,
            format: input.read.format,
            columns: or_else(of.plan.input_columns.clone(), foreseen),
            generation: None,
            table: None,
            rows: of.seal.as_ref().map(|seal| seal.rows.raw),
            bytes: Some(of.plan.input_bytes),
            files: self.files(of).await?,
        })
    }

    async fn table(&self, of: &Planned<'_>, name: &str) -> Result<InputFacts, HandlerError> {
        let table = &of.step.tables[name];
        if let Source::Step { step, .. } = &table.source {
            return self.of_step(of, name, step).await;
        }
        let foreseen = self.foreseen.steps.get(&of.step.name);
        let foreseen = || foreseen.and_then(|step| step.tables.get(name).cloned()).unwrap_or_default();
        let planned = of.tables.as_ref().and_then(|tables| tables.table_reads.get(name));
        let files: Option<&Vec<InputFile>> = of.tables.as_ref().and_then(|tables| tables.whole.get(name));
        Ok(InputFacts {
            alias: name.to_owned(),
            dataset: read_from(self.ctx, self.program, &table.source)?,
            format: table.read.format,
            columns: or_else(planned.map(|read| read.all_columns()).unwrap_or_default(), foreseen),
            generation: None,
            table: None,
            rows: None,
            bytes: files.map(|files| files.iter().map(|file| file.bytes).sum()),
            files: files.map(|files| files.len() as u64),
        })
    }

    /// What another step of the run made, in the generation that was read.
    async fn of_step(&self, of: &Planned<'_>, alias: &str, name: &str) -> Result<InputFacts, HandlerError> {
        let upstream = self.program.step(name)?;
        let read = of.plan.from.get(name).map(|list| list.generation);
        let generation = read.or_else(|| self.lease.generations.get(name).map(|g| g.generation)).unwrap_or(1);
        let keys = self.keys(name, generation);
        let seal = self.record::<Seal>(keys.seal()).await?;
        Ok(InputFacts {
            alias: alias.to_owned(),
            dataset: made_by(self.ctx, self.program, upstream)?,
            format: upstream.output.format,
            columns: seal.as_ref().map(|seal| seal.columns.clone()).unwrap_or_default(),
            generation: Some(generation),
            table: self.glue_table(upstream, &keys).await?,
            rows: seal.as_ref().map(|seal| seal.rows.written),
            bytes: seal.as_ref().map(|seal| seal.bytes),
            files: seal.map(|seal| seal.files),
        })
    }

    /// The different files that the items read.
    async fn files(&self, of: &Planned<'_>) -> Result<Option<u64>, HandlerError> {
        if of.plan.items > MOST_ITEMS {
            return Ok(None);
        }
        let mut files: BTreeSet<Uri> = BTreeSet::new();
        each_item(self.ctx, &of.keys, &of.plan, |item| files.extend(item.inputs.into_iter().map(|file| file.uri)))
            .await?;
        Ok(Some(files.len() as u64))
    }
}

fn or_else(columns: Vec<Column>, other: impl FnOnce() -> Vec<Column>) -> Vec<Column> {
    if columns.is_empty() { other() } else { columns }
}
