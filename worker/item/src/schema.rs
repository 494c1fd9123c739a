//! Files as a person meets them on the command line: their columns as a block to paste, and their first rows.

use crate::below::Below;
use crate::failure::{Outcome, bad_data, engine_failure};
use crate::loaded::{Room, unpinned};
use crate::read::load;
use crate::shown::shown;
use crate::typed;
use polars::prelude::{AnyValue, Engine};
use spotmill_core::ids::Uri;
use spotmill_core::item::{InputFile, PreviewReply};
use spotmill_core::model::{Format, Read};
use spotmill_core::types::Column;
use std::path::{Path, PathBuf};

/// The columns of a file as a pipeline declares them, one a text, and remarks on those that it cannot.
pub struct Declared {
    columns: Vec<String>,
    remarks: Vec<String>,
}

/// Names and types, as the footer states them or as every value fits them: what is printed is what a run reads.
pub fn declared(file: &Path, read: &Read) -> Outcome<Declared> {
    let (found, remarks) = match read.format {
        Format::Parquet | Format::Arrow => {
            let (columns, left_out) = typed::columns(file, &typed::stated(file, read.format)?)?;
            (Read { columns, ..read.clone() }, left_out.iter().map(|found| remark(found)).collect())
        }
        Format::Csv | Format::Ndjson => (crate::text::found(read, &[file.to_owned()])?, Vec::new()),
    };
    if found.columns.is_empty() {
        let name = file.display().to_string();
        return Err(bad_data(&name, format!("{name} has no columns to tell")));
    }
    Ok(Declared { columns: found.columns.iter().map(|column| entry(column, &found)).collect(), remarks })
}

fn remark(found: &str) -> String {
    let way = if found.ends_with(" binary") { "declare it as string if it is text" } else { "SQL has no such type" };
    format!("# {found} is left out: {way}")
}

/// `"name type"`, or a table where that cannot express it.
fn entry(column: &Column, read: &Read) -> String {
    let rules = read.rules(&column.name);
    let ty = if rules.json { "json".to_owned() } else { column.ty.to_string() };
    let text = |text: String| toml::Value::String(text).to_string();
    if !rules.lenient && !column.name.contains(char::is_whitespace) {
        return text(format!("{} {ty}", column.name));
    }
    let lenient = if rules.lenient { ", lenient = true" } else { "" };
    format!("{{ name = {}, type = {}{lenient} }}", text(column.name.clone()), text(ty))
}

/// `columns = [ … ]`, a few to a line.
pub fn block(declared: &Declared) -> String {
    let mut out = String::from("columns = [\n");
    let mut line = String::new();
    for item in &declared.columns {
        if !line.is_empty() && line.len() + item.len() > 96 {
            out.push_str(&format!("  {},\n", line));
            line.clear();
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(item);
    }
    if !line.is_empty() {
        out.push_str(&format!("  {line},\n"));
    }
    out.push_str("]\n");
    declared.remarks.iter().for_each(|remark| out.push_str(&format!("{remark}\n")));
    out
}

/// The first rows of files of one format.
pub fn preview(files: &[PathBuf], read: &Read, limit: usize) -> Outcome<PreviewReply> {
    let inputs: Vec<InputFile> = files.iter().map(|f| unpinned(Uri::new(f.to_string_lossy()))).collect();
    let tmp = Below::new(&std::env::temp_dir(), "spotmill-preview")?;
    preview_in(&inputs, read, limit, &tmp.0)
}

fn preview_in(inputs: &[InputFile], read: &Read, limit: usize, tmp: &Path) -> Outcome<PreviewReply> {
    let as_failure = |e: polars::prelude::PolarsError| engine_failure(&e, "preview");
    let loaded = load(inputs, read, &Room::new(tmp, "preview", 1))?;
    let total_rows = loaded.rows;
    let first = loaded.frame.limit(limit as _);
    let df = first.collect_with_engine(Engine::Streaming).map_err(as_failure)?.unwrap_single();
    let mut rows = vec![Vec::with_capacity(df.width()); df.height()];
    for column in df.columns() {
        for (i, row) in rows.iter_mut().enumerate() {
            row.push(cell(&column.get(i).map_err(as_failure)?));
        }
    }
    Ok(PreviewReply { columns: loaded.columns, rows, total_rows })
}

fn cell(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        other => Some(shown(other)),
    }
}
