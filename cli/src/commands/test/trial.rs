//! One test in the worker: the item in a process of its own, as a supervisor would start it, and its rows read back through
//! `sql`. What the worker says of the test's own tables makes the test invalid; all else is the step's.

use crate::exit::{Stop, io};
use crate::worker::{Limits, Worker};
use spotmill_cases::{Case, MOST_ROWS, Made, Ran};
use spotmill_core::item::{FailureClass, ItemFailure, ItemOutcome, ItemReport, ItemSpec, RejectedRow};
use spotmill_core::model::Read;
use spotmill_spec::query::{QueryReply, QueryRequest, QueryTable};
use spotmill_spec::sql::quoted_name;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes of a child's own words that a message repeats.
const LAST_WORDS: usize = 600;

/// A test that is ready to be done.
pub struct Trial {
    pub case: Case,
    pub spec: ItemSpec,
    /// The step whose partitions it reads one at a time, and their columns.
    pub partition: Option<(String, Vec<String>)>,
    pub timeout_secs: u64,
    /// The input is files that the step reads as its own.
    pub raw: bool,
    pub home: PathBuf,
}

pub enum Answer {
    Ran(Box<Ran>),
    /// The test itself is wrong; in words.
    Invalid(String),
}

pub async fn tried(worker: &Worker, trial: &Trial) -> Result<Answer, Stop> {
    if let Some(message) = of_many(worker, trial).await? {
        return Ok(Answer::Invalid(message));
    }
    let (spec_file, outcome_file) = (trial.home.join("spec.json"), trial.home.join("outcome.json"));
    let text = serde_json::to_vec(&trial.spec).map_err(|e| Stop::failed(e.to_string()))?;
    std::fs::write(&spec_file, text).map_err(io("write", &spec_file))?;
    let limits = Limits { threads: trial.spec.threads, secs: trial.timeout_secs, bytes: trial.spec.memory_bytes };
    let ended = worker.item(&spec_file, &outcome_file, &limits).await?;
    let outcome = std::fs::read(&outcome_file).ok().and_then(|b| serde_json::from_slice::<ItemOutcome>(&b).ok());
    let ran = match outcome {
        Some(ItemOutcome::Done(report)) => made(worker, trial, report).await?,
        Some(ItemOutcome::Failed(failure)) => match of_test(trial, &failure) {
            Some(message) => return Ok(Answer::Invalid(message)),
            None => Ran::Failed(failure),
        },
        None => Ran::Broke(broke(&ended.how, &ended.stderr)),
    };
    Ok(Answer::Ran(Box::new(ran)))
}

fn broke(how: &str, stderr: &str) -> String {
    let words = stderr.trim();
    let from = words.char_indices().rev().nth(LAST_WORDS).map_or(0, |(at, _)| at);
    match words.is_empty() {
        true => format!("the worker ended without an outcome: {how}"),
        false => format!("the worker ended without an outcome: {how}; its last words: {}", &words[from..]),
    }
}

/// What is wrong with a table of the test, if that is why the item failed.
fn of_test(trial: &Trial, failure: &ItemFailure) -> Option<String> {
    if failure.class != FailureClass::BadData {
        return None;
    }
    let tables = trial.spec.tables.values().flat_map(|table| &table.files);
    let input = trial.spec.inputs.iter().filter(|_| !trial.raw);
    let own = tables.chain(input).find(|file| {
        let path = file.uri.as_str();
        failure.file.as_deref() == Some(path) || failure.message.contains(path)
    })?;
    // Its name says which table it is.
    let name = Path::new(own.uri.as_str()).file_name()?.to_string_lossy().into_owned();
    let shown = match own.uri.as_str().starts_with(trial.home.to_string_lossy().as_ref()) {
        true => name.trim_end_matches(".csv").to_owned(),
        false => name,
    };
    Some(failure.message.replace(own.uri.as_str(), &shown))
}

/// A run gives an item one partition: rows of two would be put together here as they never are.
async fn of_many(worker: &Worker, trial: &Trial) -> Result<Option<String>, Stop> {
    let Some((upstream, by)) = trial.partition.as_ref().filter(|_| !trial.spec.inputs.is_empty()) else {
        return Ok(None);
    };
    let names: Vec<String> = by.iter().map(|name| quoted_name(name)).collect();
    let sql = format!("SELECT DISTINCT {} FROM given", names.join(", "));
    let files = trial.spec.inputs.iter().map(|file| file.uri.to_string()).collect();
    let table = QueryTable { files, read: Some(trial.spec.read.clone()) };
    let request =
        QueryRequest { sql, tables: BTreeMap::from([("given".to_owned(), table)]), output: None, limit: Some(2) };
    match worker.query(&request, &trial.home.join("tmp")).await? {
        // The item meets the same.
        QueryReply::Failed(_) => Ok(None),
        reply => {
            let done =
                reply.done().map_err(|why| Stop::failed(format!("the partitions cannot be told apart: {why}")))?;
            Ok((done.rows > 1).then(|| {
                format!(
                    "an item of `{}` is one partition of `{upstream}`, and these rows are of {} ({}): write a test for each",
                    trial.case.step,
                    done.rows,
                    by.join(", ")
                )
            }))
        }
    }
}

/// The rows that the item wrote, in the order of its files.
async fn made(worker: &Worker, trial: &Trial, report: ItemReport) -> Result<Ran, Stop> {
    let scratch = Path::new(trial.spec.scratch.as_str());
    let rejected = match &report.rejects {
        Some(file) => rejected(&scratch.join(&file.path))?,
        None => Vec::new(),
    };
    let mut made = Made {
        columns: report.columns,
        rows: Vec::new(),
        total: report.rows.written,
        rejected,
        violations: report.violations,
        warn_only: trial.spec.expect.warn_only,
    };
    let files: Vec<String> =
        report.files.iter().map(|f| scratch.join(&f.path).to_string_lossy().into_owned()).collect();
    if files.is_empty() {
        return Ok(Ran::Made(made));
    }
    let output = &trial.spec.output;
    let read = Read {
        columns: made.columns.clone(),
        header: output.header,
        delimiter: output.delimiter(),
        ..Read::of(output.format)
    };
    let table = QueryTable { files, read: Some(read) };
    let request = QueryRequest {
        sql: "SELECT * FROM made".to_owned(),
        tables: BTreeMap::from([("made".to_owned(), table)]),
        output: None,
        limit: Some(MOST_ROWS),
    };
    let reply = worker.query(&request, &trial.home.join("tmp")).await?;
    let done = reply
        .done()
        .map_err(|why| Stop::failed(format!("test `{}`: what the step made cannot be read: {why}", trial.case.name)))?;
    if !done.columns.iter().map(|c| &c.name).eq(made.columns.iter().map(|c| &c.name)) {
        let names: Vec<&str> = done.columns.iter().map(|c| c.name.as_str()).collect();
        return Err(Stop::failed(format!("what `{}` made has other columns: {}", trial.case.step, names.join(", "))));
    }
    made.rows = done.preview.unwrap_or_default();
    Ok(Ran::Made(made))
}

fn rejected(path: &Path) -> Result<Vec<RejectedRow>, Stop> {
    let text = std::fs::read_to_string(path).map_err(io("read", path))?;
    let row = |line: &str| serde_json::from_str(line).map_err(|e| Stop::failed(format!("{}: {e}", path.display())));
    text.lines().map(row).collect()
}
