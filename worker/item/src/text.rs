//! CSV and NDJSON files: which columns stand where, the row check over all of them, and the scan of what is left.

use crate::failure::{Outcome, Remedy, bad_data, cannot_write, engine_failure, failure};
use crate::lines::{self, Cut, Mapped};
use crate::read::{Room, empty};
use crate::rows::csv::{CsvRows, Nulls};
use crate::rows::field::Check;
use crate::rows::ndjson::JsonRows;
use crate::rows::source::Source;
use crate::rows::split::Fields;
use crate::rows::temporal::Temporal;
use crate::rows::{self, Checked, NULL_MARK, Sink};
use crate::scan;
use crate::types::to_engine;
use crate::wanted::Wanted;
use polars::prelude::{DataType, Expr, Field, LazyFrame, Schema, UnionArgs, concat};
use spotmill_core::item::{FailureClass, ItemFailure, RejectedRow};
use spotmill_core::model::{Format, OnBadRows, Read, RowCheck};
use spotmill_core::types::{Column, ColumnType};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How an input's text files are read.
pub struct Text<'a> {
    read: &'a Read,
    separator: u8,
    nulls: Nulls,
    /// Declared, or found where nothing is declared.
    columns: Vec<Column>,
    temporals: Vec<Option<Temporal>>,
}

/// One file, checked.
pub struct TextFile {
    /// The file that holds the accepted rows.
    pub read: PathBuf,
    text: Mapped,
    /// Its rows, where they stand.
    cut: Cut,
    /// Columns in the order of the file.
    layout: Arc<Vec<String>>,
    pub rows: u64,
    pub rejected: u64,
    pub rejects: Option<PathBuf>,
    pub first: Vec<RejectedRow>,
}

fn invalid(message: String) -> ItemFailure {
    failure(FailureClass::BadData, message)
}

impl<'a> Text<'a> {
    pub fn new(read: &'a Read, paths: &[PathBuf]) -> Outcome<Self> {
        let separator = match u8::try_from(read.delimiter) {
            Ok(b) if b.is_ascii() && !matches!(b, b'"' | b'\n' | b'\r' | 0) => b,
            _ => return Err(invalid(format!("the delimiter {:?} is not one ASCII character", read.delimiter))),
        };
        if let Some(value) = read.null_values.iter().find(|v| v.contains(['"', '\n', '\r'])) {
            return Err(invalid(format!("the null value {value:?} holds a quote or a line end")));
        }
        let columns = match (read.columns.is_empty(), paths.first()) {
            (false, _) => read.columns.clone(),
            (true, None) => Vec::new(),
            (true, Some(first)) => crate::infer::columns(first, read)?,
        };
        let temporals = columns.iter().map(Temporal::new).collect::<Result<_, _>>().map_err(invalid)?;
        Ok(Self { read, separator, nulls: Nulls::new(&read.null_values), columns, temporals })
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn checks_rows(&self) -> bool {
        self.read.row_check == RowCheck::All
            || self.read.on_bad_rows == OnBadRows::Reject
            || self.read.format == Format::Ndjson
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
        if !self.checks_rows()
            && let Some(file) = self.unchecked(index, path, room)?
        {
            return Ok(file);
        }
        let mut source = Source::open(path, self.read.compression)?;
        let copy = room.tmp.join(format!("{}-{index}.csv", room.name));
        let fails = self.read.on_bad_rows == OnBadRows::Fail;
        let mut sink = Sink::new(fails, room.tmp.join(format!("{}-{index}.rejects", room.name)));
        let layout = Arc::new(self.layout(path)?);
        let checks = self.checks(&layout)?;
        let found = if self.read.format == Format::Ndjson {
            JsonRows { names: &layout, checks: &checks }.check(path, &mut source, copy, &mut sink)?
        } else {
            let rows = CsvRows {
                separator: self.separator,
                header: self.read.header,
                nulls: &self.nulls,
                names: &layout,
                checks: &checks,
            };
            rows.check(path, &mut source, copy, &mut sink)?
        };
        if fails && let Some(row) = sink.first.first() {
            return Err(bad_rows(row, found.rejected));
        }
        let text = Mapped::open(&found.read)?;
        let cut = lines::cut(text.bytes(), self.has_header());
        if found.rows != cut.lines() {
            let file = path.display().to_string();
            let message = format!("{} rows were checked in {file}, but it has {} lines", found.rows, cut.lines());
            return Err(bad_data(&file, message).remedy("is a quote in its header never closed?"));
        }
        let first = std::mem::take(&mut sink.first);
        let rejects = sink.finish()?;
        let Checked { read, rows, rejected } = found;
        Ok(TextFile { read, text, cut, layout, rows, rejected, rejects, first })
    }

    /// A file whose rows are left to the engine: nothing where its lines cannot be told without looking at its rows, or
    /// where the first of them is not as wide as declared, which a delivery of another kind shows first.
    fn unchecked(&self, index: usize, path: &Path, room: &Room<'_>) -> Outcome<Option<TextFile>> {
        let mut source = Source::open(path, self.read.compression)?;
        let read = unpacked(path, &mut source, room.tmp.join(format!("{}-{index}.csv", room.name)))?;
        let (layout, text) = (Arc::new(self.layout(path)?), Mapped::open(&read)?);
        let cut = lines::cut(text.bytes(), self.has_header());
        let first = || Fields::new(text.bytes(), self.separator, rows::start(text.bytes()), true).row();
        let as_wide = self.has_header() || cut.lines() == 0 || first().is_some_and(|row| row.len() == layout.len());
        if cut.open || !as_wide {
            return Ok(None);
        }
        let (rows, rejects, first) = (cut.lines(), None, Vec::new());
        Ok(Some(TextFile { read, text, cut, layout, rows, rejected: 0, rejects, first }))
    }

    /// The columns of a file, in its order.
    pub fn layout(&self, path: &Path) -> Outcome<Vec<String>> {
        let declared: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
        if self.read.format == Format::Ndjson || !self.read.header {
            return Ok(declared);
        }
        let Some(header) = crate::infer::header(path, self.read)? else { return Ok(declared) };
        for name in &declared {
            let times = header.iter().filter(|h| *h == name).count();
            if times != 1 {
                let file = path.display().to_string();
                let what = if times == 0 { "missing column" } else { "more than one column" };
                let message = format!("{what} `{name}` in the header of {file}");
                return Err(bad_data(&file, message).remedy(format!("its header: {}", header.join(", "))));
            }
        }
        // What is not declared is read past, under a name that nothing else has.
        let unique = |(i, h): (usize, String)| if declared.contains(&h) { h } else { format!("\u{1}{i}") };
        Ok(header.into_iter().enumerate().map(unique).collect())
    }

    fn checks(&self, layout: &[String]) -> Outcome<Vec<Check>> {
        let check = |name: &String| match self.columns.iter().find(|c| c.name == *name) {
            Some(column) => Check::new(column).map_err(invalid),
            None => Ok(Check::Text),
        };
        layout.iter().map(check).collect()
    }

    /// What is read has a header.
    fn has_header(&self) -> bool {
        self.read.header && self.read.format == Format::Csv
    }

    /// The accepted rows of the files, typed.
    pub fn scan(&self, files: &[TextFile], wanted: &Wanted) -> Outcome<LazyFrame> {
        let told = |e: polars::prelude::PolarsError| engine_failure(&e, "reading text files");
        let full: Vec<&TextFile> = files.iter().filter(|f| f.rows > 0).collect();
        let mut parts = Vec::new();
        for group in full.chunk_by(|a, b| a.layout == b.layout) {
            parts.push(self.scan_group(group, wanted).map_err(told)?);
        }
        match parts.len() {
            0 => Ok(empty(&self.columns)),
            1 => Ok(parts.remove(0)),
            _ => concat(parts, UnionArgs { rechunk: false, ..Default::default() }).map_err(told),
        }
    }

    fn scan_group(&self, files: &[&TextFile], wanted: &Wanted) -> polars::prelude::PolarsResult<LazyFrame> {
        let text = |name: &str| self.columns.iter().find(|c| c.name == name).map_or(DataType::String, as_text);
        let schema: Schema = files[0].layout.iter().map(|n| Field::new(n.as_str().into(), text(n))).collect();
        let json = self.read.format == Format::Ndjson;
        let files = scan::Files {
            files: files.iter().map(|f| (f.read.clone(), f.text.clone(), f.cut.chunks.clone())).collect(),
            schema: Arc::new(schema),
            separator: if json { b',' } else { self.separator },
            nulls: if json { vec![NULL_MARK.into()] } else { self.null_values() },
        };
        let columns: Vec<Expr> = self.columns.iter().zip(&self.temporals).map(|(c, t)| typed(c, t.as_ref())).collect();
        Ok(scan::scan(files, wanted)?.select(columns))
    }

    fn null_values(&self) -> Vec<polars::prelude::PlSmallStr> {
        self.read.null_values.iter().filter(|v| !v.is_empty()).map(|v| v.as_str().into()).collect()
    }
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

/// The file, or a copy that is not compressed.
fn unpacked(path: &Path, source: &mut Source, copy: PathBuf) -> Outcome<PathBuf> {
    if !source.compressed {
        return Ok(path.to_owned());
    }
    let mut out = std::fs::File::create(&copy).map_err(|e| cannot_write(&copy, &e))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = source.fill(&mut buffer)?;
        if n == 0 {
            return Ok(copy);
        }
        out.write_all(&buffer[..n]).map_err(|e| cannot_write(&copy, &e))?;
    }
}

fn bad_rows(row: &RejectedRow, count: u64) -> ItemFailure {
    let column = row.column.as_ref().map(|c| format!(", column `{c}`")).unwrap_or_default();
    let others = match count {
        0 | 1 => String::new(),
        n => format!(" ({n} bad rows in this file)"),
    };
    let raw = crate::rows::shorten(&row.raw, 200);
    let message = format!("{} line {}{column}: {}{others}: {raw}", row.file, row.line, row.reason);
    bad_data(&row.file, message).remedy("fix the file or the declared columns, or set `on_bad_rows = \"reject\"`")
}
