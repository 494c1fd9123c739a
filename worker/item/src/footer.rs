//! Parquet files before they are read: every footer must say what the first one says, or the columns that are
//! declared.

use crate::failure::{Outcome, bad_data, cannot_read, first_lines};
use crate::types::{normal, word};
use polars::prelude::{ParquetReader, Schema, SchemaExt, SerReader};
use spotmill_core::types::Column;
use std::fs::File;
use std::path::Path;

pub struct Footer {
    pub schema: Schema,
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
    Ok(Footer { schema: Schema::from_arrow_schema(&schema), rows })
}

/// Names and types of `footer` against the first file's.
pub fn same_as_first(path: &Path, footer: &Schema, first_path: &Path, first: &Schema) -> Outcome<()> {
    let name = path.display().to_string();
    for (column, ty) in first.iter() {
        match footer.get(column) {
            None => {
                let message = format!("{name} has no column `{column}`, which {} has", first_path.display());
                return Err(bad_data(&name, message));
            }
            Some(other) if other != ty => {
                let (ty, other) = (word(ty), word(other));
                let message = format!("{name}: column `{column}` is {other}, but {ty} in {}", first_path.display());
                return Err(bad_data(&name, message));
            }
            Some(_) => {}
        }
    }
    match footer.iter_names().find(|c| !first.contains(c)) {
        Some(column) => {
            let message = format!("{name} has a column `{column}`, which {} has not", first_path.display());
            Err(bad_data(&name, message))
        }
        None => Ok(()),
    }
}

/// Declared columns are there, with their types.
pub fn has_declared(path: &Path, footer: &Schema, columns: &[Column]) -> Outcome<()> {
    let name = path.display().to_string();
    for column in columns {
        let Some(found) = footer.get(&column.name) else {
            return Err(bad_data(&name, format!("{name} has no column `{}`", column.name)));
        };
        if normal(found) != Some(crate::types::to_engine(column.ty)) {
            let (name_, found, ty) = (&column.name, word(found), column.ty);
            return Err(bad_data(&name, format!("{name}: column `{name_}` is {found}, not {ty} as declared")));
        }
    }
    Ok(())
}
