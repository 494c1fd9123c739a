//! `validate`, `schema` and `functions`: what one asks while writing a pipeline.

use crate::args::{Global, KeyArgs};
use crate::check;
use crate::exit::{Code, Stop};
use crate::look;
use crate::project::{self, Project};
use crate::worker::Worker;
use spotmill_core::item::CheckedStep;
use spotmill_core::spec;
use spotmill_core::types::Column;
use std::path::Path;

pub async fn validate(global: &Global, key: &KeyArgs) -> Result<Code, Stop> {
    let project = Project::open(global)?;
    let steps = outputs(&project, global, key).await?;
    if global.json {
        say!("{}", serde_json::json!({"v": 1, "event": "valid", "steps": steps_json(&steps)}));
        return Ok(Code::Done);
    }
    say!("✓ {}: {} steps", project.pipeline().name, steps.len());
    for (name, columns) in &steps {
        say!("  {name} makes {}", describe(columns));
    }
    Ok(Code::Done)
}

pub async fn schema(global: &Global, what: Option<&str>, pipeline: bool) -> Result<Code, Stop> {
    if pipeline {
        let text = serde_json::to_string_pretty(&spec::json_schema()).unwrap_or_default();
        say!("{text}");
        return Ok(Code::Done);
    }
    let what = what.unwrap_or_default();
    if Path::new(what).exists() {
        let worker = any_worker(global)?;
        return worker.pass_through(&["schema", what]);
    }
    let project = Project::open(global)?;
    if project.pipeline().step(what).is_none() {
        let names: Vec<_> = project.pipeline().steps.iter().map(|s| s.name.as_str()).collect();
        return Err(Stop::usage(format!("`{what}` is neither a file nor a step; steps: {}", names.join(", "))));
    }
    let steps = outputs(&project, global, &KeyArgs::default()).await?;
    if let Some((_, columns)) = steps.iter().find(|(name, _)| name == what) {
        say!("columns = [");
        columns.iter().for_each(|c| say!("  \"{} {}\",", c.name, c.ty));
        say!("]");
    }
    Ok(Code::Done)
}

pub fn functions(name: Option<&str>, markdown: bool, global: &Global) -> Result<Code, Stop> {
    let mut args = vec!["functions"];
    args.extend(name);
    args.extend(global.json.then_some("--json"));
    args.extend(markdown.then_some("--markdown"));
    any_worker(global)?.pass_through(&args)
}

/// The pipeline's worker, or the stock one where there is no pipeline.
fn any_worker(global: &Global) -> Result<Worker, Stop> {
    if Path::new(project::PIPELINE_FILE).exists() {
        let project = Project::open(global)?;
        return Worker::find(project.pipeline().worker_crate.as_deref(), global.quiet);
    }
    Worker::find(None, global.quiet)
}

async fn outputs(project: &Project, global: &Global, key: &KeyArgs) -> Result<Vec<(String, Vec<Column>)>, Stop> {
    let worker = Worker::find(project.pipeline().worker_crate.as_deref(), global.quiet)?;
    let frozen = spec::freeze(project.pipeline());
    let input = project::sample_input(project, global, key);
    let program = super::run::program(&frozen, &input, global)?;
    let reply = check::check(project, &program, &worker, look::store(global).await?.into(), global).await?;
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

fn steps_json(steps: &[(String, Vec<Column>)]) -> serde_json::Value {
    steps.iter().map(|(name, columns)| serde_json::json!({"step": name, "columns": columns})).collect()
}
