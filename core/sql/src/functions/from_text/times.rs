//! Dates and times in text: `2024-01-02`, `2024/1/2`, a time after a blank or `T` with or without seconds, and a zone
//! after it. A timestamp without a zone is the time that is written, whatever zone stands beside it.

use crate::functions::clock::micros;
use crate::functions::time_zone::utc;
use arrow::array::timezone::Tz;
use chrono::{Datelike, Days, Duration, NaiveDate, NaiveDateTime};

/// What stands after a time.
enum Zone {
    None,
    Seconds(i64),
    Named(Tz),
}

/// Days since 1970-01-01.
pub fn date(text: &str) -> Option<i32> {
    let day = match day(text)? {
        (day, "") => day,
        (day, rest) => time(day, rest).map(|_| day)?,
    };
    Some(day.num_days_from_ce() - NaiveDate::default().num_days_from_ce())
}

/// Microseconds since 1970 of the time as it is written.
pub fn local(text: &str) -> Option<i64> {
    written(text).map(|(time, _)| micros(&time))
}

/// Microseconds since 1970 of the instant; without a zone it is UTC.
pub fn instant(text: &str) -> Option<i64> {
    let instant = match written(text)? {
        (time, Zone::None) => time,
        (time, Zone::Seconds(offset)) => time.checked_sub_signed(Duration::seconds(offset))?,
        (time, Zone::Named(zone)) => utc(time, &zone)?,
    };
    Some(micros(&instant))
}

fn written(text: &str) -> Option<(NaiveDateTime, Zone)> {
    match day(text)? {
        (day, "") => Some((day.into(), Zone::None)),
        (day, rest) => time(day, rest),
    }
}

/// The day that the text begins with, and what follows.
fn day(text: &str) -> Option<(NaiveDate, &str)> {
    if text == "epoch" {
        return Some((NaiveDate::default(), ""));
    }
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (year, rest) = number(rest, 6)?;
    let between = rest.chars().next().filter(|c| matches!(c, '-' | '/' | ' ' | '\\'))?;
    let (month, rest) = number(rest.strip_prefix(between)?, 2)?;
    let (day, rest) = number(rest.strip_prefix(between)?, 2)?;
    let year = i32::try_from(year).ok()?;
    let (year, rest) = match rest.strip_prefix(" (BC)") {
        Some(rest) => (1 - year, rest),
        None => (year, rest),
    };
    Some((NaiveDate::from_ymd_opt(if negative { -year } else { year }, month, day)?, rest))
}

/// The time of that day, and its zone.
fn time(day: NaiveDate, text: &str) -> Option<(NaiveDateTime, Zone)> {
    let rest = match text.strip_prefix('T') {
        Some(rest) => rest,
        None => text.strip_prefix(' ')?.trim_start_matches(' '),
    };
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => number(rest, 2)?,
        None => (0, rest),
    };
    let (micro, rest) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest),
        None => (0, rest),
    };
    let time = match (hour, minute, second, micro) {
        (24, 0, 0, 0) => day.checked_add_days(Days::new(1))?.into(),
        _ => day.and_hms_micro_opt(hour, minute, second, micro)?,
    };
    Some((time, zone(rest)?))
}

/// Microseconds of the digits behind the point, and what follows them.
fn fraction(text: &str) -> (u32, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let digits = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
    (digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0')), rest)
}

fn zone(text: &str) -> Option<Zone> {
    if let Some(name) = text.strip_prefix(' ') {
        let name = name.trim_start_matches(' ');
        return if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            Some(Zone::Named(name.parse().ok()?))
        } else {
            None
        };
    }
    let sign = match text.chars().next() {
        None => return Some(Zone::None),
        Some('Z') if text.len() == 1 => return Some(Zone::Seconds(0)),
        Some('+') => 1,
        Some('-') => -1,
        Some(_) => return None,
    };
    let mut seconds = 0;
    let mut rest = &text[1..];
    for unit in [3600, 60, 1] {
        if unit < 3600 {
            if rest.is_empty() {
                break;
            }
            rest = rest.strip_prefix(':').unwrap_or(rest);
        }
        let (value, after) = rest.split_at_checked(2)?;
        let value: i64 = value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok())??;
        seconds += value * unit;
        rest = after;
    }
    rest.is_empty().then_some(Zone::Seconds(sign * seconds))
}

/// The number that the text begins with, of at most so many digits, and what follows.
fn number(text: &str, most: usize) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    (digits <= most).then(|| number.parse().ok()).flatten().map(|value| (value, rest))
}
