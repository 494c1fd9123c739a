//! The columns that an input declares: names, types, and the rules of single columns.

use super::super::file::{ColumnEntry, ColumnTable, NanosecondsKind, ReadKeys};
use super::Ctx;
use spotmill_core::json_path;
use spotmill_core::model::{FieldRules, Format};
use spotmill_core::nearest::nearest;
use spotmill_core::types::{Column, ColumnType, TYPE_NAMES};
use std::collections::BTreeMap;

/// The name of a type that keeps a JSON value as text.
const JSON: &str = "json";

type Fields = BTreeMap<String, FieldRules>;

pub fn columns(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys, format: Format) -> (Vec<Column>, Fields) {
    let (mut out, mut fields): (Vec<Column>, Fields) = Default::default();
    for (i, entry) in keys.columns.iter().flatten().enumerate() {
        let at = format!("{path}.columns.{i}");
        let Some((column, mut rules)) = column(ctx, &at, entry, format) else { continue };
        if out.iter().any(|c| c.name == column.name) {
            let place = ctx.value(&at);
            ctx.error("duplicate-column", format!("column `{}` is declared twice", column.name), place, "names differ");
        }
        let own = matches!(entry, ColumnEntry::Table(ColumnTable { decimal_comma: Some(_), .. }));
        rules.decimal_comma |= !own && is_number(column.ty) && keys.decimal_comma == Some(true);
        if rules != FieldRules::default() {
            fields.insert(column.name.clone(), rules);
        }
        out.push(column);
    }
    if keys.columns.as_ref().is_some_and(Vec::is_empty) && !ctx.has(&format!("{path}.columns.0")) {
        let place = ctx.pair(&format!("{path}.columns"));
        ctx.error("no-columns", "`columns` is empty", place, "name them, or remove the key");
    }
    if keys.decimal_comma == Some(true) && keys.columns.is_none() {
        let place = ctx.pair(&format!("{path}.decimal_comma"));
        ctx.error("no-columns", "`decimal_comma` needs `columns`", place, "no comma tells a number from a text");
    }
    (out, fields)
}

/// Columns in the path.
pub fn hive(ctx: &mut Ctx<'_>, path: &str, keys: &ReadKeys, columns: &[Column]) -> Vec<Column> {
    let mut out: Vec<Column> = Vec::new();
    for (i, entry) in keys.hive.iter().flatten().enumerate() {
        let at = format!("{path}.hive.{i}");
        let Some((column, rules)) = column(ctx, &at, entry, Format::Csv) else { continue };
        if rules != FieldRules::default() {
            let place = ctx.value(&at);
            ctx.error(
                "bad-column",
                "a column in the path has a name, a type and `parse`",
                place,
                "remove the other keys",
            );
        }
        if out.iter().chain(columns).any(|c| c.name == column.name) {
            let place = ctx.value(&at);
            let title = format!("column `{}` is declared twice", column.name);
            ctx.error("duplicate-column", title, place, "a column stands in the files or in the path");
        }
        out.push(column);
    }
    out
}

fn is_number(ty: ColumnType) -> bool {
    !matches!(
        ty,
        ColumnType::String | ColumnType::Bool | ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc
    )
}

fn is_time(ty: ColumnType) -> bool {
    matches!(ty, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc)
}

fn column(ctx: &mut Ctx<'_>, at: &str, entry: &ColumnEntry, format: Format) -> Option<(Column, FieldRules)> {
    let (name, ty, table) = match entry {
        ColumnEntry::Text(text) => match text.trim().split_once(char::is_whitespace) {
            Some((name, ty)) => (name.to_owned(), ty.trim().to_owned(), None),
            None => {
                let place = ctx.value(at);
                ctx.error("bad-column", format!("\"{text}\" is no column"), place, "write \"name type\"");
                return None;
            }
        },
        ColumnEntry::Table(table) => (table.name.clone()?, table.ty.clone()?, Some(table)),
    };
    let json = ty == JSON && format == Format::Ndjson;
    let ty = if json { ColumnType::String } else { column_type(ctx, at, &ty)? };
    if name.is_empty() {
        let place = ctx.value(at);
        ctx.error("bad-column", "a column has a name", place, "as SQL will call it");
    }
    let mut rules = FieldRules { json, ..FieldRules::default() };
    let parse = table.and_then(|table| table.parse.clone());
    if let Some(pattern) = &parse {
        check_pattern(ctx, &format!("{at}.parse"), ty, pattern);
    }
    if let Some(table) = table {
        own_rules(ctx, at, table, ty, format, &mut rules);
    }
    Some((Column { name, ty, parse }, rules))
}

/// Why the keys of text are not for files of this format, where they are not.
pub fn stated(format: Format) -> Option<&'static str> {
    match format {
        Format::Parquet => Some("Parquet files say it themselves"),
        Format::Arrow => Some("Arrow files say it themselves"),
        Format::Csv | Format::Ndjson => None,
    }
}

/// The rules that a column's own table has, where the column and the format can have them.
fn own_rules(ctx: &mut Ctx<'_>, at: &str, table: &ColumnTable, ty: ColumnType, format: Format, rules: &mut FieldRules) {
    let mut only = |key: &str, given: bool, fits: bool, label: &str| {
        if given && !fits {
            let place = ctx.pair(&format!("{at}.{key}"));
            ctx.error("misplaced-key", format!("`{key}` has no meaning here"), place, label);
        }
    };
    only("path", table.path.is_some(), format == Format::Ndjson, "it is for NDJSON");
    only("lenient", table.lenient.is_some(), format == Format::Ndjson, "it is for NDJSON");
    let of_text = stated(format);
    only("null_values", table.null_values.is_some(), of_text.is_none(), of_text.unwrap_or_default());
    let comma = format == Format::Csv && is_number(ty);
    only("decimal_comma", table.decimal_comma.is_some(), comma, "it is for numbers in CSV");
    let timestamp = is_time(ty) && ty != ColumnType::Date;
    only("nanoseconds", table.nanoseconds.is_some(), timestamp, "it is for timestamps");
    rules.null_values.clone_from(&table.null_values);
    rules.lenient = table.lenient == Some(true);
    rules.decimal_comma = table.decimal_comma == Some(true);
    rules.cut_nanoseconds = table.nanoseconds == Some(NanosecondsKind::Cut);
    rules.path.clone_from(&table.path);
    if let Some(Err(why)) = table.path.as_deref().map(json_path::parse) {
        let place = ctx.value(&format!("{at}.path"));
        ctx.error("bad-value", "this is no path into a record", place, why);
    }
}

fn column_type(ctx: &mut Ctx<'_>, at: &str, text: &str) -> Option<ColumnType> {
    match text.parse() {
        Ok(ty) => Some(ty),
        Err(_) => {
            let table = format!("{at}.type");
            let place = ctx.value(if ctx.has(&table) { &table } else { at });
            let label = match usual(text).filter(|_| text != JSON).or_else(|| nearest(text, TYPE_NAMES.iter().copied()))
            {
                Some(near) => format!("did you mean `{near}`?"),
                None if text == JSON => "`json` is for NDJSON".to_owned(),
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
    if !is_time(ty) {
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
