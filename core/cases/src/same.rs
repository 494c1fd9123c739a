//! Whether two texts are one value of a column. Floats are one if they differ by no more than their rounding does: a billionth
//! of the larger (`float32`: a millionth), or by what the test allows. All else is equal or not: decimals digit by digit,
//! times to the microsecond, texts byte by byte.

use spotmill_core::types::ColumnType;
use spotmill_text::iso;

/// Of the larger value.
const FLOAT64: f64 = 1e-9;
const FLOAT32: f64 = 1e-6;

/// Both texts are values of the type; `tolerance` is what two floats may be apart besides.
pub fn same(ty: ColumnType, a: &str, b: &str, tolerance: f64) -> bool {
    match ty {
        ColumnType::String => a == b,
        ColumnType::Bool => a.eq_ignore_ascii_case(b),
        ColumnType::Float32 => alike(a, b, |a, b| close(a, b, FLOAT32, tolerance), |t| t.trim().parse::<f64>().ok()),
        ColumnType::Float64 => alike(a, b, |a, b| close(a, b, FLOAT64, tolerance), |t| t.trim().parse::<f64>().ok()),
        ColumnType::Date => alike(a, b, |a, b| a == b, |t| iso::date(t.trim().as_bytes())),
        ColumnType::Timestamp => alike(a, b, |a, b| a == b, |t| micros(t, false)),
        ColumnType::TimestampUtc => alike(a, b, |a, b| a == b, |t| micros(t, true)),
        ColumnType::Decimal { .. } => alike(a, b, |a, b| a == b, digits),
        _ => alike(a, b, |a, b| a == b, |t| t.trim().parse::<i128>().ok()),
    }
}

/// By their values; texts that have none are compared as they stand.
fn alike<T>(a: &str, b: &str, equal: impl Fn(&T, &T) -> bool, value: impl Fn(&str) -> Option<T>) -> bool {
    match (value(a), value(b)) {
        (Some(a), Some(b)) => equal(&a, &b),
        (None, None) => a == b,
        _ => false,
    }
}

fn close(a: &f64, b: &f64, relative: f64, tolerance: f64) -> bool {
    if a == b || a.is_nan() && b.is_nan() {
        return true;
    }
    let apart = (a - b).abs();
    apart.is_finite() && (apart <= relative * a.abs().max(b.abs()) || apart <= tolerance)
}

/// The engine writes `2013-01-01 05:00:00 UTC`, a person `2013-01-01T05:00:00Z`.
fn micros(text: &str, utc: bool) -> Option<i64> {
    let text = text.trim();
    iso::timestamp(text.strip_suffix(" UTC").unwrap_or(text).as_bytes(), utc, false)
}

/// Sign, digits before the point without leading zeros, digits after it without trailing ones.
fn digits(text: &str) -> Option<(bool, String, String)> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned());
    let zero = whole.is_empty() && fraction.is_empty();
    Some((negative && !zero, whole, fraction))
}
