//! `validate`, `schema` and `functions`: the commands for writing a pipeline.

use crate::args::{Global, KeyArgs};
use crate::check;
use crate::event::{self, Event, StepColumns};
use crate::exit::{Code, Stop};
use crate::inspect;
use crate::project::{self, Project};
use crate::worker::Worker;
use spotmill_core::format::instead;
use spotmill_core::item::CheckedStep;
use spotmill_core::nearest::nearest;
use spotmill_core::types::Column;
use spotmill_spec as spec;
use std::path::Path;

pub async fn validate(global: &Global, key: &KeyArgs, tests: bool) -> Result<Code, Stop> {
    let project = Project::open(global)?;
    let worker = Worker::find(global, project.pipeline().worker_crate.as_deref())?;
    let steps = outputs(&project, &worker, global, key).await?;
    if global.json {
        let steps = steps.into_iter().map(|(step, columns)| StepColumns { step, columns }).collect();
        Event::Valid { steps }.print();
    } else {
        say!("✓ {}: {} steps", project.pipeline().name, steps.len());
        for (name, columns) in &steps {
            say!("  {name} makes {}", describe(columns));
        }
    }
    if tests && super::test::all(global, &project, &worker).await? == 0 && !global.json {
        say!("  there are no tests: {} tells how to write one", global.command("test"));
    }
    Ok(Code::Done)
}

pub async fn schema(global: &Global, what: Option<&str>, pipeline: bool, events: bool) -> Result<Code, Stop> {
    if pipeline || events {
        let schema = if events { event::json_schema() } else { spec::json_schema() };
        let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        say!("{text}");
        return Ok(Code::Done);
    }
    let what = what.unwrap_or_default();
    let path = Path::new(what);
    if path.is_file() {
        return of_file(global, what);
    }
    if path.exists() {
        return Err(Stop::usage(format!("{what} is no file")).remedy("name one of the files in it"));
    }
    let Some(project) = Project::find() else { return Err(no_file(global, what)) };
    if project.pipeline().step(what).is_none() {
        let names: Vec<_> = project.pipeline().steps.iter().map(|s| s.name.as_str()).collect();
        return Err(match what.contains(['/', '.']) {
            true => no_file(global, what),
            false => Stop::usage(format!("`{what}` is neither a file nor a step; {}", instead(what, "steps", &names))),
        });
    }
    let worker = Worker::find(global, project.pipeline().worker_crate.as_deref())?;
    let steps = outputs(&project, &worker, global, &KeyArgs::default()).await?;
    if let Some((_, columns)) = steps.iter().find(|(name, _)| name == what) {
        if global.json {
            Event::Columns { columns: columns.clone() }.print();
            return Ok(Code::Done);
        }
        say!("columns = [");
        columns.iter().for_each(|c| say!("  \"{} {}\",", c.name, c.ty));
        say!("]");
    }
    Ok(Code::Done)
}

fn of_file(global: &Global, file: &str) -> Result<Code, Stop> {
    let worker = any_worker(global)?;
    if global.json {
        Event::Columns { columns: worker.preview(&[file.to_owned()], 1)?.columns }.print();
        return Ok(Code::Done);
    }
    worker.pass_through(&["schema", file])
}

/// With the nearest name in the same folder.
fn no_file(global: &Global, what: &str) -> Stop {
    let path = Path::new(what);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stop = Stop::usage(format!("there is no file {what} in {}", global.directory.display()));
    let Ok(there) = std::fs::read_dir(folder) else {
        return stop.remedy(format!("there is no directory {} either; paths are relative to -C", folder.display()));
    };
    let names: Vec<String> = there.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => stop.remedy(format!("did you mean {}?", path.with_file_name(near).display())),
        None => stop.remedy("paths are relative to -C, or to this directory"),
    }
}

pub fn functions(name: Option<&str>, markdown: bool, global: &Global) -> Result<Code, Stop> {
    let mut args = vec!["functions"];
    args.extend(name);
    args.extend(markdown.then_some("--markdown"));
    let worker = any_worker(global)?;
    if !global.json {
        return worker.pass_through(&args);
    }
    let (functions, transforms) = match name {
        Some(name) => (vec![worker.function(name)?], Vec::new()),
        None => worker.about().map(|about| (about.functions, about.transforms))?,
    };
    Event::Functions { functions, transforms }.print();
    Ok(Code::Done)
}

/// The pipeline's worker, or the stock one where there is no pipeline.
fn any_worker(global: &Global) -> Result<Worker, Stop> {
    if Path::new(project::PIPELINE_FILE).exists() {
        let project = Project::open(global)?;
        return Worker::find(global, project.pipeline().worker_crate.as_deref());
    }
    Worker::find(global, None)
}

async fn outputs(
    project: &Project,
    worker: &Worker,
    global: &Global,
    key: &KeyArgs,
) -> Result<Vec<(String, Vec<Column>)>, Stop> {
    let frozen = spec::freeze(project.pipeline());
    let input = project::sample_input(project, global, key);
    let program = super::run::program(&frozen, &input, global)?;
    let reply = check::check(project, &program, worker, inspect::store(global).await?.into(), global).await?;
    let names = project.pipeline().steps.iter().map(|s| s.name.clone());
    let made = names.zip(reply.steps).filter_map(|(name, step)| match step {
        CheckedStep::Ok { output, .. } => Some((name, output)),
        CheckedStep::Failed(_) | CheckedStep::Skipped => None,
    });
    Ok(made.collect())
}

fn describe(columns: &[Column]) -> String {
    columns.iter().map(|c| format!("{} {}", c.name, c.ty)).collect::<Vec<_>>().join(", ")
}
