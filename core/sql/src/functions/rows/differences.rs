//! `date_diff` counts the borders of a part between two times, `date_sub` its whole lengths.

use super::super::rowwise::{Kept, Made, RowWise, Step, Takes, Value};
use super::{INTEGER, Named, shape, unexpected};
use crate::functions::clock::{DAY, Part, SECOND, days, micros, moment_at};
use chrono::{Datelike, Months, NaiveDateTime};
use datafusion_common::{Result, exec_datafusion_err, exec_err};

use Takes::{Text, Time};

pub fn all() -> Vec<Named> {
    vec![
        (
            &["date_diff", "datediff"],
            RowWise::checked(
                "date_diff",
                vec![shape(&[Text, Time, Time], INTEGER, || between(borders))],
                part_is_right,
            ),
        ),
        (
            &["date_sub", "datesub"],
            RowWise::checked("date_sub", vec![shape(&[Text, Time, Time], INTEGER, || between(lengths))], part_is_right),
        ),
    ]
}

fn part_is_right(literals: &[Option<&str>]) -> Result<()> {
    literals.first().copied().flatten().map_or(Ok(()), |part| Part::named(part).map(drop))
}

fn between(count: fn(Part, i64, i64) -> Result<Option<i64>>) -> Step {
    let mut kept = Kept::default();
    Box::new(move |row| {
        let [Value::Text(part), Value::Time(from), Value::Time(to)] = row else { return unexpected(row) };
        match count(*kept.of(part, Part::named)?, *from, *to)? {
            Some(count) => Ok(Made::Integer(count)),
            None => {
                exec_err!("`{part}` is nothing to count between two times: write year, month, day, hour and the like")
            }
        }
    })
}

/// The microseconds of a part that has always as many.
fn unit(part: Part) -> Option<i64> {
    Some(match part {
        Part::Day | Part::DayOfWeek | Part::IsoDayOfWeek | Part::DayOfYear | Part::Julian => DAY,
        Part::Hour => 3600 * SECOND,
        Part::Minute => 60 * SECOND,
        Part::Second | Part::Epoch => SECOND,
        Part::Millisecond => 1000,
        Part::Microsecond => 1,
        _ => return None,
    })
}

/// The months of a part that has always as many.
fn months_in(part: Part) -> Option<i64> {
    Some(match part {
        Part::Millennium => 12_000,
        Part::Century => 1200,
        Part::Decade => 120,
        Part::Year | Part::IsoYear => 12,
        Part::Quarter => 3,
        Part::Month => 1,
        _ => return None,
    })
}

fn difference(from: i64, to: i64) -> Result<i64> {
    to.checked_sub(from).ok_or_else(|| exec_datafusion_err!("the times are too far apart"))
}

fn borders(part: Part, from: i64, to: i64) -> Result<Option<i64>> {
    let (a, b) = (moment_at(from)?, moment_at(to)?);
    let years = |of: i32| i64::from(b.year() / of) - i64::from(a.year() / of);
    let month = |t: &NaiveDateTime| i64::from(t.year()) * 12 + i64::from(t.month0());
    Ok(Some(match part {
        Part::Millennium => years(1000),
        Part::Century => years(100),
        Part::Decade => years(10),
        Part::Year => years(1),
        Part::Quarter => month(&b).div_euclid(3) - month(&a).div_euclid(3),
        Part::Month => month(&b) - month(&a),
        Part::IsoYear => i64::from(b.iso_week().year()) - i64::from(a.iso_week().year()),
        // Not the Mondays between: DuckDB divides the days.
        Part::Week | Part::YearWeek => (days(&b) - days(&a)) / 7,
        other => match unit(other) {
            Some(unit) => difference(from.div_euclid(unit), to.div_euclid(unit))?,
            None => return Ok(None),
        },
    }))
}

fn lengths(part: Part, from: i64, to: i64) -> Result<Option<i64>> {
    Ok(Some(match (part, months_in(part), unit(part)) {
        (_, Some(months), _) => months_between(&moment_at(from)?, &moment_at(to)?) / months,
        (_, _, Some(unit)) => difference(from, to)? / unit,
        (Part::Week | Part::YearWeek, ..) => difference(from, to)? / (7 * DAY),
        _ => return Ok(None),
    }))
}

/// The most months that can be added to the earlier time without passing the later one.
fn months_between(from: &NaiveDateTime, to: &NaiveDateTime) -> i64 {
    if from > to {
        return -months_between(to, from);
    }
    let month = |t: &NaiveDateTime| i64::from(t.year()) * 12 + i64::from(t.month0());
    let most = month(to) - month(from);
    let reached = u32::try_from(most).ok().and_then(|m| from.checked_add_months(Months::new(m)));
    match reached {
        Some(reached) if micros(&reached) <= micros(to) => most,
        _ => most - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().expect(text)
    }

    #[test]
    fn months_end_where_the_shorter_month_ends() {
        let months = |a: &str, b: &str| months_between(&at(a), &at(b));
        assert_eq!(months("2024-01-31T00:00:00", "2024-02-29T00:00:00"), 1);
        assert_eq!(months("2024-01-31T12:00:00", "2024-02-29T00:00:00"), 0);
        assert_eq!(months("2024-02-29T00:00:00", "2024-01-31T00:00:00"), -1);
        assert_eq!(months("2023-02-28T00:00:00", "2024-02-28T00:00:00"), 12);
    }
}
