//! `test`: does the steps of a pipeline on the rows of its tests, each in a process of the pipeline's own worker, and
//! compares what they make with what is expected. It needs no run and commits nothing; with `--update` and `--from` it
//! writes files of tests, and nothing else.

mod bench;
mod find;
mod from;
mod print;
mod trial;
mod update;

use crate::args::{Global, TestArgs};
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::project::Project;
use crate::ui::format::plural;
use crate::worker::Worker;
use bench::{Bench, Done};
use find::Tests;
use std::time::Instant;

pub async fn run(global: &Global, args: &TestArgs) -> Result<Code, Stop> {
    let project = Project::open(global)?;
    if let [run, step, item] = args.from.as_slice() {
        return from::run(global, &project, &from::Asked { run, step, item, rows: args.rows }).await;
    }
    let tests = find::find(global, &project)?;
    if tests.cases.is_empty() {
        print::none(global, &project);
        return Ok(Code::Done);
    }
    let tests = tests.chosen(&args.names, args.step.as_deref(), &project)?;
    let worker = Worker::find(global, project.pipeline().worker_crate.as_deref())?;
    let outcome = tried(global, &project, &worker, &tests).await?;
    let failed: Vec<&Done> = outcome.iter().filter(|done| !done.findings.is_empty()).collect();
    if args.update {
        return update::update(global, &project, &tests, &failed);
    }
    Ok(if failed.is_empty() { Code::Done } else { Code::ItemsFailed })
}

/// Tries every test of the project, for commands that go on only if all pass. How many there are.
pub async fn all(global: &Global, project: &Project, worker: &Worker) -> Result<usize, Stop> {
    let tests = find::find(global, project)?;
    if tests.cases.is_empty() {
        return Ok(0);
    }
    let outcome = tried(global, project, worker, &tests).await?;
    match outcome.iter().filter(|done| !done.findings.is_empty()).count() {
        0 => Ok(outcome.len()),
        failed => Err(Stop::failed(format!("{failed} of {} failed", plural(outcome.len() as u64, "test")))),
    }
}

/// Does the tests and prints each, and what they came to.
async fn tried(global: &Global, project: &Project, worker: &Worker, tests: &Tests) -> Result<Vec<Done>, Stop> {
    let since = Instant::now();
    let bench = Bench::new(global, project, worker, &tests.sources).await?;
    let trying = async {
        let ready = bench.ready(&tests.cases).await?;
        bench.tried(ready).await
    };
    let outcome = tokio::select! {
        outcome = trying => outcome?,
        () = super::run::signalled() => return Err(Stop::new(Code::Interrupted, "stopped; nothing was written")),
    };
    let failed = outcome.iter().filter(|done| !done.findings.is_empty()).count();
    let (passed, wall_ms) = (outcome.len() - failed, since.elapsed().as_millis() as u64);
    match global.json {
        true => {
            outcome.iter().for_each(|done| print::event(done).print());
            Event::TestsEnded { passed, failed, wall_ms }.print();
        }
        false => print::all(global, &outcome, wall_ms),
    }
    Ok(outcome)
}
