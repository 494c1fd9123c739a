//! CSV and NDJSON files: which columns stand where, the row check over all of them, and the scan of what is left.

use crate::failure::{Outcome, Remedy, bad_data, engine_failure, failure};
use crate::mapped::Mapped;
use crate::read::{Room, Used, empty, with_constants};
use crate::scan;
use crate::types::to_engine;
use crate::wanted::Wanted;
use polars::prelude::{DataType, Expr, Field, LazyFrame, PlSmallStr, Schema, UnionArgs, col, concat, lit};
use spotmill_core::item::{FailureClass, ItemFailure, RejectedRow};
use spotmill_core::model::{Extra, Format, OnBadRows, Read, RowCheck};
use spotmill_core::types::{Column, ColumnType};
use spotmill_text::chunks::Chunk;
use spotmill_text::copy::FILLER;
use spotmill_text::csv::CsvRows;
use spotmill_text::header::{Layout, header, layout};
use spotmill_text::infer::Sample;
use spotmill_text::ndjson::{JsonField, JsonRows};
use spotmill_text::reader::Reading;
use spotmill_text::rule::Rule;
use spotmill_text::source::Source;
use spotmill_text::temporal::Temporal;
use spotmill_text::{Checked, Sink, grammar, printable};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How an input's text files are read.
pub struct Text<'a> {
    read: &'a Read,
    reading: Reading<'a>,
    columns: Vec<Column>,
    temporals: Vec<Option<Temporal>>,
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
        let temporal = |c: &Column| Temporal::new(c, &read.rules(&c.name));
        let temporals = columns.iter().map(temporal).collect::<Result<_, _>>().map_err(invalid)?;
        let mut rules = columns.iter().map(|c| Rule::new(read, c));
        let rewrites = rules.try_fold(false, |any, rule| Ok(any | rule?.rewrites)).map_err(invalid)?;
        let translates = rewrites || reading.grammar.escape.is_some();
        let used = if read.row_check == RowCheck::All { Used::All } else { used.clone() };
        Ok(Self { read, reading, columns, temporals, used, translates })
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
        let layout = Arc::new(self.layout(path)?);
        let hive = crate::hive::values(path, &self.read.hive)?;
        let mut source = Source::open(path, self.read)?;
        let found = if self.read.format == Format::Ndjson {
            let fields = self.json_fields().map_err(invalid)?;
            JsonRows { fields: &fields, no_others: self.read.extra == Extra::Fail }.check(
                path,
                &mut source,
                copy,
                &mut sink,
            )?
        } else {
            let rules = self.rules(&layout).map_err(invalid)?;
            let rows = CsvRows {
                reading: self.reading,
                header: self.read.header,
                names: &layout.names,
                rules: &rules,
                titles: &layout.titles,
                translates: self.translates,
            };
            rows.check(path, &mut source, copy, &mut sink)?
        };
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
    pub fn layout(&self, path: &Path) -> Outcome<Layout> {
        let header = match self.read.format == Format::Csv && self.read.header {
            true => header(path, &mut Source::open(path, self.read)?, self.reading)?,
            false => None,
        };
        layout(path, self.read, &self.columns, header)
    }

    fn rules(&self, layout: &Layout) -> Result<Vec<Rule>, String> {
        let rule = |name: &String| match self.columns.iter().find(|c| c.name == *name) {
            Some(column) if self.used.has(name) => Rule::new(self.read, column),
            _ => Ok(Rule::passed(self.read)),
        };
        layout.names.iter().map(rule).collect()
    }

    fn json_fields(&self) -> Result<Vec<JsonField>, String> {
        let field = |c: &Column| {
            let check = spotmill_text::field::Check::new(c, &self.read.rules(&c.name))?;
            JsonField::new(self.read, &c.name, check)
        };
        self.columns.iter().map(field).collect()
    }

    /// The accepted rows of the files, typed.
    pub fn scan(&self, files: &[TextFile], wanted: &Wanted) -> Outcome<LazyFrame> {
        let told = |e: polars::prelude::PolarsError| engine_failure(&e, "reading text files");
        let full: Vec<&TextFile> = files.iter().filter(|f| f.rows > 0).collect();
        let mut parts = Vec::new();
        for group in full.chunk_by(|a, b| a.layout == b.layout && a.hive == b.hive) {
            parts.push(self.scan_group(group, wanted).map_err(told)?);
        }
        match parts.len() {
            0 => Ok(empty(&[&self.columns[..], &self.read.hive].concat())),
            1 => Ok(parts.remove(0)),
            _ => concat(parts, UnionArgs { rechunk: false, ..Default::default() }).map_err(told),
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
        let typed = self.columns.iter().zip(&self.temporals).map(|(column, temporal)| match is_missing(column) {
            true => col(column.name.as_str()),
            false => typed(column, temporal.as_ref()),
        });
        let columns = typed.chain(self.read.hive.iter().map(|c| col(c.name.as_str()))).collect();
        Ok(with_constants(scan::scan(rows, wanted)?, columns, constants))
    }

    fn null_values(&self) -> Vec<PlSmallStr> {
        self.read.null_values.iter().filter(|v| !v.is_empty()).map(|v| v.as_str().into()).collect()
    }
}

/// How files are read that nothing is declared of.
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

fn typed(column: &Column, temporal: Option<&Temporal>) -> Expr {
    let out = scan::parsed(&column.name);
    match temporal {
        Some(temporal) => crate::temporal::parsed(out, temporal.clone(), to_engine(column.ty)),
        None => out,
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
