//! What reading gives, and what every kind of file needs for it: the rows as a lazy frame with the columns they have, room
//! for copies, frames of nothing, and the columns of an engine's schema in the vocabulary.

use crate::elementwise::elementwise;
use crate::failure::{Outcome, engine_failure, failure};
use crate::pruning::Pruning;
use crate::types::{column, normal, schema};
use crate::wanted::Wanted;
use polars::prelude::{Column as PlColumn, DataType, Expr, Field, PlSmallStr, col};
use polars::prelude::{DataFrame, HiveOptions, IntoLazy, LazyFrame, PlRefPath, ScanArgsParquet, ScanSources, Schema};
use spotmill_core::ids::Uri;
use spotmill_core::item::{FailureClass, InputFile, RejectedRow};
use spotmill_core::types::Column;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Columns named in one note, and notes of one item: a day may have thousands of files.
const NOTED_NAMES: usize = 10;
const NOTES: usize = 20;

/// Rows of an input, ready to be transformed.
pub struct Loaded {
    pub frame: LazyFrame,
    /// Which columns `frame` parses, where it is text.
    pub wanted: Option<Wanted>,
    pub columns: Vec<Column>,
    /// Accepted rows, as many as the engine reads if it reads all of them.
    pub rows: u64,
    pub rejected: u64,
    /// A file of `RejectedRow`s for each input file that had any.
    pub rejects: Vec<PathBuf>,
    pub first_rejects: Vec<RejectedRow>,
    pub notes: Vec<String>,
    /// Columns that no type of the vocabulary holds, as `name type`.
    pub left_out: Vec<String>,
    /// Files that may hold what cannot be converted.
    pub suspects: Vec<Suspect>,
}

/// A file whose values are converted as they are read.
pub struct Suspect {
    pub file: PathBuf,
    /// Where the engine reads it.
    pub path: PathBuf,
    /// The conversions by their columns; their errors name the file and the row.
    pub columns: Vec<(String, Expr)>,
}

/// The columns that a transform reads.
#[derive(Clone, Debug, Default)]
pub enum Used {
    #[default]
    All,
    Only(BTreeSet<PlSmallStr>),
}

impl Used {
    pub fn has(&self, column: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(columns) => columns.contains(column),
        }
    }
}

/// Where copies go, and how many files may be checked at once.
pub struct Room<'a> {
    pub tmp: &'a Path,
    /// Distinguishes inputs in `tmp`.
    pub name: &'a str,
    pub threads: usize,
    /// The columns that are read of the input, if they were determined.
    pub used: Used,
    /// Which files have no row that is read, if keys of their path decide it.
    pub pruning: Option<Pruning>,
}

impl<'a> Room<'a> {
    pub fn new(tmp: &'a Path, name: &'a str, threads: usize) -> Self {
        Self { tmp, name, threads, used: Used::All, pruning: None }
    }
}

pub fn local(file: &InputFile) -> Outcome<PathBuf> {
    if file.uri.is_s3() {
        return Err(failure(
            FailureClass::Infra,
            format!("this worker is built without S3: it cannot read {}", file.uri),
        ));
    }
    Ok(PathBuf::from(file.uri.as_str()))
}

/// A file as it stands now, whatever it was before.
pub fn unpinned(uri: Uri) -> InputFile {
    InputFile { uri, etag: String::new(), bytes: 0, rows: None, bundled: None }
}

pub fn loaded(frame: LazyFrame, columns: Vec<Column>, rows: u64) -> Loaded {
    let (rejects, first_rejects) = (Vec::new(), Vec::new());
    let (notes, left_out, suspects) = (Vec::new(), Vec::new(), Vec::new());
    Loaded { frame, wanted: None, columns, rows, rejected: 0, rejects, first_rejects, notes, left_out, suspects }
}

fn sources(paths: &[PathBuf]) -> ScanSources {
    ScanSources::Paths(paths.iter().map(|p| PlRefPath::new(p.to_string_lossy().as_ref())).collect())
}

/// A frame without rows.
pub fn empty(columns: &[Column]) -> LazyFrame {
    DataFrame::empty_with_schema(&schema(columns)).lazy()
}

pub fn scan_parquet(paths: &[PathBuf]) -> Outcome<LazyFrame> {
    let args = ScanArgsParquet { glob: false, hive_options: HiveOptions::new_disabled(), ..Default::default() };
    LazyFrame::scan_parquet_sources(sources(paths), args).map_err(|e| engine_failure(&e, "reading Parquet"))
}

/// The columns of an engine schema in the vocabulary, the conversions that get them there, and what is left out.
pub fn vocabulary(found: &Schema) -> (Vec<Column>, Vec<Expr>, Vec<String>) {
    let (mut kept, mut casts, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for (name, dtype) in found.iter() {
        let Some(ty) = normal(dtype) else {
            left_out.push(name.to_string());
            continue;
        };
        kept.extend(crate::types::from_engine(&ty).map(|t| column(name, t)));
        let column = col(name.clone());
        casts.push(match &ty {
            DataType::Decimal(..) => held_to(column, ty),
            _ if ty == *dtype => column,
            _ => column.strict_cast(ty),
        });
    }
    (kept, casts, left_out)
}

/// Casts to the type of the plan: of some decimals (`m / 3`) the engine makes another while it runs.
fn held_to(column: Expr, ty: DataType) -> Expr {
    let planned = ty.clone();
    let run = move |columns: &mut [PlColumn]| match &columns[0] {
        same if *same.dtype() == planned => Ok(same.clone()),
        other => other.strict_cast(&planned),
    };
    let fields = move |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), ty.clone()));
    elementwise("held_to", run, fields).call(vec![column])
}

/// The columns of a frame, some of which it has not itself: by themselves those would be one row, whatever it has.
pub fn with_constants(frame: LazyFrame, columns: Vec<Expr>, constants: Vec<Expr>) -> LazyFrame {
    if constants.is_empty() { frame.select(columns) } else { frame.with_columns(constants).select(columns) }
}

/// Notes of what a file has otherwise than declared.
pub fn drifted(path: &Path, missing: &[String], extra: &[String], notes: &mut Vec<String>) {
    let names = |names: &[String]| {
        let shown: Vec<String> = names.iter().take(NOTED_NAMES).map(|name| format!("`{name}`")).collect();
        shown.join(", ") + if names.len() > NOTED_NAMES { ", …" } else { "" }
    };
    let file = path.display();
    let mut note = |names_: &[String], what: &str| {
        if !names_.is_empty() && notes.len() < NOTES {
            notes.push(format!("{file} {what}: {}", names(names_)));
        }
    };
    note(missing, "has not these columns, which are NULL for its rows");
    note(extra, "has columns that are not declared and not read");
}
