//! `diff`: how two results differ, row by row: two runs, or a run and what another program wrote. The comparison is a
//! pipeline that this program writes below a temporary directory and runs like any other; nothing of the two sides is
//! changed, and nothing is left behind.

mod outcome;
mod pairing;
mod program;
mod side;
mod table;

use crate::args::{DiffArgs, Global};
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use crate::inspect::Inspector;
use crate::worker::Worker;
use outcome::{Found, Repeated, difference};
use pairing::Pairing;
use program::{Options, STEPS, Source};
use serde_json::Value;
use side::Side;
use spotmill_core::item::PreviewReply;
use spotmill_spec::query::{QueryRequest, QueryTable};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

/// Rows of a preview: one a bucket, or the examples of each.
const MOST_ROWS: u64 = 1_000_000;

pub async fn run(global: &Global, args: &DiffArgs) -> Result<Code, Stop> {
    let inspector = Inspector::open(global).await?;
    let mut a = side::resolve(global, &inspector, args, &args.a).await?;
    let mut b = side::resolve(global, &inspector, args, &args.b).await?;
    side::typed_alike(&mut a, &mut b);
    comparable(args, [&a, &b])?;
    let key = key_of(args, [&a, &b]);
    let pairing = Pairing::new(&a.columns(), &b.columns(), &key, &args.ignore).map_err(Stop::usage)?;
    let worker = Worker::find(global, None)?;
    let directory = tempfile::Builder::new().prefix("spotmill-diff-").tempdir();
    let directory = directory.map_err(io("make a directory in", &std::env::temp_dir()))?;
    let options = Options {
        filter: args.filter.as_deref(),
        tolerance: args.tolerance,
        examples: args.sample,
        bytes: a.bytes() + b.bytes(),
    };
    let text = program::pipeline(&pairing, &source(&a), &source(&b), &options);
    let file = directory.path().join("pipeline.toml");
    std::fs::write(&file, text).map_err(io("write", &file))?;
    compare(directory.path(), &worker).await?;
    let found = read(directory.path(), &worker).await?;
    let found = difference((&a.name, &b.name), &pairing, &found, args.sample as usize)
        .map_err(|repeated| not_a_key(&key, &repeated))?;
    let code = if found.same { Code::Done } else { Code::ItemsFailed };
    match global.json {
        true => Event::Diff(Box::new(found)).print(),
        false => table::print(&found),
    }
    Ok(code)
}

fn source(side: &Side) -> Source<'_> {
    Source { folder: &side.folder, pattern: &side.pattern, read: &side.read }
}

/// Columns without a type are named: whoever is told that two results are the same takes it to be all of them.
fn comparable(args: &DiffArgs, sides: [&Side; 2]) -> Result<(), Stop> {
    for side in sides {
        if let Some(name) = side.untyped.iter().find(|name| !args.ignore.contains(name)) {
            return Err(Stop::usage(format!(
                "{}: the column `{name}` is nested or holds bytes and cannot be compared",
                side.name
            ))
            .remedy(format!("leave it out: --ignore {name}")));
        }
    }
    if !(args.tolerance >= 0.0 && args.tolerance < 1.0) {
        return Err(
            Stop::usage(format!("--tolerance {}: expected a share from 0 to 1", args.tolerance)).remedy("such as 1e-9")
        );
    }
    Ok(())
}

/// What was asked for, else what the pipeline says identifies a row of the step, where both sides have it and none of it
/// is to be ignored.
fn key_of(args: &DiffArgs, sides: [&Side; 2]) -> Vec<String> {
    if !args.key.is_empty() || args.whole_rows {
        return args.key.clone();
    }
    let unique = sides.iter().map(|side| &side.unique).find(|unique| !unique.is_empty());
    let has = |side: &Side, name: &String| side.columns().iter().any(|c| c.name == *name);
    let counts = |name: &String| !args.ignore.contains(name) && sides.iter().all(|side| has(side, name));
    unique.filter(|unique| unique.iter().all(counts)).cloned().unwrap_or_default()
}

fn not_a_key(key: &[String], repeated: &Repeated) -> Stop {
    let (side, times) = if repeated.0 > 0 { ("A", repeated.0) } else { ("B", repeated.1) };
    Stop::usage(format!(
        "{} does not identify a row: {times} values of it stand in more than one row of {side}",
        key.join(", ")
    ))
    .remedy("name more columns with --key, or compare whole rows: --whole-rows")
}

/// Runs the comparison with this program.
async fn compare(directory: &Path, worker: &Worker) -> Result<(), Stop> {
    let program = std::env::current_exe().map_err(io("find", Path::new("this program")))?;
    let mut command = tokio::process::Command::new(&program);
    command.arg("-C").arg(directory).args(["run", "--json", "--no-input", "--worker"]).arg(&worker.program);
    command.env_remove("SPOTMILL_STATE").env_remove("SPOTMILL_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(io("start", &program))?;
    let output = tokio::select! {
        output = child.wait_with_output() => output.map_err(io("wait for", &program))?,
        () = super::run::signalled() => return Err(Stop::new(Code::Interrupted, "stopped; nothing was changed")),
    };
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let events: Vec<Value> = printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let cause = cause(&events).unwrap_or_else(|| String::from_utf8_lossy(&output.stderr).trim().to_owned());
    // 1 means that the two differ.
    Err(Stop::usage(format!("the two cannot be compared: {cause}")))
}

/// Why a run ended, by its events: what is wrong with the query, else with a row, else with the run.
fn cause(events: &[Value]) -> Option<String> {
    let places =
        [("problem", "/problem/title"), ("item_failed", "/message"), ("run_ended", "/cause"), ("error", "/message")];
    let text = |(name, place): (&str, &str)| {
        let named = events.iter().rev().filter(|event| event["event"] == *name);
        named.filter_map(|event| event.pointer(place)?.as_str()).map(str::to_owned).next()
    };
    places.into_iter().find_map(text)
}

async fn read(directory: &Path, worker: &Worker) -> Result<Found, Stop> {
    let mut all = Vec::new();
    for step in STEPS {
        all.push(published(directory, &directory.join("out").join(step).join("1"), worker).await?);
    }
    let mut all = all.into_iter();
    let mut next = || all.next().flatten();
    Ok(Found { matched: next(), missing: next(), examples_a: next(), examples_b: next() })
}

/// All that a step published, numbers with all their digits.
async fn published(tmp: &Path, directory: &Path, worker: &Worker) -> Result<Option<PreviewReply>, Stop> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(None) };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path().to_string_lossy().into_owned()));
    let mut files: Vec<String> = paths.filter(|path| path.ends_with(".parquet")).collect();
    files.sort();
    if files.is_empty() {
        return Ok(None);
    }
    let tables = BTreeMap::from([("found".to_owned(), QueryTable { files, read: None })]);
    let request = QueryRequest { sql: "SELECT * FROM found".to_owned(), tables, output: None, limit: Some(MOST_ROWS) };
    let done = worker.query(&request, tmp).await?.done();
    let done = done.map_err(|why| Stop::usage(format!("what was found cannot be read: {why}")))?;
    Ok(Some(PreviewReply { columns: done.columns, rows: done.preview.unwrap_or_default(), total_rows: done.rows }))
}
