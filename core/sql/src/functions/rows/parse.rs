//! A text read by the format of `strptime`. What the format does not name is of 1900-01-01 00:00:00; a text that does not
//! follow the format, or names a day that is not there, has no answer.

use super::pieces::{Piece, pieces};
use super::times::{MONTHS, WEEKDAYS};
use crate::functions::clock::micros;
use chrono::{Days, NaiveDate};
use datafusion_common::{Result, plan_err};

/// A format that can be read by.
pub struct Wanted(Vec<Piece>);

impl Wanted {
    pub fn read(format: &str) -> Result<Self> {
        let pieces = pieces(format)?;
        let of_weeks = |p: &Piece| matches!(p, Piece::Field('U' | 'W' | 'G' | 'V' | 'u' | 'w', _));
        let zones = |p: &Piece| matches!(p, Piece::Field('z' | 'Z', _));
        let has = |letter: char| pieces.iter().any(|p| matches!(p, Piece::Field(l, _) if *l == letter));
        if pieces.iter().any(of_weeks) {
            return plan_err!("`{format}`: dates are read by year, month and day, or by %j, not by weeks");
        }
        if pieces.iter().any(zones) {
            return plan_err!("`{format}`: a zone is read by CAST(… AS TIMESTAMPTZ)");
        }
        if has('j') && (has('m') || has('b') || has('B') || has('d')) {
            return plan_err!("`{format}` names the day twice: leave %j out");
        }
        Ok(Self(pieces))
    }
}

struct Fields {
    year: i32,
    month: u32,
    day: u32,
    of_year: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    afternoon: Option<bool>,
}

/// Microseconds since 1970.
pub fn parsed(text: &str, wanted: &Wanted) -> Option<i64> {
    let mut fields = Fields {
        year: 1900,
        month: 1,
        day: 1,
        of_year: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        afternoon: None,
    };
    let mut rest = text.trim_start();
    for piece in &wanted.0 {
        rest = match piece {
            // A blank stands for one or more.
            Piece::Literal(c) if c.is_ascii_whitespace() => {
                let shorter = rest.trim_start();
                if shorter.len() == rest.len() {
                    return None;
                }
                shorter
            }
            Piece::Literal(c) => rest.strip_prefix(*c)?,
            Piece::Field(letter, _) => fields.read(*letter, rest)?,
        };
    }
    if !rest.trim_end().is_empty() {
        return None;
    }
    fields.micros()
}

impl Fields {
    /// The text after the field.
    fn read<'a>(&mut self, letter: char, text: &'a str) -> Option<&'a str> {
        let most = match letter {
            'Y' => 4,
            'j' | 'g' => 3,
            'f' => 6,
            'n' => 9,
            'a' => return after_name(text, WEEKDAYS.iter().map(|n| &n[..3])).map(|(_, rest)| rest),
            'A' => return after_name(text, WEEKDAYS.iter().copied()).map(|(_, rest)| rest),
            'b' | 'B' => {
                let short = letter == 'b';
                let (at, rest) = after_name(text, MONTHS.iter().map(|n| if short { &n[..3] } else { *n }))?;
                self.month = at as u32 + 1;
                return Some(rest);
            }
            'p' => {
                let (at, rest) = after_name(text, ["am", "pm"].into_iter())?;
                self.afternoon = Some(at == 1);
                return Some(rest);
            }
            _ => 2,
        };
        let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = text.split_at(digits);
        let value: u32 = number.parse().ok()?;
        let within = |least: u32, most: u32| (least..=most).contains(&value).then_some(value);
        match letter {
            'Y' => self.year = value as i32,
            'y' => self.year = if value < 69 { 2000 + value as i32 } else { 1900 + value as i32 },
            'm' => self.month = within(1, 12)?,
            'd' => self.day = within(1, 31)?,
            'j' => self.of_year = Some(within(1, 366)?),
            'H' => self.hour = within(0, 23)?,
            'I' => self.hour = within(1, 12)?,
            'M' => self.minute = within(0, 59)?,
            'S' => self.second = within(0, 59)?,
            // Parts of a second.
            _ => self.nanos = value * 10u32.pow(9 - digits as u32),
        }
        Some(rest)
    }

    fn micros(&self) -> Option<i64> {
        let date = match self.of_year {
            // Day 366 of a year with 365 is the next one's first.
            Some(day) => NaiveDate::from_ymd_opt(self.year, 1, 1)?.checked_add_days(Days::new(u64::from(day - 1)))?,
            None => NaiveDate::from_ymd_opt(self.year, self.month, self.day)?,
        };
        let hour = match self.afternoon {
            None => self.hour,
            Some(_) if self.hour > 12 => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
        };
        let start = date.and_hms_opt(hour, self.minute, self.second)?;
        Some(micros(&start) + i64::from((self.nanos + 500) / 1000))
    }
}

/// Which of the names the text begins with, in any case, and what comes after it.
fn after_name<'a, 'b>(text: &'a str, names: impl Iterator<Item = &'b str>) -> Option<(usize, &'a str)> {
    names.enumerate().find_map(|(at, name)| {
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then_some((at, rest))
    })
}
