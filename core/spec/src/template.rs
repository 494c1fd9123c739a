//! Templates of paths: `{src}/{date:%Y/%m}/flights-{date}.csv.gz`. A name in braces is a param; after a colon a
//! strftime pattern, for dates and timestamps.

use spotmill_core::types::Value;
use std::collections::BTreeMap;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// `span` is that of `{…}` in the template.
    Param {
        name: String,
        pattern: Option<String>,
        span: Range<usize>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("a brace is not closed, or not opened")]
    Unbalanced(Range<usize>),
    #[error("`{0}` is no name of a param")]
    BadName(String, Range<usize>),
    #[error("there is no param `{0}`")]
    UnknownParam(String),
    #[error("`{0}` is no date or timestamp, so it takes no pattern")]
    NoPattern(String),
    #[error("`{pattern}`: {reason}")]
    BadPattern { pattern: String, reason: String },
}

pub fn pieces(template: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(open) = template[at..].find(['{', '}']).map(|i| at + i) {
        let close = template[open..].find('}').map(|i| open + i);
        let (true, Some(close)) = (template[open..].starts_with('{'), close) else {
            return Err(TemplateError::Unbalanced(open..open + 1));
        };
        if open > at {
            out.push(Piece::Text(template[at..open].to_owned()));
        }
        out.push(param(&template[open + 1..close], open..close + 1)?);
        at = close + 1;
    }
    if at < template.len() {
        out.push(Piece::Text(template[at..].to_owned()));
    }
    Ok(out)
}

fn param(inner: &str, span: Range<usize>) -> Result<Piece, TemplateError> {
    let (name, pattern) = match inner.split_once(':') {
        Some((name, pattern)) => (name, Some(pattern.to_owned())),
        None => (inner, None),
    };
    if !super::names::is_name(name) {
        return Err(TemplateError::BadName(name.to_owned(), span));
    }
    Ok(Piece::Param { name: name.to_owned(), pattern, span })
}

/// Names of the params a template uses.
pub fn params(template: &str) -> Vec<String> {
    let pieces = pieces(template).unwrap_or_default();
    let names = pieces.into_iter().filter_map(|p| match p {
        Piece::Param { name, .. } => Some(name),
        Piece::Text(_) => None,
    });
    names.collect()
}

/// The template with every param in its place.
pub fn expand(template: &str, values: &BTreeMap<String, Value>) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(template.len() + 32);
    for piece in pieces(template)? {
        match piece {
            Piece::Text(text) => out.push_str(&text),
            Piece::Param { name, pattern, .. } => {
                let value = values.get(&name).ok_or_else(|| TemplateError::UnknownParam(name.clone()))?;
                match pattern {
                    Some(pattern) => out.push_str(&formatted(&name, value, &pattern)?),
                    None => out.push_str(&plain(value)),
                }
            }
        }
    }
    Ok(out)
}

/// A colon has no place in a path that other tools will read.
fn plain(value: &Value) -> String {
    match value {
        Value::Timestamp(t) => t.replace(':', "-"),
        // `{out}/x` with `out = "s3://bucket/lake/"` must not double the slash.
        Value::Path(p) if p.len() > 1 => p.trim_end_matches('/').to_owned(),
        other => other.to_string(),
    }
}

fn formatted(name: &str, value: &Value, pattern: &str) -> Result<String, TemplateError> {
    let bad = |e: jiff::Error| TemplateError::BadPattern { pattern: pattern.to_owned(), reason: e.to_string() };
    match value {
        Value::Date(text) => {
            let date: jiff::civil::Date = text.parse().map_err(bad)?;
            jiff::fmt::strtime::format(pattern, date).map_err(bad)
        }
        Value::Timestamp(text) => {
            let moment: jiff::civil::DateTime = text.parse().map_err(bad)?;
            jiff::fmt::strtime::format(pattern, moment).map_err(bad)
        }
        _ => Err(TemplateError::NoPattern(name.to_owned())),
    }
}

/// Whether a pattern can be formatted at all, for the check before any run.
pub fn pattern_problem(pattern: &str, is_date: bool) -> Option<String> {
    let sample =
        if is_date { Value::Date("2013-01-31".into()) } else { Value::Timestamp("2013-01-31T12:34:56".into()) };
    formatted("", &sample, pattern).err().map(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BTreeMap<String, Value> {
        let pairs = [
            ("date", Value::Date("2013-01-02".into())),
            ("at", Value::Timestamp("2013-01-02T03:04:05".into())),
            ("src", Value::Path("s3://acme-raw/flights/".into())),
            ("n", Value::Int { value: 7, ty: spotmill_core::types::ColumnType::Int8 }),
        ];
        pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
    }

    fn check(template: &str, want: Result<&str, &str>) {
        let got = expand(template, &values()).map_err(|e| e.to_string());
        assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{template}");
    }

    #[test]
    fn expands() {
        check(
            "{src}/{date:%Y/%m}/flights-{date}.csv.gz",
            Ok("s3://acme-raw/flights/2013/01/flights-2013-01-02.csv.gz"),
        );
        check("x/n={n}/{at}", Ok("x/n=7/2013-01-02T03-04-05"));
        check("{at:%H}", Ok("03"));
        check("plain/*.parquet", Ok("plain/*.parquet"));
        check("{nope}", Err("there is no param `nope`"));
        check("{n:%Y}", Err("`n` is no date or timestamp, so it takes no pattern"));
        check("{date", Err("a brace is not closed, or not opened"));
        check("date}", Err("a brace is not closed, or not opened"));
        check("{Date}", Err("`Date` is no name of a param"));
    }
}
