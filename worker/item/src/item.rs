//! One item, from its spec to its outcome: read, transform, write, read back, and report what happened in rows.

use crate::counter::rows_of;
use crate::failure::{Outcome, Remedy, cannot_read, cannot_write, engine_failure, failure, transform};
use crate::functions::{Functions, TransformContext};
use crate::loaded::{Loaded, Room, Used, empty, vocabulary};
use crate::pruning::Pruning;
use crate::read::load;
use crate::suspects::named;
use crate::wanted::Wanted;
use crate::{expect, panics, sql, usage, write};
use polars::prelude::{Expr, LazyFrame, col, lit};
use spotmill_core::item::{
    FailureClass, ITEM_VERSION, ItemFailure, ItemOutcome, ItemReport, ItemSpec, OutputFile, RejectedRow, RowCounts,
};
use spotmill_core::model::{Format, ItemValue, Read, RowCheck, RowsRule, Transform};
use spotmill_core::types::Column;
use spotmill_spec::sql::star;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Does the item; never panics.
pub fn run(spec: &ItemSpec, functions: &Functions) -> ItemOutcome {
    let since = Instant::now();
    let done = catch_unwind(AssertUnwindSafe(|| Item { spec, functions }.run()));
    match done {
        Ok(Ok(mut report)) => {
            report.usage = usage::usage(since);
            ItemOutcome::Done(report)
        }
        Ok(Err(failed)) => ItemOutcome::Failed(failed),
        Err(payload) => ItemOutcome::Failed(panicked(&panics::text(&*payload))),
    }
}

/// The failure of an item whose transform, or whose engine, panicked.
pub fn panicked(last: &str) -> ItemFailure {
    match panics::first() {
        Some((place, text)) => transform(format!("panicked at {place}: {text}")),
        None => transform(format!("panicked: {last}")),
    }
}

/// Whether any thread has panicked.
pub fn has_panicked() -> bool {
    panics::first().is_some()
}

struct Item<'a> {
    spec: &'a ItemSpec,
    functions: &'a Functions,
}

impl Item<'_> {
    fn run(&self) -> Outcome<ItemReport> {
        let spec = self.spec;
        self.same_version()?;
        if spec.scratch.is_s3() {
            let message = format!("this worker is built without S3: it cannot write {}", spec.scratch);
            return Err(failure(FailureClass::Infra, message));
        }
        let scratch = PathBuf::from(spec.scratch.as_str());
        let tmp = PathBuf::from(&spec.tmp);
        fs::create_dir_all(&tmp).map_err(|e| cannot_write(&tmp, &e))?;
        let threads = spec.threads as usize;
        let used = self.used()?;
        let (used_of_input, pruning) = (used.get(&spec.alias).cloned().unwrap_or_default(), self.pruning());
        let room = Room { used: used_of_input, pruning, ..Room::new(&tmp, "input", threads) };
        let mut input = load(&spec.inputs, &spec.read, &room)?;
        self.star_is_whole(&spec.alias, &input)?;
        let mut notes = std::mem::take(&mut input.notes);
        let mut suspects = std::mem::take(&mut input.suspects);
        let (mut tables, mut sources) = (BTreeMap::new(), Vec::new());
        sources.extend(input.wanted.take().map(|wanted| (spec.alias.clone(), wanted)));
        for (i, (name, table)) in spec.tables.iter().enumerate() {
            let in_tmp = format!("table{i}");
            let used = used.get(name).cloned().unwrap_or_default();
            let loaded = load(&table.files, &table.read, &Room { used, ..Room::new(&tmp, &in_tmp, threads) })?;
            self.star_is_whole(name, &loaded)?;
            if loaded.rejected > 0 {
                notes.push(format!("{} rows of the side table `{name}` were rejected", loaded.rejected));
            }
            notes.extend(loaded.notes.iter().map(|n| format!("side table `{name}`: {n}")));
            tables.insert(name.clone(), loaded.frame);
            suspects.extend(loaded.suspects);
            sources.extend(loaded.wanted.map(|wanted| (name.clone(), wanted)));
        }
        let rejects = self.rejects(&input, &scratch)?;
        let filtered = self.filtered(input.frame.clone(), &input.columns)?;
        let mut frame = self.transformed(filtered, tables, sources)?;
        let schema = frame.collect_schema().map_err(|e| engine_failure(&e, "the transform"))?;
        let (mut columns, mut casts, left_out) = vocabulary(&schema);
        if spec.output.destination.is_some() {
            published(&mut columns, &mut casts);
        }
        if !left_out.is_empty() {
            let message = format!("the output's column `{}` has a type that cannot be written", left_out[0]);
            return Err(transform(message).remedy("CAST it to a type of the vocabulary, or leave it out"));
        }
        let mut frame = frame.select(casts);
        let schema = crate::types::schema(&columns);
        let aside = tmp.join("expected.parquet");
        let is_aside = spec.output.format != Format::Parquet && !expect::is_nothing(&spec.expect);
        if is_aside {
            frame = write::aside(frame, &aside).map_err(|e| named(e, &suspects))?;
        }
        let written = write::write(frame, &schema, &spec.output, &scratch).map_err(|e| named(e, &suspects))?;
        self.rows_rule(&input, written.rows)?;
        let files: Vec<PathBuf> = match is_aside {
            true => vec![aside],
            false => written.files.iter().map(|f| scratch.join(&f.path)).collect(),
        };
        let violations = expect::violations(&spec.expect, &files, &columns, self.functions)?;
        if written.lone_null && (violations.is_empty() || spec.expect.warn_only) {
            return Err(lone_null(&columns));
        }
        notes.extend(input.first_rejects.iter().map(describe));
        Ok(ItemReport {
            v: ITEM_VERSION,
            rows: RowCounts {
                raw: input.rows + input.rejected,
                read: input.rows,
                rejected: input.rejected,
                written: written.rows,
            },
            files: written.files,
            rejects,
            columns,
            violations,
            notes,
            usage: Default::default(),
        })
    }

    fn same_version(&self) -> Outcome<()> {
        let (mine, planned) = (self.functions.full_version(), &self.spec.worker_version);
        if mine == *planned {
            return Ok(());
        }
        let message = format!("this worker is `{mine}`, but the step was planned for `{planned}`");
        Err(failure(FailureClass::WorkerVersion, message)
            .remedy("deploy one worker, then start the run again: a new version begins a new generation"))
    }

    /// Gathers the rejected rows of all input files, in order.
    fn rejects(&self, input: &Loaded, scratch: &Path) -> Outcome<Option<OutputFile>> {
        if input.rejects.is_empty() {
            return Ok(None);
        }
        let path = "rejects/rejects.ndjson";
        let whole = scratch.join(path);
        fs::create_dir_all(scratch.join("rejects")).map_err(|e| cannot_write(&whole, &e))?;
        let mut out = fs::File::create(&whole).map_err(|e| cannot_write(&whole, &e))?;
        let mut bytes = 0;
        for from in &input.rejects {
            let mut file = fs::File::open(from).map_err(|e| cannot_read(from, &e))?;
            bytes += std::io::copy(&mut file, &mut out).map_err(|e| cannot_write(&whole, &e))?;
        }
        Ok(Some(OutputFile {
            partition: "rejects".into(),
            part: 0,
            path: path.into(),
            rows: input.rejected,
            bytes,
            offset: None,
        }))
    }

    fn filtered(&self, frame: LazyFrame, columns: &[Column]) -> Outcome<LazyFrame> {
        let Some(filter) = &self.spec.value else { return Ok(frame) };
        if !columns.iter().any(|c| c.name == filter.column) {
            return Err(transform(format!("`values` names `{}`, which the input does not have", filter.column)));
        }
        let value = match &filter.value {
            ItemValue::Int(v) => lit(*v),
            ItemValue::Text(v) => lit(v.as_str()),
        };
        let ty = columns.iter().find(|c| c.name == filter.column).map(|c| crate::types::to_engine(c.ty));
        let value = match ty {
            Some(ty) => value.strict_cast(ty),
            None => value,
        };
        Ok(frame.filter(col(filter.column.as_str()).eq(value)))
    }

    /// The transform's rows. A query states what it reads of each source; a function may read anything.
    fn transformed(
        &self,
        input: LazyFrame,
        mut tables: BTreeMap<String, LazyFrame>,
        sources: Vec<(String, Wanted)>,
    ) -> Outcome<LazyFrame> {
        match &self.spec.transform {
            Transform::Sql { text, .. } => {
                tables.insert(self.spec.alias.clone(), input);
                let prepared = sql::prepare(text, &tables, self.functions)
                    .map_err(|e| engine_failure(&e.flat(), "the step's SQL"))?;
                let mut reads = prepared.reads;
                if let Some(filter) = &self.spec.value {
                    reads.entry(self.spec.alias.clone()).or_default().insert(filter.column.as_str().into());
                }
                for (name, wanted) in sources {
                    wanted.narrow(reads.remove(&name).unwrap_or_default());
                }
                Ok(prepared.frame)
            }
            Transform::Function { name, with } => {
                let Some(function) = self.functions.transforms.get(name) else {
                    return Err(transform(format!("this worker has no transform `{name}`")));
                };
                let context = TransformContext { input, tables, params: self.spec.params.clone(), with: with.clone() };
                function(context).map_err(|e| transform(format!("the transform `{name}`: {e}")))
            }
        }
    }

    fn rows_rule(&self, input: &Loaded, written: u64) -> Outcome<()> {
        let Some(rule) = self.spec.rows else { return Ok(()) };
        let given = match &self.spec.value {
            None => input.rows,
            Some(_) => {
                let frame = self.filtered(input.frame.clone(), &input.columns)?;
                rows_of(&frame).map_err(|e| engine_failure(&e, "counting the input's rows"))?
            }
        };
        let (holds, word, why) = match rule {
            RowsRule::Same => (written == given, "same", "a join that matches twice adds rows, a filter drops them"),
            RowsRule::Fewer => (written <= given, "fewer", "a join that matches twice adds rows"),
        };
        if holds {
            return Ok(());
        }
        Err(transform(format!("`rows = \"{word}\"` does not hold: {given} rows in, {written} out")).remedy(why))
    }

    /// What the query reads of each source, where values that it does not read are not checked.
    fn used(&self) -> Outcome<BTreeMap<String, Used>> {
        let spec = self.spec;
        let reads = [(&spec.alias, &spec.read)].into_iter().chain(spec.tables.iter().map(|(name, t)| (name, &t.read)));
        let declared: Vec<_> = reads.filter(|(_, read)| !read.columns.is_empty()).collect();
        let Transform::Sql { text, .. } = &spec.transform else { return Ok(BTreeMap::new()) };
        let all = 1 + spec.tables.len();
        if declared.len() < all || declared.iter().all(|(_, read)| read.row_check == RowCheck::All) {
            return Ok(BTreeMap::new());
        }
        let frame = |read: &Read| empty(&read.all_columns());
        let tables = declared.iter().map(|(name, read)| ((*name).clone(), frame(read))).collect();
        let prepared =
            sql::prepare(text, &tables, self.functions).map_err(|e| engine_failure(&e.flat(), "the step's SQL"))?;
        let mut used: BTreeMap<String, Used> =
            tables.into_keys().map(|name| (name, Used::Only(Default::default()))).collect();
        used.extend(prepared.reads.into_iter().map(|(name, columns)| (name, Used::Only(columns))));
        if let (Some(filter), Some(Used::Only(columns))) = (&spec.value, used.get_mut(&spec.alias)) {
            columns.insert(filter.column.as_str().into());
        }
        Ok(used)
    }

    /// By what the keys of paths decide that a file is not read. Rows of one value are counted as well: of every file.
    fn pruning(&self) -> Option<Pruning> {
        let spec = self.spec;
        let Transform::Sql { text, .. } = &spec.transform else { return None };
        let read = &spec.read;
        if read.hive.is_empty() || read.format != Format::Parquet || spec.value.is_some() {
            return None;
        }
        let reads = spec.tables.iter().map(|(name, table)| (name, &table.read)).chain([(&spec.alias, read)]);
        let columns = |read: &Read| Some(read.all_columns()).filter(|_| !read.columns.is_empty());
        let tables: Option<_> = reads.map(|(name, read)| Some((name.clone(), empty(&columns(read)?)))).collect();
        let keys = read.hive.iter().map(|key| key.name.clone()).collect();
        let query = sql::first_condition(text, &tables?, self.functions, (&spec.alias, &keys))?;
        Pruning::new(query, &spec.alias, &columns(read)?)
    }

    /// `SELECT *` means all columns: it is refused where some have no SQL type.
    fn star_is_whole(&self, name: &str, loaded: &Loaded) -> Outcome<()> {
        match &self.spec.transform {
            Transform::Sql { text, .. } if !loaded.left_out.is_empty() && star(text).is_some() => {
                Err(transform(star_leaves_out(name, &loaded.left_out)).remedy("name the columns that you want"))
            }
            _ => Ok(()),
        }
    }
}

/// What leaves the pipeline has types that every reader has.
fn published(columns: &mut [Column], casts: &mut [Expr]) {
    for (column, cast) in columns.iter_mut().zip(casts) {
        let ty = crate::types::published(column.ty);
        if ty != column.ty {
            column.ty = ty;
            *cast = cast.clone().strict_cast(crate::types::to_engine(ty));
        }
    }
}

/// In a CSV file of one column NULL is a blank line, and a blank line is no row.
pub fn lone_null(columns: &[Column]) -> ItemFailure {
    let name = columns.first().map(|c| c.name.as_str()).unwrap_or_default();
    transform(format!(
        "`{name}` is NULL in a row, and a CSV file of one column has no form for that: a blank line is no row"
    ))
    .remedy("write a second column beside it, replace NULL with COALESCE, or publish parquet or ndjson")
}

/// Why `*` cannot be all columns of a table.
pub fn star_leaves_out(table: &str, left_out: &[String]) -> String {
    format!("`*` would leave columns of `{table}` out, whose types SQL has not here: {}", left_out.join(", "))
}

fn describe(row: &RejectedRow) -> String {
    let column = row.column.as_ref().map(|c| format!(", column `{c}`")).unwrap_or_default();
    format!("rejected: {} line {}{column}: {}", row.file, row.line, row.reason)
}
