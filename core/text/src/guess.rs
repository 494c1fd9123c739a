//! The types that every value seen so far fits. Conservative: whole numbers are int64, and whatever could lose something
//! on the way (leading zeros, more digits than a float64 has, mixed kinds) is a string.

use crate::field::Check;
use spotmill_core::model::FieldRules;
use spotmill_core::types::{Column, ColumnType};

/// Significant digits that every float64 keeps.
const SURE_DIGITS: usize = 15;

/// Whether a value that a column of this type accepts is no reason to guess the type.
pub fn speaks_against(ty: ColumnType, value: &[u8]) -> bool {
    let body = value.strip_prefix(b"-").unwrap_or(value);
    let padded = matches!(body, [b'0', b'0'..=b'9', ..]);
    let number = body.first().is_some_and(u8::is_ascii_digit) && !padded;
    match ty {
        ColumnType::Int64 => !number,
        ColumnType::Float64 => !number || loses(body),
        ColumnType::Timestamp => has_zone(value),
        // Of a text without an offset nobody knows whose time it is.
        ColumnType::TimestampUtc => !has_zone(value),
        _ => false,
    }
}

/// Whether a timestamp ends in `Z` or an offset.
fn has_zone(value: &[u8]) -> bool {
    let time = value.get(10..).unwrap_or_default();
    matches!(time.last(), Some(b'Z' | b'z')) || time.iter().any(|b| matches!(b, b'+' | b'-'))
}

/// Whether the number has digits that a float64 does not keep.
fn loses(body: &[u8]) -> bool {
    let mantissa = body.split(|b| matches!(b, b'e' | b'E')).next().unwrap_or_default();
    let significant = |text: &[u8]| {
        let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
        let from = digits.iter().position(|b| *b != b'0').unwrap_or(digits.len());
        let to = digits.iter().rposition(|b| *b != b'0').map_or(from, |n| n + 1);
        digits[from..to].to_vec()
    };
    if mantissa.len() <= SURE_DIGITS {
        return false;
    }
    let written = significant(mantissa);
    written.len() > SURE_DIGITS
        && fast_float2::parse::<f64, _>(body).is_ok_and(|value| {
            let shortest = format!("{value:e}");
            significant(shortest.split('e').next().unwrap_or_default().as_bytes()) != written
        })
}

#[derive(Clone, Debug)]
pub struct Guess {
    /// Best first.
    fits: Vec<(ColumnType, Check)>,
    seen: bool,
    /// JSON: an object or an array was seen, a scalar that is no text.
    nested: bool,
    scalar: bool,
}

impl Default for Guess {
    fn default() -> Self {
        use ColumnType as T;
        let order = [T::Bool, T::Int64, T::Float64, T::Date, T::Timestamp, T::TimestampUtc];
        let check = |ty: ColumnType| {
            let column = Column { name: String::new(), ty, parse: None };
            Check::new(&column, &FieldRules::default()).ok().map(|check| (ty, check))
        };
        Self { fits: order.into_iter().filter_map(check).collect(), seen: false, nested: false, scalar: false }
    }
}

impl Guess {
    pub fn see(&mut self, value: &[u8]) {
        self.seen = true;
        self.fits.retain(|(ty, check)| !speaks_against(*ty, value) && check.accepts(value));
    }

    /// A JSON value that is no string: an object or an array is none of the types.
    pub fn see_json(&mut self, value: &[u8]) {
        self.nested |= matches!(value.first(), Some(b'{' | b'['));
        self.scalar |= !matches!(value.first(), Some(b'{' | b'['));
        self.see(value);
    }

    /// How a JSON column of what was seen is read.
    pub fn rules(&self) -> FieldRules {
        let lenient = !self.nested && self.ty() == ColumnType::String && self.scalar;
        FieldRules { json: self.nested, lenient, ..FieldRules::default() }
    }

    /// A JSON string is no number, whatever its form.
    pub fn see_string(&mut self, value: &[u8]) {
        self.see(value);
        self.fits.retain(|(ty, _)| !matches!(ty, ColumnType::Bool | ColumnType::Int64 | ColumnType::Float64));
    }

    /// What both fit.
    pub fn and(&mut self, other: &Self) {
        self.seen |= other.seen;
        self.nested |= other.nested;
        self.scalar |= other.scalar;
        self.fits.retain(|(ty, _)| other.fits.iter().any(|(fits, _)| fits == ty));
    }

    pub fn ty(&self) -> ColumnType {
        match self.fits.first() {
            Some((ty, _)) if self.seen => *ty,
            _ => ColumnType::String,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_lose_nothing() {
        let check = |values: &[&str], expected: ColumnType| {
            let mut guess = Guess::default();
            values.iter().for_each(|value| guess.see(value.as_bytes()));
            assert_eq!(guess.ty(), expected, "{values:?}");
        };
        check(&["1", "-20"], ColumnType::Int64);
        check(&["94110", "02134"], ColumnType::String);
        check(&["-007"], ColumnType::String);
        check(&["+1"], ColumnType::String);
        check(&["1", "2.5"], ColumnType::Float64);
        check(&["31.245270191439438"], ColumnType::Float64);
        check(&["12345678901234567890"], ColumnType::String);
        check(&["9007199254740993.25"], ColumnType::String);
        check(&["1.00", "0.5", "0"], ColumnType::Float64);
        check(&["inf"], ColumnType::String);
        check(&["2024-01-01"], ColumnType::Date);
        check(&["2024-01-01T10:00:00", "2024-01-01"], ColumnType::Timestamp);
        check(&["2024-01-01T10:00:00Z", "2024-01-01 10:00+01:00"], ColumnType::TimestampUtc);
        check(&["2024-01-01T10:00:00Z", "2024-01-01T10:00:00"], ColumnType::String);
        check(&["2024-01-01T10:00:00Z", "2024-01-01"], ColumnType::String);
        check(&["2024-01-01T10:00:00.123456789"], ColumnType::String);
        check(&["true", "FALSE"], ColumnType::Bool);
        check(&[], ColumnType::String);
    }
}
