//! Parquet files before they are read: what their footers state.

use crate::failure::{Outcome, Remedy, bad_data, cannot_read, first_lines};
use crate::foreign;
use crate::types::word;
use polars::prelude::{DataType, Field, ParquetReader, PolarsError, Schema, SerReader, UnknownKind};
use spotmill_core::item::ItemFailure;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// What a file ends in: the length of its footer, and the letters.
const TAIL_BYTES: u64 = 8;

#[derive(PartialEq)]
pub struct Footer {
    pub schema: Schema,
    /// Columns of INT96.
    pub int96: BTreeSet<String>,
    /// Columns of whole days that Arrow's own note of the types calls timestamps (`date64`), dates in `schema`, with the
    /// type that the engine reads them as.
    pub days: BTreeMap<String, DataType>,
    /// Columns of types that the engine has not, by what they are; of no known type in `schema`.
    pub foreign: BTreeMap<String, String>,
    /// None where only reading the whole file counts them.
    pub rows: Option<u64>,
}

impl Footer {
    /// A column's type in messages.
    pub fn word(&self, name: &str, ty: &DataType) -> String {
        self.foreign.get(name).cloned().unwrap_or_else(|| word(ty))
    }
}

pub fn read(path: &Path) -> Outcome<Footer> {
    let mut file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    let mut reader = ParquetReader::new(&mut file);
    let broken = |e: PolarsError| no_parquet(path, &e);
    let schema = reader.schema().map_err(broken)?;
    let rows = reader.num_rows().map_err(broken)? as u64;
    let metadata = reader.get_metadata().map_err(broken)?.clone();
    let chunks = metadata.row_groups.iter().flat_map(|group| group.parquet_columns());
    within(path, &mut file, chunks.map(|chunk| chunk.byte_range().end).max())?;
    let mut foreign = BTreeMap::new();
    let mut schema: Schema = schema
        .iter_values()
        .map(|field| match foreign::what(&field.dtype) {
            None => Field::from(field),
            Some(what) => {
                foreign.insert(field.name.to_string(), what);
                Field::new(field.name.clone(), DataType::Unknown(UnknownKind::Any))
            }
        })
        .collect();
    let (mut int96, mut days) = (BTreeSet::new(), BTreeMap::new());
    for leaf in metadata.schema_descr.columns() {
        let Some(name) = leaf.path_in_schema.first().map(|name| name.to_string()) else { continue };
        // The engine's type of it is not ours to name.
        let physical = format!("{:?}", leaf.descriptor.primitive_type.physical_type);
        let is_time = matches!(schema.get(&name), Some(DataType::Datetime(..)));
        if physical == "Int96" {
            int96.insert(name);
        } else if physical == "Int32" && is_time {
            let read_as = schema.set_dtype(&name, DataType::Date);
            days.extend(read_as.map(|ty| (name, ty)));
        }
    }
    Ok(Footer { schema, int96, days, foreign, rows: Some(rows) })
}

/// How many rows a file has.
pub fn rows(path: &Path) -> Outcome<u64> {
    let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    ParquetReader::new(file).num_rows().map(|rows| rows as u64).map_err(|e| no_parquet(path, &e))
}

fn no_parquet(path: &Path, error: &PolarsError) -> ItemFailure {
    let name = path.display().to_string();
    bad_data(&name, format!("{name} is no Parquet file, or is cut short: {}", first_lines(error)))
}

/// Refuses a file whose columns do not lie where its footer says: the engine trusts it.
fn within(path: &Path, file: &mut File, end: Option<u64>) -> Outcome<()> {
    let (data, _) = lengths(file).map_err(|e| cannot_read(path, &e))?;
    match end {
        Some(end) if end > data => {
            let name = path.display().to_string();
            let message = format!("{name} is damaged: its footer speaks of {end} bytes of data, and it has {data}");
            Err(bad_data(&name, message).remedy("deliver the file again; nothing of it was used"))
        }
        _ => Ok(()),
    }
}

/// How many bytes stand before the footer, and how many it has.
pub fn lengths(file: &mut File) -> io::Result<(u64, u64)> {
    let whole = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(whole.saturating_sub(TAIL_BYTES)))?;
    let mut tail = [0; 4];
    file.read_exact(&mut tail)?;
    let footer = u64::from(u32::from_le_bytes(tail));
    let body = whole.checked_sub(TAIL_BYTES + footer).ok_or(io::ErrorKind::InvalidData)?;
    Ok((body, footer))
}

/// Names and types of `footer` against the first file's, where nothing is declared.
pub fn same_as_first(path: &Path, footer: &Footer, first_path: &Path, first: &Footer) -> Outcome<()> {
    let name = path.display().to_string();
    let first_name = first_path.display();
    let differs = |message: String| {
        let remedy = "declare `columns` with the widest types; `missing = \"null\"` reads what a file lacks as NULL";
        Err(bad_data(&name, message).remedy(remedy))
    };
    for (column, ty) in first.schema.iter() {
        match footer.schema.get(column) {
            None => return differs(format!("{name} has no column `{column}`, which {first_name} has")),
            Some(other) if other != ty => {
                let (ty, other) = (first.word(column, ty), footer.word(column, other));
                return differs(format!("{name}: column `{column}` is {other}, but {ty} in {first_name}"));
            }
            Some(_) => {}
        }
    }
    if let Some(column) = footer.schema.iter_names().find(|c| !first.schema.contains(c)) {
        return differs(format!("{name} has a column `{column}`, which {first_name} has not"));
    }
    if let Some(column) = footer.int96.symmetric_difference(&first.int96).next() {
        return differs(format!("{name}: column `{column}` is INT96 there or in {first_name}, not in both"));
    }
    let is_days = |footer: &Footer, column: &str| footer.days.contains_key(column);
    match first.schema.iter_names().find(|column| is_days(footer, column) != is_days(first, column)) {
        Some(column) => differs(format!("{name}: column `{column}` is date64 there or in {first_name}, not in both")),
        None => Ok(()),
    }
}
