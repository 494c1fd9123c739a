//! Dates and timestamps in text. One parser serves the row check and the reader, so that what the check accepts is
//! what the reader yields. Without a pattern only ISO 8601 is read. A timestamp has microseconds: more digits are
//! refused, unless they are zeros or the column states that they are cut off.

use crate::iso;
use crate::pattern::Pattern;
use spotmill_core::model::FieldRules;
use spotmill_core::types::{Column, ColumnType};

/// How the texts of one column are read.
#[derive(Clone, Debug)]
pub struct Temporal {
    ty: ColumnType,
    pattern: Option<Pattern>,
    cut: bool,
}

impl Temporal {
    /// None for other types; an error for a pattern that means nothing.
    pub fn new(column: &Column, rules: &FieldRules) -> Result<Option<Self>, String> {
        if !matches!(column.ty, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc) {
            return Ok(None);
        }
        let pattern = column.parse.as_deref().map(|text| Pattern::new(text, column.ty)).transpose();
        let pattern = pattern.map_err(|e| format!("column `{}`: {e}", column.name))?;
        Ok(Some(Self { ty: column.ty, pattern, cut: rules.cut_nanoseconds }))
    }

    /// Days since 1970 for a date, microseconds for a timestamp; none if the text is not one.
    pub fn parse(&self, text: &[u8]) -> Option<i64> {
        match (&self.pattern, self.ty) {
            (Some(pattern), ty) => pattern.parse(text, ty, self.cut),
            (None, ColumnType::Date) => iso::date(text),
            (None, ty) => iso::timestamp(text, ty == ColumnType::TimestampUtc, self.cut),
        }
    }

    /// Whether `parse` would give something; most dates are recognised without computing their day.
    #[inline]
    pub fn accepts(&self, text: &[u8]) -> bool {
        match (&self.pattern, self.ty, text) {
            (None, ColumnType::Date, [y @ .., b'-', m0, m1, b'-', d0, d1]) if y.len() == 4 => {
                let two = |a: &u8, b: &u8| a.wrapping_sub(b'0') * 10 + b.wrapping_sub(b'0');
                let digit = |b: &u8| b.wrapping_sub(b'0') <= 9;
                let digits = y.iter().all(digit) & digit(m0) & digit(m1) & digit(d0) & digit(d1);
                // Every month has 28 days; the others are checked closely.
                digits && (1..=12).contains(&two(m0, m1)) && (1..=28).contains(&two(d0, d1))
                    || self.parse(text).is_some()
            }
            _ => self.parse(text).is_some(),
        }
    }

    /// Whether the text is an instant with an offset, which this type does not take.
    pub fn has_offset(&self, text: &[u8]) -> bool {
        self.pattern.is_none() && self.ty == ColumnType::Timestamp && iso::timestamp(text, true, self.cut).is_some()
    }

    /// The form that a text should have had.
    pub fn expected(&self) -> String {
        let example = match (&self.pattern, self.ty) {
            (Some(pattern), _) => return format!("a time written {}{}", pattern.text(), pattern.advice(self.ty)),
            (None, ColumnType::Date) => return "a date like 2013-01-31".to_owned(),
            (None, ColumnType::Timestamp) => "a timestamp like 2013-01-31T10:00:00",
            (None, _) => "a timestamp like 2013-01-31T10:00:00Z",
        };
        match self.cut {
            true => example.to_owned(),
            false => format!("{example}, with at most 6 digits after the second (`nanoseconds = \"cut\"` drops more)"),
        }
    }
}
