//! Parts and names of dates and timestamps, and timestamps made of numbers.

use super::super::rowwise::{Made, RowWise, Step, Takes, Value};
use super::{INTEGER, Named, TEXT, TIMESTAMP, shape, unexpected};
use crate::functions::clock::{Part, SECOND, micros, moment_at};
use crate::functions::dates;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{Datelike, Months, NaiveDate, NaiveDateTime};
use datafusion_common::{Result, exec_datafusion_err, exec_err};
use datafusion_expr::ScalarUDF;
use std::sync::Arc;

use Takes::{Integer, Number, Time};

pub const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub fn all() -> Vec<Named> {
    let of_time = |names: &'static [&'static str], returns: DataType, step: fn() -> Step| {
        (names, RowWise::function(names[0], vec![shape(&[Time], returns, step)]))
    };
    let epoch_ms =
        vec![shape(&[Integer], TIMESTAMP, || Box::new(from_millis)), shape(&[Time], INTEGER, || Box::new(to_millis))];
    let made = vec![
        shape(&[Integer], TIMESTAMP, || Box::new(from_micros)),
        shape(&[Integer, Integer, Integer, Integer, Integer, Number], TIMESTAMP, || Box::new(from_fields)),
    ];
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        (&["date_part", "datepart"], Arc::new(ScalarUDF::from(dates::DatePart::default()))),
        (&["date_trunc", "datetrunc"], Arc::new(ScalarUDF::from(dates::DateTrunc::default()))),
        of_time(&["dayname"], TEXT, || Box::new(|row| named(row, |t| WEEKDAYS[Part::DayOfWeek.of(t) as usize]))),
        of_time(&["monthname"], TEXT, || Box::new(|row| named(row, |t| MONTHS[t.month0() as usize]))),
        of_time(&["last_day"], DataType::Date32, || Box::new(last_day)),
        of_time(&["epoch_us"], INTEGER, || Box::new(|row| scaled(row, 1))),
        of_time(&["epoch_ns"], INTEGER, || Box::new(|row| scaled(row, 1000))),
        (&["epoch_ms"], RowWise::function("epoch_ms", epoch_ms)),
        (&["make_timestamp"], RowWise::function("make_timestamp", made)),
        (&["to_timestamp"], RowWise::function("to_timestamp", vec![shape(&[Number], utc, || Box::new(from_seconds))])),
    ]
}

fn named(row: &[Value<'_>], name: impl Fn(&NaiveDateTime) -> &'static str) -> Result<Made> {
    let [Value::Time(at)] = row else { return unexpected(row) };
    Ok(Made::Text(name(&moment_at(*at)?).to_owned()))
}

fn last_day(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Time(at)] = row else { return unexpected(row) };
    let first = moment_at(*at)?.date().with_day(1);
    let last = first.and_then(|d| d.checked_add_months(Months::new(1))).and_then(|d| d.pred_opt());
    let last = last.ok_or_else(|| exec_datafusion_err!("the end of the month is out of range"))?;
    Ok(Made::Date(last.to_epoch_days()))
}

fn scaled(row: &[Value<'_>], by: i64) -> Result<Made> {
    let [Value::Time(at)] = row else { return unexpected(row) };
    match at.checked_mul(by) {
        Some(scaled) => Ok(Made::Integer(scaled)),
        None => exec_err!("{at} µs after 1970 in nanoseconds does not fit int64"),
    }
}

/// Halves of a millisecond go away from zero.
fn to_millis(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Time(at)] = row else { return unexpected(row) };
    Ok(Made::Integer(at / 1000 + i64::from(at % 1000 >= 500) - i64::from(at % 1000 <= -500)))
}

fn from_millis(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Integer(millis)] = row else { return unexpected(row) };
    time(millis.checked_mul(1000), millis)
}

fn from_micros(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Integer(at)] = row else { return unexpected(row) };
    time(Some(*at), at)
}

/// A timestamp that calendars have.
fn time(at: Option<i64>, written: impl std::fmt::Display) -> Result<Made> {
    match at.filter(|at| moment_at(*at).is_ok()) {
        Some(at) => Ok(Made::Time(at)),
        None => exec_err!("{written} is out of the range of timestamps"),
    }
}

fn from_seconds(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Number(seconds)] = row else { return unexpected(row) };
    let micros = (seconds * SECOND as f64).round_ties_even();
    // The largest float64 below 2^63 and the least number that int64 has.
    let fits = (-9_223_372_036_854_774_784.0..=9_223_372_036_854_774_784.0).contains(&micros);
    time(fits.then_some(micros as i64), seconds)
}

/// Seconds may be 60, and 24:00:00 is the next midnight.
fn from_fields(row: &[Value<'_>]) -> Result<Made> {
    let [
        Value::Integer(year),
        Value::Integer(month),
        Value::Integer(day),
        Value::Integer(hour),
        Value::Integer(minute),
        Value::Number(second),
    ] = row
    else {
        return unexpected(row);
    };
    let date = match (i32::try_from(*year), u32::try_from(*month), u32::try_from(*day)) {
        (Ok(y), Ok(m), Ok(d)) => NaiveDate::from_ymd_opt(y, m, d),
        _ => None,
    };
    let clock = (0..=23).contains(hour) && (0..=59).contains(minute) && (0.0..61.0).contains(second);
    let midnight = *hour == 24 && *minute == 0 && *second == 0.0;
    let written = format!("{year}-{month}-{day} {hour}:{minute}:{second}");
    match date.filter(|_| clock || midnight) {
        Some(date) => {
            let start = micros(&date.and_time(chrono::NaiveTime::MIN));
            let second = (second * SECOND as f64).round_ties_even() as i64;
            time(start.checked_add((hour * 3600 + minute * 60) * SECOND + second), written)
        }
        None => exec_err!("{written} is no time"),
    }
}
