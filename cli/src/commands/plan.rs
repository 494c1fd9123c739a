//! `plan`: shows the work list of one key and why, and changes nothing; with `--fleet` the machines it would take.

use crate::args::{Global, KeyArgs};
use crate::check;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::project::{self, Project};
use crate::result::{indent, relative, table};
use crate::ui::format::{bytes, plural};
use crate::worker::Worker;
use spotmill_core::calls::RunInput;
use spotmill_core::model::Step;
use spotmill_core::records::{Foreseen, StepWait, WorkItem};
use spotmill_lambdas::preview::{StepPreview, Work, preview};
use spotmill_lambdas::{Ctx, Program};
use spotmill_spec as spec;
use std::sync::Arc;

/// Items listed one by one with -v.
const LISTED: usize = 50;

pub async fn run(global: &Global, key: &KeyArgs, fleet: bool, changed: bool) -> Result<Code, Stop> {
    #[cfg(not(feature = "aws"))]
    if fleet {
        return Err(crate::aws::absent());
    }
    let project = Project::open(global)?;
    let frozen = spec::freeze(project.pipeline());
    let input = RunInput { changed, ..project::run_input(&project.pipeline().name, global, key) };
    let worker = Worker::find(global, project.pipeline().worker_crate.as_deref())?;
    let inspector = Inspector::open(global).await?;
    let ctx = &inspector.ctx;
    let deployed = worker.deployed()?;
    let foreseen = foreseen(&project, &frozen, &input, &worker, ctx).await?;
    let steps = preview(ctx, frozen.as_bytes(), &deployed, &input, &foreseen).await.map_err(Stop::from)?;
    #[cfg(feature = "aws")]
    if fleet {
        super::plan_fleet::run(global, ctx, inspector.world(), project.pipeline(), &steps).await?;
        return Ok(Code::Done);
    }
    if global.json {
        steps.iter().for_each(|step| event(step).print());
        return Ok(Code::Done);
    }
    let mut shown = table(&["step", "items", "input", "bytes", "why"], &[1, 3]);
    for step in &steps {
        shown.add_row(row(step));
    }
    say!("{}", indent(&shown));
    if global.verbose > 0 {
        steps.iter().for_each(items);
    }
    Ok(Code::Done)
}

/// What a start's check would foresee of columns that are a contract with readers. What the check refuses, `validate` and a
/// start report.
pub async fn foreseen(
    project: &Project,
    frozen: &str,
    input: &RunInput,
    worker: &Worker,
    ctx: &Ctx,
) -> Result<Foreseen, Stop> {
    let pipeline = project.pipeline();
    let is_contract = |step: &Step| step.output.destination.is_some() && !step.output.schema_change_allowed;
    if !pipeline.steps.iter().any(is_contract) {
        return Ok(Foreseen::default());
    }
    let program = Program::new(frozen.as_bytes(), input, &ctx.settings).map_err(Stop::from)?;
    let reply = check::stated(project, &program, worker, Arc::clone(&ctx.store)).await;
    Ok(reply.map(|reply| spec::foreseen(pipeline, &program.params, &reply)).unwrap_or_default())
}

fn row(step: &StepPreview) -> [String; 5] {
    let generation = |why: &str| match &step.because {
        Some(because) => format!("{why} (generation {}: {because})", step.generation),
        None => why.to_owned(),
    };
    match &step.work {
        Work::Complete { items, changed, unchecked } => {
            let changed = changed.as_ref().map_or(String::new(), |what| format!("; with --changed: {what}"));
            let unchecked = unchecked.as_ref().map_or(String::new(), |what| {
                format!("; {what} changed: what is committed is checked again before anything counts")
            });
            let why = format!("all {items} committed and sealed{unchecked}{changed}");
            [step.step.clone(), "0".into(), String::new(), String::new(), why]
        }
        Work::Waits { upstream } => {
            let why = match step.awaited() {
                Some(input) => generation(&awaited(input)),
                None => generation(&format!("planned when {} is complete", upstream.join(" and "))),
            };
            [step.step.clone(), "?".into(), String::new(), String::new(), why]
        }
        Work::Items { items, committed, .. } => {
            let (files, size) = step.input();
            let ready = step.input.as_ref().map_or(String::new(), |input| format!("; input is there: {}", input.text));
            let why = match committed.len() {
                0 => generation(&format!("no receipt{ready}")),
                n => generation(&format!("no receipt; {n} of {} are committed", items.len())),
            };
            let todo = items.len() - committed.len();
            [step.step.clone(), todo.to_string(), plural(files as u64, "file"), bytes(size), why]
        }
    }
}

/// What a start would wait for, until when, and what follows.
fn awaited(input: &StepWait) -> String {
    let (text, then) = (&input.text, input.on_late.name());
    let up_to = spotmill_core::format::duration(input.up_to_secs);
    format!("waits for input: {text}; up to {up_to}, then `{then}`")
}

fn items(step: &StepPreview) {
    let Work::Items { items, committed, .. } = &step.work else { return };
    say!("\n  {}", step.step);
    for item in items.iter().take(LISTED) {
        let state = if committed.contains(&item.item) { "committed" } else { "to do" };
        say!("    {:>6}  {state:9}  {}", item.item, describe(item));
    }
    if items.len() > LISTED {
        say!("    … {} more", items.len() - LISTED);
    }
}

/// What an item reads, in a line.
pub fn describe(item: &WorkItem) -> String {
    let size = bytes(item.inputs.iter().map(|f| f.bytes).sum());
    let what = match (&item.partition, &item.value, item.inputs.as_slice()) {
        (Some(partition), _, files) if !partition.is_empty() => {
            format!("{partition}, {}", plural(files.len() as u64, "file"))
        }
        (_, Some(value), _) => format!("{} = {}", value.column, serde_json::json!(value.value)),
        (_, _, [file]) => relative(file.uri.as_str()),
        (_, _, files) => plural(files.len() as u64, "file"),
    };
    format!("{what}, {size}")
}

fn event(step: &StepPreview) -> Event {
    let (items, todo) = match &step.work {
        Work::Complete { items, .. } => (Some(*items as usize), Some(0)),
        Work::Items { items, committed, .. } => (Some(items.len()), Some(items.len() - committed.len())),
        Work::Waits { .. } => (None, None),
    };
    let (files, bytes) = step.input();
    let (because, generation) = (step.because.clone(), step.generation);
    let input = step.input.clone();
    Event::Planned { step: step.step.clone(), generation, because, items, todo, files, bytes, input }
}
