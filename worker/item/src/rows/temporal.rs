//! Dates and timestamps in text. One parser serves the row check and the reader, so that what the check accepts is
//! what the reader yields. Without a pattern only ISO 8601 is read; a pattern is strftime's, compiled where every
//! part has a fixed width and handed to chrono otherwise.

use chrono::format::{Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use spotmill_core::types::{Column, ColumnType};

const DAY_MICROS: i64 = 86_400_000_000;

/// How the texts of one column are read.
#[derive(Clone, Debug)]
pub struct Temporal {
    ty: ColumnType,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Iso,
    Fixed(Vec<Part>),
    Chrono(String),
}

/// A part of fixed width, or a literal byte.
#[derive(Clone, Copy, Debug)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Byte(u8),
}

impl Temporal {
    /// None for other types; an error for a pattern that means nothing.
    pub fn new(column: &Column) -> Result<Option<Self>, String> {
        if !matches!(column.ty, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc) {
            return Ok(None);
        }
        let how = match &column.parse {
            None => How::Iso,
            Some(pattern) => match fixed(pattern) {
                Some(parts) => How::Fixed(parts),
                None => {
                    if StrftimeItems::new(pattern).any(|i| matches!(i, chrono::format::Item::Error)) {
                        return Err(format!("column `{}`: `{pattern}` is no strftime pattern", column.name));
                    }
                    How::Chrono(pattern.clone())
                }
            },
        };
        Ok(Some(Self { ty: column.ty, how }))
    }

    /// Days since 1970 for a date, microseconds for a timestamp; none if the text is not one.
    pub fn parse(&self, text: &[u8]) -> Option<i64> {
        match (&self.how, self.ty) {
            (How::Iso, ColumnType::Date) => iso_date(text),
            (How::Iso, ty) => iso_timestamp(text, ty == ColumnType::TimestampUtc),
            (How::Fixed(parts), ty) => parse_fixed(parts, text, ty),
            (How::Chrono(pattern), ty) => parse_chrono(pattern, std::str::from_utf8(text).ok()?, ty),
        }
    }

    /// Whether `parse` would give something; most dates are told without computing their day.
    #[inline]
    pub fn accepts(&self, text: &[u8]) -> bool {
        match (&self.how, self.ty, text) {
            (How::Iso, ColumnType::Date, [y @ .., b'-', m0, m1, b'-', d0, d1]) if y.len() == 4 => {
                let two = |a: &u8, b: &u8| a.wrapping_sub(b'0') * 10 + b.wrapping_sub(b'0');
                let digit = |b: &u8| b.wrapping_sub(b'0') <= 9;
                let digits = y.iter().all(digit) & digit(m0) & digit(m1) & digit(d0) & digit(d1);
                // Every month has 28 days; the others are looked at closely.
                digits && (1..=12).contains(&two(m0, m1)) && (1..=28).contains(&two(d0, d1))
                    || self.parse(text).is_some()
            }
            _ => self.parse(text).is_some(),
        }
    }

    /// What a text should have looked like.
    pub fn expected(&self) -> String {
        match (&self.how, self.ty) {
            (How::Iso, ColumnType::Date) => "a date like 2013-01-31".to_owned(),
            (How::Iso, ColumnType::Timestamp) => "a timestamp like 2013-01-31T10:00:00".to_owned(),
            (How::Iso, _) => "a timestamp like 2013-01-31T10:00:00Z".to_owned(),
            (How::Chrono(pattern), _) => format!("a time written {pattern}"),
            (How::Fixed(parts), _) => format!("a time written {}", pattern_of(parts)),
        }
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    let mut out = 0i64;
    for b in text {
        let d = b.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        out = out * 10 + i64::from(d);
    }
    Some(out)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; none if there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = *LENGTHS.get(usize::try_from(month - 1).ok()?)? + i64::from(leap && month == 2);
    if day < 1 || day > length {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn seconds(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

fn iso_date(text: &[u8]) -> Option<i64> {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    days(digits(&text[..4])?, digits(&text[5..7])?, digits(&text[8..10])?)
}

/// `2013-01-31[T or space]10:00[:00[.123456]][Z or ±hh[:]mm]`, or a date alone. An offset is applied for a UTC
/// column; in a column without zone only `Z` may stand, and says nothing.
fn iso_timestamp(text: &[u8], utc: bool) -> Option<i64> {
    let date = iso_date(text.get(..10)?)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(date * DAY_MICROS);
    }
    if rest.len() < 6 || !matches!(rest[0], b'T' | b' ' | b't') || rest[3] != b':' {
        return None;
    }
    let (hour, minute) = (digits(&rest[1..3])?, digits(&rest[4..6])?);
    let mut rest = &rest[6..];
    let mut second = 0;
    let mut micros = 0;
    if rest.first() == Some(&b':') {
        second = digits(rest.get(1..3)?)?;
        rest = &rest[3..];
        if matches!(rest.first(), Some(b'.' | b',')) {
            let width = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if width == 0 || width > 9 {
                return None;
            }
            let mut scaled = digits(&rest[1..=width])?;
            (width..6).for_each(|_| scaled *= 10);
            (6..width).for_each(|_| scaled /= 10);
            micros = scaled;
            rest = &rest[1 + width..];
        }
    }
    let offset = match rest {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), offset @ ..] if utc => {
            let (h, m) = match offset {
                [_, _] => (digits(offset)?, 0),
                [_, _, _, _] => (digits(&offset[..2])?, digits(&offset[2..])?),
                [_, _, b':', _, _] => (digits(&offset[..2])?, digits(&offset[3..])?),
                _ => return None,
            };
            let secs = seconds(h, m, 0)?;
            if *sign == b'-' { -secs } else { secs }
        }
        _ => return None,
    };
    Some(date * DAY_MICROS + (seconds(hour, minute, second)? - offset) * 1_000_000 + micros)
}

fn fixed(pattern: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut bytes = pattern.bytes();
    let (mut y, mut m, mut d) = (0, 0, 0);
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            // Whitespace in a chrono pattern stands for any run of it: leave such patterns to chrono unless plain.
            if !byte.is_ascii() || (byte.is_ascii_whitespace() && byte != b' ') {
                return None;
            }
            parts.push(Part::Byte(byte));
            continue;
        }
        match bytes.next()? {
            b'Y' => (parts.push(Part::Year), y += 1).0,
            b'm' => (parts.push(Part::Month), m += 1).0,
            b'd' => (parts.push(Part::Day), d += 1).0,
            b'H' => parts.push(Part::Hour),
            b'M' => parts.push(Part::Minute),
            b'S' => parts.push(Part::Second),
            b'F' => {
                parts.extend([Part::Year, Part::Byte(b'-'), Part::Month, Part::Byte(b'-'), Part::Day]);
                (y, m, d) = (y + 1, m + 1, d + 1);
            }
            b'T' => {
                parts.extend([Part::Hour, Part::Byte(b':'), Part::Minute, Part::Byte(b':'), Part::Second]);
            }
            _ => return None,
        }
    }
    (y == 1 && m == 1 && d == 1).then_some(parts)
}

fn pattern_of(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Year => "%Y".to_owned(),
            Part::Month => "%m".to_owned(),
            Part::Day => "%d".to_owned(),
            Part::Hour => "%H".to_owned(),
            Part::Minute => "%M".to_owned(),
            Part::Second => "%S".to_owned(),
            Part::Byte(b) => char::from(*b).to_string(),
        })
        .collect()
}

fn parse_fixed(parts: &[Part], mut text: &[u8], ty: ColumnType) -> Option<i64> {
    let (mut y, mut m, mut d, mut hour, mut minute, mut second) = (0, 0, 0, 0, 0, 0);
    for part in parts {
        let width = match part {
            Part::Year => 4,
            Part::Byte(b) => {
                if text.first() != Some(b) {
                    return None;
                }
                text = &text[1..];
                continue;
            }
            _ => 2,
        };
        let value = digits(text.get(..width)?)?;
        text = &text[width..];
        match part {
            Part::Year => y = value,
            Part::Month => m = value,
            Part::Day => d = value,
            Part::Hour => hour = value,
            Part::Minute => minute = value,
            Part::Second => second = value,
            Part::Byte(_) => {}
        }
    }
    if !text.is_empty() {
        return None;
    }
    let (days, secs) = (days(y, m, d)?, seconds(hour, minute, second)?);
    Some(if ty == ColumnType::Date { days } else { days * DAY_MICROS + secs * 1_000_000 })
}

fn parse_chrono(pattern: &str, text: &str, ty: ColumnType) -> Option<i64> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, StrftimeItems::new(pattern)).ok()?;
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    if ty == ColumnType::Date {
        return Some((parsed.to_naive_date().ok()? - epoch).num_days());
    }
    let naive: NaiveDateTime = if parsed.offset().is_some() {
        if ty == ColumnType::Timestamp {
            return None;
        }
        let at: DateTime<_> = parsed.to_datetime().ok()?;
        at.naive_utc()
    } else {
        match parsed.to_naive_datetime_with_offset(0) {
            Ok(at) => at,
            Err(_) => parsed.to_naive_date().ok()?.and_hms_opt(0, 0, 0)?,
        }
    };
    Some(naive.and_utc().timestamp_micros())
}
