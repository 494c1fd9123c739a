//! `sql`: runs one query over files, at once, by the pipeline's worker and with a pipeline's semantics. It reads the
//! files that the command line names and no others, and writes nothing but the output it is asked for.

mod input;
mod output;
mod tables;

pub use tables::{columns, one_kind};

use crate::args::{Global, SqlArgs};
use crate::exit::{Code, Stop, io};
use crate::project;
use crate::worker::Worker;
use input::Text;
use output::Wanted;
use spotmill_spec::query::{self, Given, QueryDone, QueryFailed, QueryReply, QueryRequest};
use spotmill_spec::{self as spec, Problem, Sources};
use std::path::Path;

pub async fn run(global: &Global, args: &SqlArgs) -> Result<Code, Stop> {
    let wanted = Wanted::new(global, args)?;
    let params = input::params(&args.params)?;
    let tables = tables::tables(args).await?;
    let Text { name, sql } = input::text(args)?;
    let sources = query::sources(&name, &sql);
    let pipeline = std::fs::read_to_string(project::PIPELINE_FILE).ok();
    let given = Given { tables: tables.keys().cloned().collect(), params, beside_pipeline: pipeline.is_some() };
    let bound = query::bound(&sources, &given).map_err(|problems| refused(&problems, &sources, global))?;
    input::all_used(&sql, &given.params)?;
    // A pipeline that is wrong elsewhere may be why somebody tries a query.
    let worker_crate = pipeline.and_then(|toml| spec::worker_crate(&toml));
    let worker = Worker::find(global, worker_crate.as_deref())?;
    let place = wanted.place()?;
    let request = QueryRequest { sql: bound, tables, output: place.output(), limit: wanted.limit() };
    let done = answered(&ask(&worker, &request).await?, &sources, &request.sql, global)?;
    output::give(global, &wanted, &place, &done)
}

/// The reply, unless somebody ends this program first: then the worker and its copies are gone when this returns.
async fn ask(worker: &Worker, request: &QueryRequest) -> Result<QueryReply, Stop> {
    let copies = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
    tokio::select! {
        reply = worker.query(request, copies.path()) => reply,
        () = super::run::signalled() => Err(Stop::new(Code::Interrupted, "stopped; nothing was written")),
    }
}

fn answered(reply: &QueryReply, sources: &Sources, sent: &str, global: &Global) -> Result<QueryDone, Stop> {
    match reply {
        QueryReply::Ok(done) => Ok(done.clone()),
        QueryReply::Refused(why) => Err(refused(&query::refused(sources, sent, why), sources, global)),
        QueryReply::Failed(failed) => Err(explained(failed)),
        QueryReply::Panic(text) => {
            Err(Stop::failed(format!("the worker panicked: {text}")).remedy("this is a bug, of the worker or of ours"))
        }
    }
}

/// A remedy that is a key of a pipeline is an option on the command line.
fn explained(failed: &QueryFailed) -> Stop {
    let stop = Stop::failed(failed.message.clone());
    match &failed.remedy {
        Some(key) if key.contains("on_bad_rows") => {
            stop.remedy("fix the file, or say what it holds: --columns NAME=\"a int64, b string\", --null-value TEXT")
        }
        Some(remedy) => stop.remedy(remedy.clone()),
        None => stop,
    }
}

fn refused(problems: &[Problem], sources: &Sources, global: &Global) -> Stop {
    project::print_problems(problems, sources, global);
    let count = crate::ui::format::plural(problems.len() as u64, "problem");
    let stop = Stop::new(Code::Invalid, format!("{count} in the query; nothing was run"));
    match sources.toml.trim() {
        file if Path::new(file).is_file() => stop.remedy(format!("to run what is in a file, write @{file}")),
        _ => stop,
    }
}
