//! Values of a run's params: from what was given, the date, the target's overrides and the defaults, each checked
//! against its declaration. And the run's id, made of the key.

use super::dates;
use serde_json::Value as Json;
use spotmill_core::ids::RunId;
use spotmill_core::model::{Param, ParamType, Pipeline};
use spotmill_core::types::{ColumnType, Value};
use std::collections::BTreeMap;

/// Longest text of a `string` and of a `path` param.
const MAX_STRING: usize = 64;
const MAX_PATH: usize = 1_024;
/// Targets every pipeline has, written or not.
const TARGETS: &[&str] = &["local", "aws"];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{}", if param.is_empty() { message.clone() } else { format!("param `{param}`: {message}") })]
pub struct ParamProblem {
    /// Empty when the problem is not one param's.
    pub param: String,
    pub message: String,
}

fn problem(param: &str, message: impl Into<String>) -> ParamProblem {
    ParamProblem { param: param.to_owned(), message: message.into() }
}

/// Every param's value. `given` are JSON values or their text (`--param scale=1`); `date` is that of `--date`.
pub fn resolve(
    pipeline: &Pipeline,
    target: &str,
    given: &BTreeMap<String, Json>,
    date: Option<&str>,
) -> Result<BTreeMap<String, Value>, Vec<ParamProblem>> {
    let mut problems = misfits(pipeline, target, given, date);
    let overrides = pipeline.targets.get(target);
    let mut values = BTreeMap::new();
    for (name, param) in &pipeline.params {
        let date = date.filter(|_| name == "date").map(|d| Json::String(d.to_owned()));
        let raw = date
            .or_else(|| given.get(name).cloned())
            .or_else(|| overrides.and_then(|o| o.get(name)).cloned())
            .or_else(|| param.default.clone());
        match raw.map(|raw| coerce(param, &raw)) {
            Some(Ok(value)) => {
                values.insert(name.clone(), value);
            }
            Some(Err(message)) => problems.push(problem(name, message)),
            None => problems.push(problem(name, ask(name, param))),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

fn ask(name: &str, param: &Param) -> String {
    let how = if name == "date" { "--date 2013-01-31".to_owned() } else { format!("--param {name}=…") };
    let help = param.help.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
    format!("must be given: {how}{help}")
}

fn misfits(pipeline: &Pipeline, target: &str, given: &BTreeMap<String, Json>, date: Option<&str>) -> Vec<ParamProblem> {
    let mut out = Vec::new();
    let declared: Vec<&str> = pipeline.params.keys().map(String::as_str).collect();
    for name in given.keys().filter(|n| !pipeline.params.contains_key(*n)) {
        let tail = match spotmill_core::nearest::nearest(name, declared.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("params: {}", declared.join(", ")),
        };
        out.push(problem(name, format!("there is no such param; {tail}")));
    }
    if !TARGETS.contains(&target) && !pipeline.targets.contains_key(target) {
        let targets: Vec<&str> = pipeline.targets.keys().map(String::as_str).collect();
        out.push(problem("", format!("there is no target `{target}`; targets: {}", targets.join(", "))));
    }
    if let Some(date) = date {
        if !pipeline.params.contains_key("date") {
            out.push(problem("", format!("pipeline `{}` has no param `date`", pipeline.name)));
        }
        if given.get("date").is_some_and(|g| g.as_str() != Some(date)) {
            out.push(problem("date", "given twice, with different values"));
        }
    }
    out
}

/// A value as its declaration wants it, or why not.
pub fn coerce(param: &Param, raw: &Json) -> Result<Value, String> {
    let value = typed(param, raw)?;
    bounded(param, &value)?;
    let Some(allowed) = &param.one_of else { return Ok(value) };
    if allowed.contains(&value.to_string()) {
        Ok(value)
    } else {
        Err(format!("`{value}` is not one of {}", allowed.join(", ")))
    }
}

/// A synthetic value: enough to check types where nothing depends on it.
pub fn sample(param: &Param) -> Json {
    if let Some(first) = param.one_of.as_ref().and_then(|all| all.first()) {
        return first.clone().into();
    }
    match param.ty {
        ParamType::Bool => true.into(),
        ParamType::Int8 | ParamType::Int16 | ParamType::Int32 | ParamType::Int64 => {
            (param.min.unwrap_or(1.0) as i64).into()
        }
        ParamType::Float64 => param.min.unwrap_or(1.0).into(),
        ParamType::String | ParamType::Path => "sample".into(),
        ParamType::Date => "2000-01-01".into(),
        ParamType::Timestamp => "2000-01-01T00:00:00".into(),
    }
}

/// A value as it is written, text without quotation marks.
pub fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn typed(param: &Param, raw: &Json) -> Result<Value, String> {
    let text = match raw {
        Json::String(s) => s.clone(),
        Json::Number(_) | Json::Bool(_) => raw.to_string(),
        _ => return Err("a single value is wanted".to_owned()),
    };
    match param.ty {
        ParamType::Bool => match text.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("`{text}` is not true or false")),
        },
        ParamType::Int8 => integer(&text, ColumnType::Int8, 8),
        ParamType::Int16 => integer(&text, ColumnType::Int16, 16),
        ParamType::Int32 => integer(&text, ColumnType::Int32, 32),
        ParamType::Int64 => integer(&text, ColumnType::Int64, 64),
        ParamType::Float64 => match text.parse::<f64>() {
            Ok(v) if v.is_finite() => Ok(Value::Float(v)),
            _ => Err(format!("`{text}` is no number")),
        },
        ParamType::String => string(&text, param.one_of.is_some()),
        ParamType::Path => path(&text),
        ParamType::Date => dates::date(&text).map(|d| Value::Date(d.to_string())),
        ParamType::Timestamp => timestamp(&text),
    }
}

fn integer(text: &str, ty: ColumnType, bits: u32) -> Result<Value, String> {
    let value: i64 = text.parse().map_err(|_| format!("`{text}` is no integer"))?;
    let limit = 1i128 << (bits - 1);
    if i128::from(value) >= limit || i128::from(value) < -limit {
        return Err(format!("{value} does not fit {ty} ({} to {})", -limit, limit - 1));
    }
    Ok(Value::Int { value, ty })
}

/// Strings become parts of paths and keys.
fn string(text: &str, listed: bool) -> Result<Value, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let fits = (1..=MAX_STRING).contains(&text.len()) && text.chars().all(plain) && !text.contains("..") && text != ".";
    let safe = !text.is_empty() && !text.contains("..") && !text.contains(['/', '\\', '*', '?', '[', '{', '}']);
    if fits || (listed && safe && !text.chars().any(char::is_control)) {
        Ok(Value::String(text.to_owned()))
    } else {
        Err(format!("`{text}` is not made of 1 to {MAX_STRING} letters, digits, `.`, `_`, `-`, without `..`"))
    }
}

fn path(text: &str) -> Result<Value, String> {
    let bare = text.strip_prefix("s3://").unwrap_or(text);
    let reason = if text.is_empty() || bare.is_empty() {
        "a path is not empty"
    } else if text.len() > MAX_PATH {
        "a path has at most 1,024 characters"
    } else if bare.split('/').any(|s| s == "..") {
        "`..` is not allowed in a path"
    } else if text.contains(['*', '?', '[', '{', '}', '\\']) {
        "globs and braces belong in the pipeline file, not in a param"
    } else if bare.contains("://") {
        "a path is on this machine or s3://bucket/prefix"
    } else if text.chars().any(char::is_control) {
        "a path has no control characters"
    } else {
        return Ok(Value::Path(text.to_owned()));
    };
    Err(format!("`{text}`: {reason}"))
}

fn timestamp(text: &str) -> Result<Value, String> {
    let iso = text.trim().replacen(' ', "T", 1);
    let parsed = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S", &iso).and_then(|t| t.to_datetime());
    match parsed {
        Ok(at) if at.to_string() == iso => Ok(Value::Timestamp(iso)),
        _ => Err(format!("`{text}` is no timestamp; write 2013-01-31T12:34:56")),
    }
}

fn bounded(param: &Param, value: &Value) -> Result<(), String> {
    let number = match value {
        Value::Int { value, .. } => *value as f64,
        Value::Float(v) => *v,
        _ => return Ok(()),
    };
    match (param.min, param.max) {
        (Some(min), _) if number < min => Err(format!("{value} is less than {min}")),
        (_, Some(max)) if number > max => Err(format!("{value} is more than {max}")),
        _ => Ok(()),
    }
}

/// `flights/2013-01-01` when the key is only the date, else `suppliers/scale=1`, `flights/date=…,region=eu`.
pub fn run_id(pipeline: &Pipeline, params: &BTreeMap<String, Value>) -> RunId {
    let text = |name: &String| params.get(name).map(|v| encoded(&v.to_string())).unwrap_or_default();
    let values = match pipeline.key.as_slice() {
        [only] if only == "date" => text(only),
        key => key.iter().map(|name| format!("{name}={}", text(name))).collect::<Vec<_>>().join(","),
    };
    RunId::new(format!("{}/{values}", pipeline.name))
}

/// Percent-encoded, so that `/`, `,` and `=` of a value cannot be taken for ours.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
