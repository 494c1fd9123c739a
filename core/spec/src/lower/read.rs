//! How files are read: format from the path's ending, columns, and which keys fit which format.

use super::super::file::ReadKeys;
use super::Ctx;
use super::columns::{columns, hive, stated};
use spotmill_core::endings;
use spotmill_core::model::{Compression, Format, Read, Source};

/// Keys that only text formats know.
const TEXT_KEYS: &[&str] = &["compression", "on_bad_rows", "row_check", "encoding"];
const CSV_KEYS: &[&str] =
    &["header", "delimiter", "null_values", "escape", "comment", "skip_rows", "skip_footer", "decimal_comma"];
const FILE_KEYS: &[&str] = &["format", "columns", "hive", "missing", "extra"];

pub fn read(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys, source: &Source) -> Read {
    let template = match source {
        Source::Path(template) => template.as_str(),
        Source::Step { step, .. } => {
            let reason = format!("`{step}` writes Parquet and its columns are known");
            for keys in [FILE_KEYS, CSV_KEYS, TEXT_KEYS] {
                refuse(ctx, path, keys, &reason);
            }
            return Read::of(Format::Parquet);
        }
    };
    let ending = endings::of(template);
    let format = keys.format.or(ending.format).unwrap_or(Format::Parquet);
    if keys.format.is_none() && ending.format.is_none() && !template.is_empty() && !ctx.has(&format!("{path}.format")) {
        let place = ctx.value(&format!("{path}.path"));
        let label = "add `format = \"csv\"`, \"ndjson\", \"parquet\" or \"arrow\"";
        ctx.error("unknown-format", "the path's ending does not tell the format", place, label);
    }
    if let Some(reason) = stated(format) {
        refuse(ctx, path, TEXT_KEYS, reason);
    }
    if format != Format::Csv {
        refuse(ctx, path, CSV_KEYS, stated(format).unwrap_or("it is for CSV"));
    }
    if format == Format::Ndjson {
        refuse(ctx, path, &["missing"], "a key that an NDJSON record lacks is NULL");
    }
    let (columns, fields) = columns(ctx, path, keys, format);
    let hive = hive(ctx, path, keys, &columns);
    let read = Read {
        columns,
        fields,
        hive,
        header: keys.header.unwrap_or(true),
        delimiter: delimiter(ctx, path, keys).unwrap_or(ending.delimiter),
        null_values: keys.null_values.clone().unwrap_or_default(),
        encoding: encoding(ctx, path, keys),
        escape: escape(ctx, path, keys),
        comment: comment(ctx, path, keys),
        skip_rows: keys.skip_rows.unwrap_or(0),
        skip_footer: keys.skip_footer.unwrap_or(0),
        missing: keys.missing.unwrap_or_default(),
        extra: keys.extra.unwrap_or_default(),
        compression: keys.compression.unwrap_or(Compression::Auto),
        on_bad_rows: keys.on_bad_rows.unwrap_or_default(),
        row_check: keys.row_check.unwrap_or_default(),
        ..Read::of(format)
    };
    needs_columns(ctx, path, template, &read);
    read
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

fn delimiter(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys) -> Option<char> {
    let text = keys.delimiter.as_ref()?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_ascii() && !matches!(c, '"' | '\n' | '\r' | '\0') => Some(c),
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

fn encoding(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys) -> Option<String> {
    let label = keys.encoding.as_ref()?;
    if encoding_rs::Encoding::for_label(label.as_bytes()).is_none() {
        let place = ctx.value(&format!("{path}.encoding"));
        let label_ = "such as \"windows-1252\", \"latin1\", \"utf-16le\", \"shift_jis\" or \"gb18030\"";
        ctx.error("bad-value", format!("there is no encoding \"{label}\""), place, label_);
    }
    Some(label.clone())
}

fn escape(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys) -> Option<char> {
    let text = keys.escape.as_ref()?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_ascii_punctuation() && keys.delimiter.as_deref() != Some(text.as_str()) => Some(c),
        _ => {
            let place = ctx.value(&format!("{path}.escape"));
            ctx.error("bad-value", "an escape is one character, and not the delimiter", place, "such as \"\\\\\"");
            None
        }
    }
}

fn comment(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys) -> Option<String> {
    let text = keys.comment.as_ref()?;
    if text.is_empty() || text.contains(['"', '\n', '\r']) {
        let place = ctx.value(&format!("{path}.comment"));
        ctx.error(
            "bad-value",
            "a comment begins with a text that holds no quote and no line end",
            place,
            "such as \"#\"",
        );
        return None;
    }
    Some(text.clone())
}
