//! `validate`: ask the worker to run every step on zero rows, against the schema of its real inputs, and place what it
//! says in the user's files.

use crate::args::Global;
use crate::exit::{Code, Stop};
use crate::project::{self, Project};
use crate::worker::Worker;
use spotmill_core::item::{CheckInput, CheckReply, CheckRequest, CheckStep, ITEM_VERSION};
use spotmill_core::listing::PathPattern;
use spotmill_core::model::{Read, Source, Step};
use spotmill_core::spec;
use spotmill_lambdas::Program;
use spotmill_platform::local::store::LocalStore;
use spotmill_platform::ports::Store;
use std::collections::BTreeMap;

/// The reply, when every step passes; otherwise the problems are printed.
pub async fn check(
    project: &Project,
    program: &Program,
    worker: &Worker,
    store: &LocalStore,
    global: &Global,
) -> Result<CheckReply, Stop> {
    let mut steps = Vec::new();
    for step in &project.pipeline().steps {
        steps.push(check_step(program, step, store).await?);
    }
    let reply = worker.check(&CheckRequest { v: ITEM_VERSION, steps })?;
    let problems = spec::check_problems(&project.parsed, &reply);
    if problems.is_empty() { Ok(reply) } else { Err(project::invalid(&problems, &project.sources, global)) }
}

async fn check_step(program: &Program, step: &Step, store: &LocalStore) -> Result<CheckStep, Stop> {
    let bound = program.bind(step).map_err(|e| Stop::new(Code::Invalid, e.cause))?;
    let mut tables = BTreeMap::new();
    for (name, table) in &bound.tables {
        tables.insert(name.clone(), check_input(&table.source, &table.read, store).await?);
    }
    Ok(CheckStep {
        name: bound.name,
        input: check_input(&bound.input.source, &bound.input.read, store).await?,
        alias: bound.input.alias,
        tables,
        transform: bound.transform,
        params: program.params.clone(),
        layout: bound.output.layout,
        sort_by: bound.output.sort_by.into_iter().map(|k| k.column).collect(),
        expect: bound.expect,
    })
}

/// What is known of an input's columns: declared, made by a step, or in the first file that matches.
async fn check_input(source: &Source, read: &Read, store: &LocalStore) -> Result<CheckInput, Stop> {
    let path = match source {
        Source::Step { step, .. } => return Ok(CheckInput::Step(step.clone())),
        Source::Path(_) if !read.columns.is_empty() => return Ok(CheckInput::Columns(read.columns.clone())),
        Source::Path(path) => path,
    };
    let pattern = PathPattern::new(path).map_err(|e| Stop::new(Code::Invalid, e))?;
    let listed = store.list(&pattern.prefix).await;
    let listed = listed.map_err(|e| Stop::new(Code::Invalid, format!("cannot list {path}: {e}")))?;
    match listed.into_iter().find(|object| pattern.matches(&object.uri)) {
        Some(object) => Ok(CheckInput::Sample { uri: object.uri, read: read.clone() }),
        None => Err(Stop::new(Code::Invalid, format!("no file matches {path}, so its columns are not known"))
            .remedy("give the key (--date …) of a run whose input is there, or declare `columns`")),
    }
}
