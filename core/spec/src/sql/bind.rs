//! Params become typed literals, by cutting the text at token positions. What is not replaced
//! stays byte for byte as the user wrote it, comments included.

use super::position::{Position, positions};
use super::select::Select;
use super::tokens::{Tok, tokenize};
use spotmill_core::types::{ColumnType, Value};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    #[error("there is no param `{0}`")]
    UnknownParam(String),
    #[error("not SQL: {0}")]
    NotSql(String),
}

/// The SQL that is planned: `$name` replaced.
pub fn bind(select: &Select, params: &BTreeMap<String, Value>) -> Result<String, BindError> {
    bind_text(select.text(), params)
}

/// The same for any SQL text, such as the condition of an `expect.check`.
pub fn bind_text(text: &str, params: &BTreeMap<String, Value>) -> Result<String, BindError> {
    let tokens = tokens_of(text)?;
    let mut cuts = Vec::new();
    for (i, at) in positions(&tokens).into_iter().enumerate() {
        let Some(name) = tokens[i].placeholder() else { continue };
        let value = params.get(name).ok_or_else(|| BindError::UnknownParam(name.to_owned()))?;
        cuts.push((tokens[i].span.clone(), written(value, at)));
    }
    Ok(splice(text, cuts))
}

fn tokens_of(text: &str) -> Result<Vec<Tok>, BindError> {
    tokenize(text).map_err(|(message, _)| BindError::NotSql(message))
}

type Cut = (std::ops::Range<usize>, String);

/// Replaces disjoint ranges; insertions at one place keep their order.
fn splice(text: &str, mut cuts: Vec<Cut>) -> String {
    cuts.sort_by_key(|(span, _)| (span.start, span.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (span, new) in cuts {
        out.push_str(&text[at..span.start]);
        out.push_str(&new);
        at = span.end;
    }
    out.push_str(&text[at..]);
    out
}

/// A value as SQL that is read back with exactly this type.
pub fn literal(value: &Value) -> String {
    written(value, Position::Expression)
}

fn written(value: &Value, at: Position) -> String {
    match (value, at) {
        (Value::Int { value, .. }, Position::Number) => value.to_string(),
        (Value::Float(v), Position::Number) => decimal(*v),
        (Value::Bool(true), _) => "TRUE".to_owned(),
        (Value::Bool(false), _) => "FALSE".to_owned(),
        (Value::Int { value, ty }, _) => format!("CAST({} AS {})", integer(*value), sql_type(*ty)),
        // With an exponent it is read as a float: a decimal would have too few digits for it.
        (Value::Float(v), _) => format!("CAST({v:e} AS DOUBLE)"),
        (Value::String(v) | Value::Path(v), _) => quoted(v),
        (Value::Date(v), _) => format!("CAST({} AS DATE)", quoted(v)),
        (Value::Timestamp(v), _) => format!("CAST({} AS TIMESTAMP)", quoted(v)),
    }
}

/// Without an exponent.
fn decimal(value: f64) -> String {
    let text = value.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// A sign before the smallest integer would be read after it.
fn integer(value: i64) -> String {
    if value == i64::MIN { format!("'{value}'") } else { value.to_string() }
}

fn sql_type(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Int8 => "TINYINT",
        ColumnType::Int16 => "SMALLINT",
        ColumnType::Int32 => "INTEGER",
        _ => "BIGINT",
    }
}

/// A backslash is a plain character in this dialect; only the quote is doubled.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Names of the params a text uses.
pub fn params(text: &str) -> Vec<String> {
    let tokens = tokenize(text).unwrap_or_default();
    tokens.iter().filter_map(|t| t.placeholder().map(str::to_owned)).collect()
}
