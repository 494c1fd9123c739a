//! What type a `--param NAME=VALUE` has where no pipeline declares it: the narrowest that holds the text without loss.
//! Never guesses further: what fits no other type is a string, and quotes make anything one. The help of `spotmill sql`
//! describes the same.

use crate::dates;
use spotmill_core::types::{ColumnType, Value};

pub fn infer(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => quoted(text)
            .or_else(|| integer(text))
            .or_else(|| float(text))
            .or_else(|| date(text))
            .or_else(|| timestamp(text))
            .unwrap_or_else(|| Value::String(text.to_owned())),
    }
}

fn quoted(text: &str) -> Option<Value> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(Value::String(inner.replace("''", "'")))
}

/// Digits after an optional sign, which do not begin with a zero that would be lost.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let padded = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !padded
}

/// One that does not fit 64 bits stays a string: as a float it would be another number.
fn integer(text: &str) -> Option<Value> {
    let value = text.parse().ok().filter(|_| is_whole(text))?;
    Some(Value::Int { value, ty: ColumnType::Int64 })
}

fn float(text: &str) -> Option<Value> {
    let (number, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(n, e)| (n, Some(e)));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)));
    let written_so = fraction.is_some() || exponent.is_some();
    if !(written_so && is_whole(whole) && fraction.is_none_or(digits) && exponent_fits) {
        return None;
    }
    text.parse::<f64>().ok().filter(|v| v.is_finite()).map(Value::Float)
}

fn date(text: &str) -> Option<Value> {
    dates::date(text).ok().filter(|d| d.to_string() == text).map(|d| Value::Date(d.to_string()))
}

fn timestamp(text: &str) -> Option<Value> {
    let (day, time) = text.split_once(['T', ' '])?;
    let Value::Date(day) = date(day)? else { return None };
    let iso = format!("{day}T{time}");
    let parsed = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S", &iso).and_then(|t| t.to_datetime()).ok()?;
    (parsed.to_string() == iso).then_some(Value::Timestamp(iso))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Value) {
        assert_eq!(infer(text), want, "{text}");
    }

    #[test]
    fn every_kind_of_value() {
        let int = |value| Value::Int { value, ty: ColumnType::Int64 };
        check("true", Value::Bool(true));
        check("0", int(0));
        check("-12", int(-12));
        check("9223372036854775807", int(i64::MAX));
        check("-9223372036854775808", int(i64::MIN));
        check("1.50", Value::Float(1.5));
        check("-0.25", Value::Float(-0.25));
        check("1e-3", Value::Float(0.001));
        check("2024-02-29", Value::Date("2024-02-29".into()));
        check("2024-01-31T12:30:00", Value::Timestamp("2024-01-31T12:30:00".into()));
        check("2024-01-31 12:30:00", Value::Timestamp("2024-01-31T12:30:00".into()));
        check("'007'", Value::String("007".into()));
        check("'it''s'", Value::String("it's".into()));
    }

    #[test]
    fn what_could_lose_something_is_a_string() {
        let strings = [
            "",
            "007",
            "-",
            "+5",
            "9223372036854775808",
            "1.",
            ".5",
            "01.5",
            "1e",
            "1e999",
            "inf",
            "NaN",
            "True",
            "2024-02-30",
            "2024-1-1",
            " 2024-01-01",
            "2024-01-31T24:30:00",
            "2024-01-31T12:30",
            "2024-01-31T12:30:00Z",
            "'",
            "it's",
        ];
        strings.into_iter().for_each(|text| check(text, Value::String(text.to_owned())));
    }
}
