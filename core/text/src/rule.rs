//! What a column's field is: NULL, a value in the one form that the engine reads, or neither. A rule is the column's
//! declaration; in a column whose type was found in a sample, a value that would have spoken against it is refused.

use crate::field::Check;
use crate::guess::speaks_against;
use crate::nulls::Nulls;
use crate::split::Field;
use spotmill_core::model::Read;
use spotmill_core::types::{Column, ColumnType};
use std::borrow::Cow;

#[derive(Clone, Debug)]
pub struct Rule {
    pub check: Check,
    pub nulls: Nulls,
    /// `1.234,5`.
    comma: bool,
    /// The type was found in a sample.
    sampled: Option<ColumnType>,
    /// NULL and the value are not the engine's: it reads a copy.
    pub rewrites: bool,
}

pub enum Value<'a> {
    Null,
    Text(Cow<'a, [u8]>),
    Bad,
}

impl Rule {
    /// Of a declared column.
    pub fn new(read: &Read, column: &Column) -> Result<Self, String> {
        let rules = read.rules(&column.name);
        let check = Check::new(column, &rules)?;
        let number = matches!(check, Check::Int { .. } | Check::Uint { .. } | Check::Float32 | Check::Float64)
            || matches!(check, Check::Decimal { .. });
        let comma = rules.decimal_comma && number;
        let nulls = Nulls::new(rules.null_values.as_ref().unwrap_or(&read.null_values));
        let rewrites = comma || rules.null_values.as_ref().is_some_and(|own| *own != read.null_values);
        Ok(Self { check, nulls, comma, sampled: read.inferred.then_some(column.ty), rewrites })
    }

    /// Of a column that is read past.
    pub fn passed(read: &Read) -> Self {
        let nulls = Nulls::new(&read.null_values);
        Self { check: Check::Text, nulls, comma: false, sampled: None, rewrites: false }
    }

    /// Whether every text is a value, so that none need be checked.
    pub fn takes_all(&self) -> bool {
        matches!(self.check, Check::Text) && matches!(self.sampled, None | Some(ColumnType::String))
    }

    /// What `value` returns for a text that the engine reads as it stands.
    #[inline]
    pub fn accepts(&self, text: &[u8]) -> bool {
        self.nulls.contains(text)
            || self.check.accepts(text) && !self.sampled.is_some_and(|ty| speaks_against(ty, text))
    }

    /// `text` is the field's, without quotes and escapes. What is escaped means itself, and never NULL.
    #[inline]
    pub fn value<'a>(&self, text: Cow<'a, [u8]>, field: Field) -> Value<'a> {
        if text.is_empty() {
            return if field.quoted && matches!(self.check, Check::Text) { Value::Text(text) } else { Value::Null };
        }
        if !field.escaped && self.nulls.contains(&text) {
            return Value::Null;
        }
        if self.sampled.is_some_and(|ty| speaks_against(ty, &text)) {
            return Value::Bad;
        }
        let text = match self.comma.then(|| point(&text)) {
            None => text,
            Some(Some(text)) => Cow::Owned(text),
            Some(None) => return Value::Bad,
        };
        if self.check.accepts(&text) { Value::Text(text) } else { Value::Bad }
    }

    /// For the reason of a rejection.
    pub fn expected(&self) -> String {
        let expected = self.check.expected();
        match (self.comma, self.sampled) {
            (true, _) => format!("{expected}, written with a decimal comma"),
            (false, Some(ty)) => format!("{expected}: the sample of the files made the column {ty}; declare `columns`"),
            (false, None) => expected,
        }
    }
}

/// `-1.234,50` as `-1234.50`; none where points do not stand between groups of three digits.
fn point(text: &[u8]) -> Option<Vec<u8>> {
    let (whole, fraction) = match memchr::memchr(b',', text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    if fraction.is_some_and(|f| f.iter().any(|b| matches!(b, b',' | b'.'))) {
        return None;
    }
    let digits = whole.iter().position(u8::is_ascii_digit).unwrap_or(whole.len());
    if whole[..digits].contains(&b'.') {
        return None;
    }
    let mut groups = whole[digits..].split(|b| *b == b'.');
    let first = groups.next()?;
    let mut out = [&whole[..digits], first].concat();
    for group in groups {
        if first.is_empty() || first.len() > 3 || group.len() != 3 || !group.iter().all(u8::is_ascii_digit) {
            return None;
        }
        out.extend_from_slice(group);
    }
    if let Some(fraction) = fraction {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_commas() {
        let read = |text: &str| point(text.as_bytes()).map(|t| String::from_utf8_lossy(&t).into_owned());
        for (text, expected) in
            [("1,5", "1.5"), ("-1.234,50", "-1234.50"), ("12.345.678,01", "12345678.01"), ("7", "7"), ("1.000", "1000")]
        {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["1.5", "1,2,3", "1.23,4", "1234.567,8", "1,234.5", ".123"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
