//! What a text has where a pattern has its parts, and the instant that follows from it.

use super::part::Part;
use crate::iso::{DAY_MICROS, days, digits, fraction, offset, seconds};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What was read of a text.
#[derive(Default)]
pub(super) struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    weekday: Option<i64>,
    hour: i64,
    hour12: Option<i64>,
    afternoon: bool,
    minute: i64,
    second: i64,
    micros: i64,
    offset: i64,
    epoch: Option<i64>,
    /// `-1.5` is before `-1`.
    negative: bool,
}

impl Found {
    /// Reads a part; gives what is left of the text.
    pub(super) fn part<'t>(&mut self, part: Part, text: &'t [u8], exact: bool, cut: bool) -> Option<&'t [u8]> {
        let wide = |width: usize| Some((digits(text.get(..width)?)?, &text[width..]));
        let short = || number(text, exact);
        let rest = match part {
            Part::Byte(byte) => text.strip_prefix(&[byte])?,
            Part::Space => {
                let rest = text.trim_ascii_start();
                (rest.len() < text.len()).then_some(rest)?
            }
            Part::Year => store(&mut self.year, wide(4)?),
            Part::ShortYear => {
                let (year, rest) = wide(2)?;
                store(&mut self.year, (if year < 69 { 2000 + year } else { 1900 + year }, rest))
            }
            Part::Month => store(&mut self.month, short()?),
            Part::MonthName => {
                let (month, rest) = word(text, &MONTHS)?;
                store(&mut self.month, (month + 1, rest))
            }
            Part::Day => store(&mut self.day, short()?),
            Part::DayOfYear => store(&mut self.day_of_year, wide(3)?),
            Part::Weekday => store(&mut self.weekday, word(text, &WEEKDAYS)?),
            Part::Hour => set(&mut self.hour, short()?),
            Part::Hour12 => store(&mut self.hour12, short()?),
            Part::Minute => set(&mut self.minute, short()?),
            Part::Second => set(&mut self.second, short()?),
            Part::Half => {
                let (letters, rest) = text.split_at_checked(2)?;
                self.afternoon = letters.eq_ignore_ascii_case(b"pm");
                (self.afternoon || letters.eq_ignore_ascii_case(b"am")).then_some(rest)?
            }
            Part::Fraction(width) => self.fraction(text, width, cut)?,
            Part::PointFraction(width) => match text.strip_prefix(b".") {
                Some(rest) => self.fraction(rest, width, cut)?,
                None => text,
            },
            Part::Offset => match text {
                [b'Z' | b'z', rest @ ..] => rest,
                _ => {
                    let length = text.iter().take_while(|b| b.is_ascii_digit() || b"+-:".contains(b)).count();
                    set(&mut self.offset, (offset(&text[..length])?, &text[length..]))
                }
            },
            Part::Epoch => {
                self.negative = text.starts_with(b"-");
                let (sign, body) = if self.negative { (-1, &text[1..]) } else { (1, text) };
                let length = body.iter().take_while(|b| b.is_ascii_digit()).count();
                let seconds = digits(body.get(..length).filter(|d| (1..=12).contains(&d.len()))?)?;
                store(&mut self.epoch, (sign * seconds, &body[length..]))
            }
        };
        Some(rest)
    }

    fn fraction<'t>(&mut self, text: &'t [u8], width: Option<usize>, cut: bool) -> Option<&'t [u8]> {
        let there = text.iter().take_while(|b| b.is_ascii_digit()).count();
        let width = width.unwrap_or(there);
        self.micros = fraction(text.get(..width)?, cut)?;
        Some(&text[width..])
    }

    pub(super) fn micros(&self) -> Option<i64> {
        let day = match (self.epoch, self.day_of_year) {
            (Some(seconds), _) => {
                return Some(seconds * 1_000_000 + if self.negative { -self.micros } else { self.micros });
            }
            (None, Some(n)) => {
                let (first, next) = (days(self.year?, 1, 1)?, days(self.year? + 1, 1, 1)?);
                (n >= 1 && first + n <= next).then_some(first + n - 1)?
            }
            (None, None) => days(self.year?, self.month?, self.day?)?,
        };
        // 1970-01-01 was a Thursday.
        if self.weekday.is_some_and(|weekday| (day + 3).rem_euclid(7) != weekday) {
            return None;
        }
        let hour = match self.hour12 {
            Some(hour) if (1..=12).contains(&hour) => hour % 12 + if self.afternoon { 12 } else { 0 },
            Some(_) => return None,
            None => self.hour,
        };
        let secs = seconds(hour, self.minute, self.second)? - self.offset;
        Some(day * DAY_MICROS + secs * 1_000_000 + self.micros)
    }
}

fn store<'t>(to: &mut Option<i64>, (value, rest): (i64, &'t [u8])) -> &'t [u8] {
    *to = Some(value);
    rest
}

fn set<'t>(to: &mut i64, (value, rest): (i64, &'t [u8])) -> &'t [u8] {
    *to = value;
    rest
}

/// One digit or two, a blank before one; exactly two where another number stands beside it.
fn number(text: &[u8], exact: bool) -> Option<(i64, &[u8])> {
    let text = if exact { text } else { text.strip_prefix(b" ").unwrap_or(text) };
    let width = text.iter().take(2).take_while(|b| b.is_ascii_digit()).count();
    if width == 0 || (exact && width < 2) {
        return None;
    }
    Some((digits(&text[..width])?, &text[width..]))
}

/// The number of a name from 0, written whole or by its first three letters.
fn word<'t>(text: &'t [u8], names: &[&str]) -> Option<(i64, &'t [u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let (letters, rest) = text.split_at(length);
    let is = |name: &&str| {
        letters.eq_ignore_ascii_case(name.as_bytes()) || letters.eq_ignore_ascii_case(&name.as_bytes()[..3])
    };
    Some((names.iter().position(is)? as i64, rest))
}
