//! Parquet files before they are read: what their footers state.

use crate::failure::{Outcome, Remedy, bad_data, cannot_read, first_lines};
use crate::types::word;
use polars::prelude::{ParquetReader, Schema, SchemaExt, SerReader};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

#[derive(PartialEq)]
pub struct Footer {
    pub schema: Schema,
    /// Columns of INT96.
    pub int96: BTreeSet<String>,
    pub rows: u64,
}

pub fn read(path: &Path) -> Outcome<Footer> {
    let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    let mut reader = ParquetReader::new(file);
    let broken = |e: polars::prelude::PolarsError| {
        let name = path.display().to_string();
        bad_data(&name, format!("{name} is no Parquet file, or is cut short: {}", first_lines(&e)))
    };
    let schema = reader.schema().map_err(broken)?;
    let rows = reader.num_rows().map_err(broken)? as u64;
    let metadata = reader.get_metadata().map_err(broken)?;
    let leaves = metadata.schema_descr.columns().iter();
    // The engine's type of it is not ours to name.
    let int96 = leaves.filter(|leaf| format!("{:?}", leaf.descriptor.primitive_type.physical_type) == "Int96");
    let int96 = int96.filter_map(|leaf| leaf.path_in_schema.first().map(|name| name.to_string())).collect();
    Ok(Footer { schema: Schema::from_arrow_schema(&schema), int96, rows })
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
                let (ty, other) = (word(ty), word(other));
                return differs(format!("{name}: column `{column}` is {other}, but {ty} in {first_name}"));
            }
            Some(_) => {}
        }
    }
    if let Some(column) = footer.schema.iter_names().find(|c| !first.schema.contains(c)) {
        return differs(format!("{name} has a column `{column}`, which {first_name} has not"));
    }
    match footer.int96.symmetric_difference(&first.int96).next() {
        Some(column) => differs(format!("{name}: column `{column}` is INT96 there or in {first_name}, not in both")),
        None => Ok(()),
    }
}
