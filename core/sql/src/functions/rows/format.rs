//! `strftime`, `strptime` and `try_strptime`: the functions, and times written by a format.

use super::super::rowwise::{Kept, Made, RowWise, Shape, Step, Takes, Value};
use super::parse::{Wanted, parsed};
use super::pieces::{Piece, pieces};
use super::times::{MONTHS, WEEKDAYS};
use super::{Named, TEXT, TIMESTAMP, shape, unexpected};
use crate::functions::clock::{Part, moment_at};
use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion_common::{Result, exec_err, plan_err};
use std::fmt::Write;

use Takes::{Text, Time};

pub fn all() -> Vec<Named> {
    let parses = |name: &'static str, step: fn() -> Step| {
        let shapes: Vec<Shape> = vec![shape(&[Text, Text], TIMESTAMP, step)];
        RowWise::checked(name, shapes, |literals| match literals {
            [_, Some(format)] => Wanted::read(format).map(drop),
            _ => Ok(()),
        })
    };
    let formats = vec![shape(&[Time, Text], TEXT, strftime_step), shape(&[Text, Time], TEXT, strftime_step)];
    let formats = RowWise::checked("strftime", formats, |literals| {
        let format = match literals {
            [None, Some(format)] | [Some(format), None] => format,
            _ => return Ok(()),
        };
        printed(format).map(drop)
    });
    vec![
        (&["strftime"], formats),
        (&["strptime"], parses("strptime", || strptime_step(false))),
        (&["try_strptime"], parses("try_strptime", || strptime_step(true))),
    ]
}

/// The pieces of a format that a time is written by.
fn printed(format: &str) -> Result<Vec<Piece>> {
    let pieces = pieces(format)?;
    pieces.iter().try_for_each(printable)?;
    Ok(pieces)
}

fn printable(piece: &Piece) -> Result<()> {
    match piece {
        Piece::Field('n', _) => plan_err!("a timestamp has no nanoseconds: write %f for its microseconds"),
        Piece::Field('Z', _) => plan_err!("a timestamp has no name of a zone: leave %Z out"),
        _ => Ok(()),
    }
}

fn strftime_step() -> Step {
    let mut kept = Kept::default();
    Box::new(move |row| {
        let (at, format) = match row {
            [Value::Time(at), Value::Text(format)] | [Value::Text(format), Value::Time(at)] => (at, format),
            _ => return unexpected(row),
        };
        let moment = moment_at(*at)?;
        let mut out = String::with_capacity(format.len() + 8);
        for piece in kept.of(format, printed)? {
            match piece {
                Piece::Literal(c) => out.push(*c),
                Piece::Field(letter, short) => field(&mut out, &moment, *letter, *short),
            }
        }
        Ok(Made::Text(out))
    })
}

fn field(out: &mut String, t: &NaiveDateTime, letter: char, short: bool) {
    let weekday = Part::DayOfWeek.of(t);
    let hour12 = (t.hour() + 11) % 12 + 1;
    let micros = t.nanosecond() / 1000;
    let (number, width) = match letter {
        'a' => return out.push_str(&WEEKDAYS[weekday as usize][..3]),
        'A' => return out.push_str(WEEKDAYS[weekday as usize]),
        'b' => return out.push_str(&MONTHS[t.month0() as usize][..3]),
        'B' => return out.push_str(MONTHS[t.month0() as usize]),
        'p' => return out.push_str(if t.hour() < 12 { "AM" } else { "PM" }),
        'z' => return out.push_str("+00"),
        'Y' => return year(out, t.year()),
        'G' => return year(out, t.iso_week().year()),
        'w' => (weekday, 1),
        'u' => (Part::IsoDayOfWeek.of(t), 1),
        'd' => (t.day().into(), 2),
        'm' => (t.month().into(), 2),
        'y' => (i64::from((t.year() % 100).abs()), 2),
        'H' => (t.hour().into(), 2),
        'I' => (hour12.into(), 2),
        'M' => (t.minute().into(), 2),
        'S' => (t.second().into(), 2),
        'f' => (micros.into(), 6),
        'g' => (i64::from(micros / 1000), 3),
        'j' => (t.ordinal().into(), 3),
        // Weeks that begin on a Sunday, on a Monday; days before the first are in week 0.
        'U' => ((i64::from(t.ordinal0()) + 7 - weekday) / 7, 2),
        'W' => ((i64::from(t.ordinal0()) + 7 - (weekday + 6) % 7) / 7, 2),
        _ => (t.iso_week().week().into(), 2),
    };
    // Writing to a string cannot fail.
    let _ = match short {
        true => write!(out, "{number}"),
        false => write!(out, "{number:0width$}"),
    };
}

fn year(out: &mut String, year: i32) {
    let _ = match year {
        0.. => write!(out, "{year:04}"),
        _ => write!(out, "{year}"),
    };
}

fn strptime_step(lenient: bool) -> Step {
    let mut kept = Kept::default();
    Box::new(move |row| {
        let [Value::Text(text), Value::Text(format)] = row else { return unexpected(row) };
        match parsed(text, kept.of(format, Wanted::read)?) {
            Some(at) => Ok(Made::Time(at)),
            None if lenient => Ok(Made::Null),
            None => exec_err!("`{text}` is not written as `{format}`: use try_strptime to get NULL"),
        }
    })
}
