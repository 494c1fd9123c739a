//! Files as a person meets them on the command line: their columns as a block to paste, and their first rows.

use crate::failure::{Outcome, bad_data, engine_failure};
use crate::footer;
use crate::read::{Room, load, unpinned};
use polars::prelude::{AnyValue, Engine};
use spotmill_core::ids::Uri;
use spotmill_core::item::{InputFile, PreviewReply};
use spotmill_core::model::{Format, Read};
use spotmill_core::types::Column;
use std::path::{Path, PathBuf};

/// Names and types, as the footer says them or as every value fits them.
pub fn columns(file: &Path, read: &Read) -> Outcome<Vec<Column>> {
    let found = match read.format {
        Format::Parquet => crate::parquet::columns(file, &footer::read(file)?)?.0,
        _ => crate::text::found(read, &[file.to_owned()])?,
    };
    if found.is_empty() {
        let name = file.display().to_string();
        return Err(bad_data(&name, format!("{name} has no columns to tell")));
    }
    Ok(found)
}

/// `columns = [ … ]`, a few to a line.
pub fn block(columns: &[Column]) -> String {
    let mut out = String::from("columns = [\n");
    let mut line = String::new();
    for column in columns {
        let item = toml::Value::String(format!("{} {}", column.name, column.ty)).to_string();
        if !line.is_empty() && line.len() + item.len() > 96 {
            out.push_str(&format!("  {},\n", line));
            line.clear();
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(&item);
    }
    if !line.is_empty() {
        out.push_str(&format!("  {line},\n"));
    }
    out.push_str("]\n");
    out
}

/// The first rows of files of one kind.
pub fn preview(files: &[PathBuf], read: &Read, limit: usize) -> Outcome<PreviewReply> {
    let inputs: Vec<InputFile> = files.iter().map(|f| unpinned(Uri::new(f.to_string_lossy()))).collect();
    let tmp = tempdir()?;
    let out = preview_in(&inputs, read, limit, &tmp);
    let _ = std::fs::remove_dir_all(&tmp);
    out
}

fn tempdir() -> Outcome<PathBuf> {
    let tmp = std::env::temp_dir().join(format!("spotmill-preview-{}", std::process::id()));
    std::fs::create_dir_all(&tmp).map_err(|e| crate::failure::cannot_write(&tmp, &e))?;
    Ok(tmp)
}

fn preview_in(inputs: &[InputFile], read: &Read, limit: usize, tmp: &Path) -> Outcome<PreviewReply> {
    let told = |e: polars::prelude::PolarsError| engine_failure(&e, "preview");
    let loaded = load(inputs, read, &Room::new(tmp, "preview", 1))?;
    let total_rows = loaded.rows;
    let first = loaded.frame.limit(limit as _);
    let df = first.collect_with_engine(Engine::Streaming).map_err(told)?.unwrap_single();
    let mut rows = vec![Vec::with_capacity(df.width()); df.height()];
    for column in df.columns() {
        for (i, row) in rows.iter_mut().enumerate() {
            row.push(cell(&column.get(i).map_err(told)?));
        }
    }
    Ok(PreviewReply { columns: loaded.columns, rows, total_rows })
}

fn cell(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        other => Some(other.get_str().map_or_else(|| other.to_string(), str::to_owned)),
    }
}
