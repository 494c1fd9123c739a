//! Whether the text of one field is a value of its column. What is accepted here is accepted by the engine's CSV
//! reader with the same value (the item's tests/accept.rs holds the two against each other); some of what the engine takes
//! is refused here: blanks for a number, digits a decimal would have to round away.

use super::temporal::Temporal;
use spotmill_core::model::FieldRules;
use spotmill_core::types::{Column, ColumnType};

/// The check of one column.
#[derive(Clone, Debug)]
pub enum Check {
    Text,
    Bool,
    Int { bits: u32 },
    Uint { bits: u32 },
    Float32,
    Float64,
    Decimal { whole: usize, scale: usize },
    Time(Temporal),
}

impl Check {
    pub fn new(column: &Column, rules: &FieldRules) -> Result<Self, String> {
        if let Some(temporal) = Temporal::new(column, rules)? {
            return Ok(Self::Time(temporal));
        }
        if column.parse.is_some() {
            return Err(format!("column `{}`: `parse` is for dates and timestamps, not {}", column.name, column.ty));
        }
        Ok(match column.ty {
            ColumnType::Bool => Self::Bool,
            ColumnType::Int8 => Self::Int { bits: 8 },
            ColumnType::Int16 => Self::Int { bits: 16 },
            ColumnType::Int32 => Self::Int { bits: 32 },
            ColumnType::Int64 => Self::Int { bits: 64 },
            ColumnType::Uint8 => Self::Uint { bits: 8 },
            ColumnType::Uint16 => Self::Uint { bits: 16 },
            ColumnType::Uint32 => Self::Uint { bits: 32 },
            ColumnType::Uint64 => Self::Uint { bits: 64 },
            ColumnType::Float32 => Self::Float32,
            ColumnType::Float64 => Self::Float64,
            ColumnType::Decimal { precision, scale } => {
                Self::Decimal { whole: usize::from(precision - scale), scale: scale.into() }
            }
            _ => Self::Text,
        })
    }

    /// `text` is not null and stripped of its quotes.
    #[inline]
    pub fn accepts(&self, text: &[u8]) -> bool {
        match self {
            Self::Text => true,
            Self::Bool => text.eq_ignore_ascii_case(b"true") || text.eq_ignore_ascii_case(b"false"),
            Self::Int { bits } => int(*bits, unblank(text)),
            Self::Uint { bits } => uint(*bits, unblank(text)),
            Self::Float32 => float(text, 38, |t| fast_float2::parse::<f32, _>(t).ok().map(f32::is_finite)),
            Self::Float64 => float(text, 308, |t| fast_float2::parse::<f64, _>(t).ok().map(f64::is_finite)),
            Self::Decimal { whole, scale } => decimal(*whole, *scale, unblank(text)),
            Self::Time(temporal) => temporal.accepts(text),
        }
    }

    /// What would take a text that is not accepted.
    pub fn hint(&self, text: &[u8]) -> &'static str {
        match self {
            Self::Time(temporal) if temporal.has_offset(text) => ": it has an offset, which a `timestamp_utc` applies",
            Self::Decimal { .. } if text.iter().any(|b| matches!(b, b'e' | b'E')) && Self::Float64.accepts(text) => {
                ": it has an exponent; declare a float64 and CAST it"
            }
            _ => "",
        }
    }

    /// For the reason of a rejection: `a whole number from -128 to 127`.
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Int { bits } => {
                let max = i64::MAX >> (64 - bits);
                format!("a whole number from {} to {max}", -max - 1)
            }
            Self::Uint { bits } => format!("a whole number from 0 to {}", u64::MAX >> (64 - bits)),
            Self::Float32 => "a number that float32 holds".to_owned(),
            Self::Float64 => "a number".to_owned(),
            Self::Decimal { whole, scale } => {
                format!("a number with at most {whole} digits before the point and {scale} after it")
            }
            Self::Time(temporal) => temporal.expected(),
        }
    }
}

/// The engine skips blanks before a number; we do as well, but not where nothing follows.
#[inline]
fn unblank(text: &[u8]) -> &[u8] {
    match text.first() {
        Some(b' ' | b'\t') => {
            let from = text.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(text.len());
            &text[from..]
        }
        _ => text,
    }
}

#[inline]
fn all_digits(text: &[u8]) -> bool {
    text.iter().all(|b| b.wrapping_sub(b'0') <= 9)
}

/// Digits certain to fit: one fewer than the type's largest value has.
fn safe_digits(bits: u32) -> usize {
    match bits {
        8 => 2,
        16 => 4,
        32 => 9,
        _ => 18,
    }
}

#[inline]
fn int(bits: u32, text: &[u8]) -> bool {
    let body = text.strip_prefix(b"-").unwrap_or(text);
    if !body.is_empty() && body.len() <= safe_digits(bits) && all_digits(body) {
        return true;
    }
    match bits {
        8 => atoi_simd::parse::<i8, true, true>(text).is_ok(),
        16 => atoi_simd::parse::<i16, true, true>(text).is_ok(),
        32 => atoi_simd::parse::<i32, true, true>(text).is_ok(),
        _ => atoi_simd::parse::<i64, true, true>(text).is_ok(),
    }
}

#[inline]
fn uint(bits: u32, text: &[u8]) -> bool {
    if !text.is_empty() && text.len() <= safe_digits(bits) && all_digits(text) {
        return true;
    }
    match bits {
        8 => atoi_simd::parse::<u8, true, true>(text).is_ok(),
        16 => atoi_simd::parse::<u16, true, true>(text).is_ok(),
        32 => atoi_simd::parse::<u32, true, true>(text).is_ok(),
        _ => atoi_simd::parse::<u64, true, true>(text).is_ok(),
    }
}

/// A number that is infinite only if it is written so: one that is too large for the type is refused.
#[inline]
fn float(text: &[u8], safe: usize, finite: impl Fn(&[u8]) -> Option<bool>) -> bool {
    if text.len() <= safe && plain_number(text) {
        return true;
    }
    let text = unblank(text);
    finite(text).is_some_and(|finite| finite || !text.iter().any(u8::is_ascii_digit))
}

/// `-123.45`: the form of nearly every number, recognised without converting it.
#[inline]
fn plain_number(text: &[u8]) -> bool {
    let body = text.strip_prefix(b"-").unwrap_or(text);
    let mut points = 0;
    let plain = body.iter().all(|b| {
        points += u32::from(*b == b'.');
        b.wrapping_sub(b'0') <= 9 || *b == b'.'
    });
    plain && points <= 1 && body.first().is_some_and(u8::is_ascii_digit) && body.last().is_some_and(u8::is_ascii_digit)
}

fn decimal(whole: usize, scale: usize, text: &[u8]) -> bool {
    let body = match text.first() {
        Some(b'-' | b'+') => &text[1..],
        _ => text,
    };
    let point = memchr::memchr(b'.', body).unwrap_or(body.len());
    let (before, after) = (&body[..point], body.get(point + 1..).unwrap_or_default());
    // `.5` and `5.` are numbers, and `.` is none.
    if (before.is_empty() && after.is_empty()) || !all_digits(before) || !all_digits(after) {
        return false;
    }
    let zeros = before.iter().take_while(|b| **b == b'0').count();
    let excess = after.get(scale..).unwrap_or_default();
    before.len() - zeros <= whole && excess.iter().all(|b| *b == b'0') && after.len() <= 38
}
