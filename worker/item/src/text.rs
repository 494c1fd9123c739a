//! CSV and NDJSON files: which columns stand where, the row check over all of them, and the scan of what is left.

use crate::failure::{Outcome, Remedy, bad_data, engine_failure, failure};
use crate::loaded::{Room, Used, empty, with_constants};
use crate::mapped::Mapped;
use crate::scan;
use crate::types::to_engine;
use crate::wanted::Wanted;
use polars::prelude::{DataType, Expr, Field, LazyFrame, PlSmallStr, Schema, UnionArgs, col, concat, lit};
use spotmill_core::item::{FailureClass, ItemFailure, RejectedRow};
use spotmill_core::model::{Extra, Format, OnBadRows, Read, RowCheck};
use spotmill_core::types::{Column, ColumnType};
use spotmill_text::chunks::Chunk;
use spotmill_text::copy::FILLER;
use spotmill_text::csv::{CsvRows, FileColumns};
use spotmill_text::field::Check;
use spotmill_text::header::{Layout, layout};
use spotmill_text::infer::Sample;
use spotmill_text::ndjson::{JsonField, JsonRows};
use spotmill_text::reader::Reading;
use spotmill_text::rule::Rule;
use spotmill_text::source::Source;
use spotmill_text::{Checked, Sink, grammar, printable};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How an input's text files are read.
pub struct Text<'a> {
    read: &'a Read,
    reading: Reading<'a>,
    columns: Vec<Column>,
    /// Of each column of CSV.
    rules: Vec<Rule>,
    /// Of each column of NDJSON.
    fields: Vec<JsonField>,
    /// Which columns' values are checked.
    used: Used,
    /// The engine reads a copy in our own form.
    translates: bool,
}

/// One file, checked.
pub struct TextFile {
    /// The file that holds the accepted rows.
    pub read: PathBuf,
    text: Mapped,
    chunks: Vec<Chunk>,
    pub layout: Arc<Layout>,
    /// Values of the columns in the path.
    hive: Vec<Expr>,
    pub rows: u64,
    pub rejected: u64,
    pub rejects: Option<PathBuf>,
    pub first: Vec<RejectedRow>,
}

fn invalid(message: String) -> ItemFailure {
    failure(FailureClass::BadData, message)
}

impl<'a> Text<'a> {
    pub fn new(read: &'a Read, used: &Used) -> Outcome<Self> {
        let reading = grammar(read).map_err(invalid)?;
        let nulls = read.fields.values().filter_map(|rules| rules.null_values.as_ref()).flatten();
        if let Some(value) = read.null_values.iter().chain(nulls).find(|v| v.contains(['"', '\n', '\r'])) {
            return Err(invalid(format!("the null value {value:?} holds a quote or a line end")));
        }
        let columns = read.columns.clone();
        let rules = columns.iter().map(|c| Rule::new(read, c)).collect::<Result<Vec<_>, _>>().map_err(invalid)?;
        let field = |(column, rule): (&Column, &Rule)| JsonField::new(read, &column.name, rule.check.clone());
        let fields = match read.format == Format::Ndjson {
            true => columns.iter().zip(&rules).map(field).collect::<Result<_, _>>().map_err(invalid)?,
            false => Vec::new(),
        };
        let translates = rules.iter().any(|rule| rule.rewrites) || reading.grammar.escape.is_some();
        let used = if read.row_check == RowCheck::All { Used::All } else { used.clone() };
        Ok(Self { read, reading, columns, rules, fields, used, translates })
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Checks all files, a few at a time; the result is in their order.
    pub fn check_all(&self, paths: &[PathBuf], room: &Room<'_>) -> Outcome<Vec<TextFile>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = paths.get(i) else { return done };
                let outcome = self.check_one(i, path, room);
                let failed = outcome.is_err();
                done.push((i, outcome));
                if failed {
                    next.store(paths.len(), Ordering::Relaxed);
                }
            }
        };
        let threads = room.threads.clamp(1, paths.len().max(1));
        let mut all = if threads == 1 {
            work()
        } else {
            std::thread::scope(|scope| {
                let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                handles.into_iter().flat_map(|h| h.join().unwrap_or_default()).collect()
            })
        };
        all.sort_by_key(|(i, _)| *i);
        let files: Vec<TextFile> = all.into_iter().map(|(_, f)| f).collect::<Outcome<_>>()?;
        if files.len() != paths.len() {
            return Err(failure(FailureClass::Crash, "a thread of the row check ended without a result"));
        }
        Ok(files)
    }

    fn check_one(&self, index: usize, path: &Path, room: &Room<'_>) -> Outcome<TextFile> {
        let copy = room.tmp.join(format!("{}-{index}.csv", room.name));
        let fails = self.read.on_bad_rows == OnBadRows::Fail;
        let mut sink = Sink::new(fails, room.tmp.join(format!("{}-{index}.rejects", room.name)));
        let hive = crate::hive::values(path, &self.read.hive)?;
        let mut source = Source::open(path, self.read)?;
        let (found, layout) = if self.read.format == Format::Ndjson {
            let rows =
                JsonRows { fields: &self.fields, no_others: self.read.extra == Extra::Fail, in_path: &self.read.hive };
            (rows.check(path, &mut source, copy, &mut sink)?, layout(path, self.read, &self.columns, None)?)
        } else {
            let columns = |header| self.file_columns(path, header);
            let (header, translates) = (self.read.header, self.translates);
            let rows = CsvRows { reading: self.reading, header, columns: &columns, translates };
            rows.check(path, &mut source, copy, &mut sink)?
        };
        let layout = Arc::new(layout);
        if fails && let Some(row) = sink.first.first() {
            return Err(bad_rows(row, found.rejected));
        }
        let text = Mapped::open(&found.read)?;
        let first = std::mem::take(&mut sink.first);
        let rejects = sink.finish()?;
        let Checked { read, chunks, rows, rejected } = found;
        Ok(TextFile { read, text, chunks, layout, hive, rows, rejected, rejects, first })
    }

    /// The columns of a file, in its order.
    fn file_columns(&self, path: &Path, header: Option<Vec<String>>) -> Outcome<FileColumns> {
        let layout = layout(path, self.read, &self.columns, header)?;
        let rule = |name: &String| match self.columns.iter().position(|c| c.name == *name) {
            Some(at) if self.used.has(name) => self.rules[at].clone(),
            _ => Rule::passed(self.read),
        };
        let rules = layout.names.iter().map(rule).collect();
        Ok(FileColumns { layout, rules })
    }

    /// The accepted rows of the files, typed.
    pub fn scan(&self, files: &[TextFile], wanted: &Wanted) -> Outcome<LazyFrame> {
        let as_failure = |e: polars::prelude::PolarsError| engine_failure(&e, "reading text files");
        let full: Vec<&TextFile> = files.iter().filter(|f| f.rows > 0).collect();
        let mut parts = Vec::new();
        for group in full.chunk_by(|a, b| a.layout == b.layout && a.hive == b.hive) {
            parts.push(self.scan_group(group, wanted).map_err(as_failure)?);
        }
        match parts.len() {
            0 => Ok(empty(&[&self.columns[..], &self.read.hive].concat())),
            1 => Ok(parts.remove(0)),
            _ => concat(parts, UnionArgs { rechunk: false, ..Default::default() }).map_err(as_failure),
        }
    }

    fn scan_group(&self, files: &[&TextFile], wanted: &Wanted) -> polars::prelude::PolarsResult<LazyFrame> {
        let ours = self.translates || self.read.format == Format::Ndjson;
        let layout = &files[0].layout;
        let text = |name: &str| self.columns.iter().find(|c| c.name == name).map_or(DataType::String, as_text);
        let mut schema: Schema = layout.names.iter().map(|n| Field::new(n.as_str().into(), text(n))).collect();
        if ours && schema.len() == 1 {
            schema.with_column(FILLER.into(), DataType::String);
        }
        let rows = scan::Files {
            files: files.iter().map(|f| (f.read.clone(), f.text.clone(), f.chunks.clone())).collect(),
            schema: Arc::new(schema),
            separator: if ours { b',' } else { self.reading.grammar.separator },
            nulls: if ours { Vec::new() } else { self.null_values() },
        };
        let is_missing = |column: &Column| layout.missing.contains(&column.name);
        let null = |c: &Column| lit(polars::prelude::NULL).cast(to_engine(c.ty)).alias(c.name.as_str());
        let nulls = self.columns.iter().filter(|c| is_missing(c)).map(null);
        let constants = nulls.chain(files[0].hive.iter().cloned()).collect();
        let typed = self.columns.iter().zip(&self.rules).map(|(column, rule)| match is_missing(column) {
            true => col(column.name.as_str()),
            false => typed(column, &rule.check),
        });
        let columns = typed.chain(self.read.hive.iter().map(|c| col(c.name.as_str()))).collect();
        Ok(with_constants(scan::scan(rows, wanted)?, columns, constants))
    }

    fn null_values(&self) -> Vec<PlSmallStr> {
        self.read.null_values.iter().filter(|v| !v.is_empty()).map(|v| v.as_str().into()).collect()
    }
}

/// How files are read for which nothing is declared.
pub fn found(read: &Read, paths: &[PathBuf]) -> Outcome<Read> {
    let mut sample = Sample::new(read);
    for path in paths {
        sample.see(path, &mut Source::open(path, read)?)?;
    }
    sample.read()
}

/// What the engine reads a column's text as.
fn as_text(column: &Column) -> DataType {
    match column.ty {
        ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc => DataType::String,
        ty => to_engine(ty),
    }
}

fn typed(column: &Column, check: &Check) -> Expr {
    let out = scan::parsed(&column.name);
    match check {
        Check::Time(temporal) => crate::temporal::parsed(out, temporal.clone(), to_engine(column.ty)),
        _ => out,
    }
}

fn bad_rows(row: &RejectedRow, count: u64) -> ItemFailure {
    let column = row.column.as_ref().map(|c| format!(", column `{c}`")).unwrap_or_default();
    let others = match count {
        0 | 1 => String::new(),
        n => format!(" ({n} bad rows in this file)"),
    };
    let raw = printable(&spotmill_text::shorten(&row.raw, 200));
    let message = format!("{} line {}{column}: {}{others}: {raw}", row.file, row.line, printable(&row.reason));
    bad_data(&row.file, message).remedy("fix the file or the declared columns, or set `on_bad_rows = \"reject\"`")
}
