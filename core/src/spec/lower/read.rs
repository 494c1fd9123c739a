//! How files are read: format from the path's ending, columns, and which keys fit which format.

use super::super::file::{ColumnEntry, CompressionKind, FormatKind, OnBadRowsKind, ReadKeys, RowCheckKind};
use super::super::names::nearest;
use super::Ctx;
use crate::model::{Compression, Format, OnBadRows, Read, RowCheck, Source};
use crate::types::{Column, ColumnType, TYPE_NAMES};

/// Keys that only text formats know.
const TEXT_KEYS: &[&str] = &["header", "delimiter", "null_values", "compression", "on_bad_rows", "row_check"];
const CSV_KEYS: &[&str] = &["header", "delimiter", "null_values"];
const ALL_KEYS: &[&str] =
    &["format", "columns", "header", "delimiter", "null_values", "compression", "on_bad_rows", "row_check"];

pub fn read(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys, source: &Source) -> Read {
    let template = match source {
        Source::Path(template) => template.as_str(),
        Source::Step { step, .. } => {
            refuse(ctx, path, ALL_KEYS, &format!("`{step}` writes Parquet and its columns are known"));
            return parquet();
        }
    };
    let ending = Ending::of(template);
    let format = keys.format.map(format_of).or(ending.format).unwrap_or(Format::Parquet);
    if keys.format.is_none() && ending.format.is_none() && !template.is_empty() && !ctx.has(&format!("{path}.format")) {
        let place = ctx.value(&format!("{path}.path"));
        let label = "add `format = \"csv\"`, \"ndjson\" or \"parquet\"";
        ctx.error("unknown-format", "the path's ending does not tell the format", place, label);
    }
    match format {
        Format::Parquet => refuse(ctx, path, TEXT_KEYS, "Parquet files say it themselves"),
        Format::Ndjson => refuse(ctx, path, CSV_KEYS, "it is for CSV"),
        Format::Csv => {}
    }
    let columns = columns(ctx, path, keys);
    let read = Read {
        format,
        columns,
        header: keys.header.unwrap_or(true),
        delimiter: delimiter(ctx, path, keys).unwrap_or(if ending.tabs { '\t' } else { ',' }),
        null_values: keys.null_values.clone().unwrap_or_default(),
        compression: keys.compression.map_or(Compression::Auto, compression_of),
        on_bad_rows: keys.on_bad_rows.map_or(OnBadRows::Fail, |k| match k {
            OnBadRowsKind::Fail => OnBadRows::Fail,
            OnBadRowsKind::Reject => OnBadRows::Reject,
        }),
        row_check: keys.row_check.map_or(RowCheck::All, |k| match k {
            RowCheckKind::All => RowCheck::All,
            RowCheckKind::Used => RowCheck::Used,
        }),
    };
    needs_columns(ctx, path, template, &read);
    read
}

fn parquet() -> Read {
    Read {
        format: Format::Parquet,
        columns: Vec::new(),
        header: true,
        delimiter: ',',
        null_values: Vec::new(),
        compression: Compression::Auto,
        on_bad_rows: OnBadRows::Fail,
        row_check: RowCheck::All,
    }
}

fn refuse(ctx: &mut Ctx<'_>, path: &str, keys: &[&str], reason: &str) {
    for key in keys {
        let at = format!("{path}.{key}");
        if ctx.has(&at) {
            let place = ctx.key(&at);
            ctx.error("misplaced-key", format!("`{key}` has no meaning here"), place, reason);
        }
    }
}

fn needs_columns(ctx: &mut Ctx<'_>, path: &str, template: &str, read: &Read) {
    if ctx.has(&format!("{path}.columns")) {
        return;
    }
    let (title, place) = match read.format {
        Format::Csv if !read.header => ("`header = false` needs `columns`", ctx.pair(&format!("{path}.header"))),
        Format::Ndjson => ("NDJSON needs `columns`", ctx.value(&format!("{path}.path"))),
        _ => return,
    };
    let sample = if template.contains(['{', '*']) { "FILE" } else { template };
    ctx.error("no-columns", title, place, format!("`spotmill schema {sample}` prints a block to paste"));
}

#[derive(Default)]
struct Ending {
    format: Option<Format>,
    tabs: bool,
}

impl Ending {
    fn of(template: &str) -> Self {
        let lower = template.to_ascii_lowercase();
        let bare = [".gz", ".zst"].iter().find_map(|e| lower.strip_suffix(e)).unwrap_or(&lower);
        let is = |ending: &str| bare.ends_with(ending);
        if is(".csv") || is(".tsv") {
            Self { format: Some(Format::Csv), tabs: is(".tsv") }
        } else if is(".ndjson") || is(".jsonl") {
            Self { format: Some(Format::Ndjson), tabs: false }
        } else if lower.ends_with(".parquet") {
            Self { format: Some(Format::Parquet), tabs: false }
        } else {
            Self::default()
        }
    }
}

fn delimiter(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys) -> Option<char> {
    let text = keys.delimiter.as_ref()?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_ascii() && !matches!(c, '"' | '\n' | '\r') => Some(c),
        _ => {
            let place = ctx.value(&format!("{path}.delimiter"));
            ctx.error(
                "bad-value",
                "a delimiter is one ASCII character",
                place,
                "such as \",\", \"\\t\", \"|\" or \";\"",
            );
            None
        }
    }
}

fn columns(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys) -> Vec<Column> {
    let mut out: Vec<Column> = Vec::new();
    for (i, entry) in keys.columns.iter().flatten().enumerate() {
        let at = format!("{path}.columns.{i}");
        let Some(column) = column(ctx, &at, entry) else { continue };
        if out.iter().any(|c| c.name == column.name) {
            let place = ctx.value(&at);
            ctx.error("duplicate-column", format!("column `{}` is declared twice", column.name), place, "names differ");
        }
        out.push(column);
    }
    if keys.columns.as_ref().is_some_and(Vec::is_empty) && !ctx.has(&format!("{path}.columns.0")) {
        let place = ctx.pair(&format!("{path}.columns"));
        ctx.error("no-columns", "`columns` is empty", place, "name them, or remove the key");
    }
    out
}

fn column(ctx: &mut Ctx<'_>, at: &str, entry: &ColumnEntry) -> Option<Column> {
    let (name, ty, parse) = match entry {
        ColumnEntry::Text(text) => match text.trim().split_once(char::is_whitespace) {
            Some((name, ty)) => (name.to_owned(), ty.trim().to_owned(), None),
            None => {
                let place = ctx.value(at);
                ctx.error("bad-column", format!("\"{text}\" is no column"), place, "write \"name type\"");
                return None;
            }
        },
        ColumnEntry::Table(table) => (table.name.clone()?, table.ty.clone()?, table.parse.clone()),
    };
    let ty = column_type(ctx, at, &ty)?;
    if name.is_empty() {
        let place = ctx.value(at);
        ctx.error("bad-column", "a column has a name", place, "as SQL will call it");
    }
    if let Some(pattern) = &parse {
        check_pattern(ctx, &format!("{at}.parse"), ty, pattern);
    }
    Some(Column { name, ty, parse })
}

fn column_type(ctx: &mut Ctx<'_>, at: &str, text: &str) -> Option<ColumnType> {
    match text.parse() {
        Ok(ty) => Some(ty),
        Err(_) => {
            let table = format!("{at}.type");
            let place = ctx.value(if ctx.has(&table) { &table } else { at });
            let label = match usual(text).or_else(|| nearest(text, TYPE_NAMES.iter().copied())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("types: {}", TYPE_NAMES.join(", ")),
            };
            ctx.error("bad-type", format!("there is no type `{text}`"), place, label);
            None
        }
    }
}

/// What other systems call these types.
fn usual(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    Some(match lower.split(['(', ' ']).next().unwrap_or_default() {
        "tinyint" | "byte" => "int8",
        "smallint" | "short" => "int16",
        "int" | "integer" => "int32",
        "bigint" | "long" => "int64",
        "float" | "real" => "float32",
        "double" => "float64",
        "text" | "varchar" | "char" | "str" | "utf8" => "string",
        "boolean" => "bool",
        "datetime" => "timestamp",
        "timestamptz" => "timestamp_utc",
        "numeric" | "decimal" => "decimal(p,s)",
        _ => return None,
    })
}

fn check_pattern(ctx: &mut Ctx<'_>, at: &str, ty: ColumnType, pattern: &str) {
    let place = ctx.value(at);
    if !matches!(ty, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc) {
        ctx.error("bad-column", "`parse` is for dates and timestamps", place, format!("this column is {ty}"));
    } else if !pattern.contains('%') {
        ctx.error(
            "bad-column",
            "`parse` is a strftime pattern",
            place,
            "such as \"%Y-%m-%d\" or \"%Y-%m-%d %H:%M:%S\"",
        );
    }
}

pub fn format_of(kind: FormatKind) -> Format {
    match kind {
        FormatKind::Csv => Format::Csv,
        FormatKind::Ndjson => Format::Ndjson,
        FormatKind::Parquet => Format::Parquet,
    }
}

fn compression_of(kind: CompressionKind) -> Compression {
    match kind {
        CompressionKind::Auto => Compression::Auto,
        CompressionKind::None => Compression::None,
        CompressionKind::Gzip => Compression::Gzip,
        CompressionKind::Zstd => Compression::Zstd,
    }
}
