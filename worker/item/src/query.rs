//! One query over files, with a pipeline's own semantics: tables are read as a step's inputs are, every row of text
//! checked; the SQL runs on the streaming engine; a file is written under another name and renamed when it is whole.
//! A query leaves nothing behind but its output, and no panic leaves this module.

use crate::below::Below;
use crate::counter::Counter;
use crate::failure::{Outcome, cannot_write, engine_failure, first_lines, transform};
use crate::functions::Functions;
use crate::item::{lone_null, star_leaves_out};
use crate::loaded::{Room, unpinned, vocabulary};
use crate::read::load;
use crate::shown::shown;
use crate::suspects::named;
use crate::{panics, sql, types, write};
use polars::prelude::{AnyValue, DataFrame, Engine, IntoLazy, LazyFrame, OptFlags, PolarsError, PolarsResult};
use spotmill_core::endings;
use spotmill_core::format::clip;
use spotmill_core::ids::Uri;
use spotmill_core::item::InputFile;
use spotmill_core::model::{Format, Output};
use spotmill_core::nearest::nearest;
use spotmill_core::types::Column;
use spotmill_spec::query::{QueryDone, QueryRefused, QueryReply, QueryRequest, QueryTable, read_of};
use spotmill_spec::sql as core_sql;
use spotmill_sql::refusal::Kind;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Characters of a list of columns in a hint.
const HINT_CHARS: usize = 200;

type Answer<T> = Result<T, QueryReply>;

/// The reply to a line of JSON; never panics.
pub fn answer(line: &[u8], functions: &Functions) -> QueryReply {
    match serde_json::from_slice(line) {
        Ok(request) => run(&request, functions),
        Err(e) => QueryReply::failed(format!("the request is no query: {e}")),
    }
}

/// The reply to a request; never panics.
pub fn run(request: &QueryRequest, functions: &Functions) -> QueryReply {
    panics::take();
    let done = catch_unwind(AssertUnwindSafe(|| query(request, functions)));
    match done {
        Ok(Ok(done)) => QueryReply::Ok(done),
        Ok(Err(reply)) => reply,
        Err(payload) => QueryReply::Panic(match panics::take() {
            Some((place, text)) => format!("{text} ({place})"),
            None => panics::text(&*payload),
        }),
    }
}

fn query(request: &QueryRequest, functions: &Functions) -> Answer<QueryDone> {
    let tmp = Below::new(&std::env::temp_dir(), "spotmill-sql")?;
    let (mut tables, mut sources, mut suspects) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (i, (name, table)) in request.tables.iter().enumerate() {
        let in_tmp = format!("table{i}");
        let loaded = load(&files(name, table)?, &read(name, table)?, &Room::new(&tmp.0, &in_tmp, threads()))?;
        if !loaded.left_out.is_empty() && core_sql::star(&request.sql).is_some() {
            let hint = Some("name the columns that you want".to_owned());
            let message = star_leaves_out(name, &loaded.left_out);
            return Err(QueryReply::Refused(QueryRefused {
                hint,
                ..pointed(&request.sql, message, core_sql::star(&request.sql))
            }));
        }
        if loaded.columns.is_empty() {
            return Err(QueryReply::failed(format!("the table `{name}` has no columns: {} is empty", table.files[0])));
        }
        tables.insert(name.clone(), loaded.frame);
        suspects.extend(loaded.suspects);
        sources.extend(loaded.wanted.map(|wanted| (name.clone(), wanted)));
    }
    let sql::Prepared { mut frame, mut reads, origins: _ } = planned(&request.sql, &tables, functions)?;
    let schema = frame.collect_schema().map_err(|e| refusal(&request.sql, &e))?;
    let (columns, casts, left_out) = vocabulary(&schema);
    if let Some(name) = left_out.first() {
        let ty = schema.get(name).map(types::word).unwrap_or_default();
        let message = format!("the column `{name}` is {ty}, which no file of a pipeline holds");
        let hint = Some("CAST it, or leave it out".to_owned());
        let place = core_sql::identifiers(&request.sql, name).pop().or_else(|| core_sql::first_word(&request.sql));
        return Err(QueryReply::Refused(QueryRefused { hint, ..pointed(&request.sql, message, place) }));
    }
    let frame = frame.select(casts);
    for (name, wanted) in sources {
        wanted.narrow(reads.remove(&name).unwrap_or_default());
    }
    Ok(done(request, frame, columns).map_err(|e| named(e, &suspects))?)
}

/// The only function that depends on how the SQL front end refuses.
fn planned(text: &str, tables: &BTreeMap<String, LazyFrame>, functions: &Functions) -> Answer<sql::Prepared> {
    sql::prepare(text, tables, functions).map_err(|e| match e {
        sql::SqlError::Engine(error) => refusal(text, &error),
        sql::SqlError::Refused(refused) => QueryReply::Refused(QueryRefused {
            hint: hint(text, &refused.kind, functions),
            ..pointed(text, refused.message, place(text, &refused.kind, refused.span, refused.subject.as_deref()))
        }),
    })
}

/// The engine gives no place: the query begins at its first word.
fn refusal(text: &str, error: &PolarsError) -> QueryReply {
    QueryReply::Refused(pointed(text, first_lines(error), core_sql::first_word(text)))
}

/// Where the planner points, or where the name stands that its message is about.
fn place(text: &str, kind: &Kind, span: Option<Range<usize>>, subject: Option<&str>) -> Option<Range<usize>> {
    let calls = |name: &str| core_sql::functions(text).into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    let named = |subject: &str| match kind {
        Kind::UnknownFunction { .. } => calls(subject).map(|(_, span)| span),
        Kind::DuplicateColumn { .. } => core_sql::identifiers(text, subject).pop().or_else(|| core_sql::star(text)),
        _ => core_sql::identifiers(text, subject).into_iter().next().or_else(|| calls(subject).map(|(_, span)| span)),
    };
    let found = span.filter(|span| !span.is_empty()).or_else(|| named(subject?));
    found.or_else(|| core_sql::first_word(text))
}

fn pointed(text: &str, message: String, place: Option<Range<usize>>) -> QueryRefused {
    let Some(span) = place else { return QueryRefused { message, ..Default::default() } };
    let (line, column) = core_sql::Lines::new(text).location(span.start);
    QueryRefused { message, line: Some(line), column: Some(column), hint: None }
}

/// What to write instead.
fn hint(text: &str, kind: &Kind, functions: &Functions) -> Option<String> {
    match kind {
        Kind::UnknownColumn { column, available } => Some(core_sql::bare(column).unwrap_or_else(|| {
            match nearest(column, available.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if available.is_empty() => "no column can stand here: write a literal or pass a param".to_owned(),
                None => format!("columns: {}", clip(&available.join(", "), HINT_CHARS)),
            }
        })),
        Kind::UnknownFunction { function } => {
            let all: Vec<String> = functions.about().functions.into_iter().map(|f| f.name).collect();
            let first = core_sql::first_column(text, function);
            Some(format!("{}; all: `spotmill functions`", core_sql::hint(function, first.as_deref(), &all)))
        }
        Kind::DuplicateColumn { .. } => Some("give one of them another name with AS".to_owned()),
        Kind::Type | Kind::Other => None,
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn files(name: &str, table: &QueryTable) -> Answer<Vec<InputFile>> {
    if table.files.is_empty() {
        return Err(QueryReply::failed(format!("the table `{name}` has no files")));
    }
    Ok(table.files.iter().map(|path| unpinned(Uri::new(path))).collect())
}

fn read(name: &str, table: &QueryTable) -> Answer<spotmill_core::model::Read> {
    let by_ending = || table.files.first().and_then(|file| read_of(file));
    let unknown = || QueryReply::failed(format!("the table `{name}`: a file ends in {}", endings::LIST));
    table.read.clone().or_else(by_ending).ok_or_else(unknown)
}

fn done(request: &QueryRequest, frame: LazyFrame, columns: Vec<Column>) -> Outcome<QueryDone> {
    let failed = |e| engine_failure(&e, "the query");
    let (frame, total) = match request.limit {
        Some(limit) => {
            let (first, total) = first(frame, limit).map_err(failed)?;
            (first.lazy(), Some(total))
        }
        None => (frame, None),
    };
    if let Some(output) = &request.output {
        let written = written(frame, &columns, Path::new(output))?;
        return Ok(QueryDone { rows: total.unwrap_or(written), columns, preview: None });
    }
    let df = frame.collect_with_engine(Engine::Streaming).map_err(failed)?.unwrap_single();
    let rows = total.unwrap_or(df.height() as u64);
    Ok(QueryDone { rows, preview: Some(cells(&df).map_err(failed)?), columns })
}

/// The first rows, and how many there are in all. Each batch is cut as it streams by, so that what is kept is bounded
/// by the limit and the number of batches.
fn first(frame: LazyFrame, limit: u64) -> PolarsResult<(DataFrame, u64)> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let counter = Counter::default();
    let cut = move |df: DataFrame| Ok(df.head(Some(limit)));
    let cut = counter.count(frame).map(cut, OptFlags::STREAMING, None, Some("first rows of each batch"));
    let df = cut.collect_with_engine(Engine::Streaming)?.unwrap_single();
    Ok((df.head(Some(limit)), counter.get()))
}

/// How many rows were written.
fn written(frame: LazyFrame, columns: &[Column], output: &Path) -> Outcome<u64> {
    let parent = output.parent().unwrap_or(Path::new("/"));
    let name = output.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let layout = layout(&name)?;
    let beside = Below::new(parent, &format!(".{name}"))?;
    let written = write::write(frame, &types::schema(columns), &layout, &beside.0)?;
    if written.lone_null {
        return Err(lone_null(columns));
    }
    let whole = beside.0.join(&written.files[0].path);
    fs::rename(&whole, output).map_err(|e| cannot_write(output, &e))?;
    Ok(written.rows)
}

fn layout(name: &str) -> Outcome<Output> {
    match Path::new(name).extension().and_then(|e| e.to_str()) {
        Some("parquet") => Ok(Output::single(Format::Parquet)),
        Some("csv") => Ok(Output::single(Format::Csv)),
        Some("tsv") => Ok(Output { tabs: true, ..Output::single(Format::Csv) }),
        Some("ndjson") => Ok(Output::single(Format::Ndjson)),
        _ => Err(transform(format!("{name}: an output ends in .parquet, .csv, .tsv or .ndjson"))),
    }
}

/// Rows of texts.
fn cells(df: &DataFrame) -> PolarsResult<Vec<Vec<Option<String>>>> {
    let mut rows = vec![Vec::with_capacity(df.width()); df.height()];
    for column in df.columns() {
        for (i, row) in rows.iter_mut().enumerate() {
            row.push(cell(&column.get(i)?));
        }
    }
    Ok(rows)
}

/// Numbers with all their digits.
fn cell(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        AnyValue::Float32(v) => Some(format!("{v:?}")),
        AnyValue::Float64(v) => Some(format!("{v:?}")),
        other => Some(shown(other)),
    }
}
