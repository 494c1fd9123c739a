//! `2013-01-01` and `2013-01-01..2013-01-31`, both ends included.

use jiff::civil::Date;
use jiff::tz::TimeZoneDatabase;
use spotmill_core::model::Schedule;

/// The most dates one command runs: three leap years.
pub const MAX_DATES: usize = 1_098;

/// Every date of the range, in order, as ISO text.
pub fn range(text: &str) -> Result<Vec<String>, String> {
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (date(first)?, date(last)?),
        None => (date(text)?, date(text)?),
    };
    if last < first {
        return Err(format!("{last} is before {first}; write the earlier date first"));
    }
    let days = usize::try_from((last - first).get_days()).unwrap_or(usize::MAX);
    if days >= MAX_DATES {
        return Err(format!("{} dates at once; at most {MAX_DATES}", days + 1));
    }
    Ok(first.series(jiff::Span::new().days(1)).take(days + 1).map(|d| d.to_string()).collect())
}

/// One date, as ISO writes it and no other way.
pub fn date(text: &str) -> Result<Date, String> {
    let text = text.trim();
    let parsed = jiff::fmt::strtime::parse("%Y-%m-%d", text).and_then(|t| t.to_date());
    match parsed {
        Ok(date) if date.to_string() == text => Ok(date),
        _ => Err(format!("`{text}` is no date; write 2013-01-31")),
    }
}

/// What a run is of.
#[derive(Debug, PartialEq, Eq)]
pub struct Logical {
    pub date: String,
    /// Of a schedule of hours.
    pub hour: Option<i8>,
}

/// What `text` asks for: a date is itself; a moment (what a scheduler knows: `2013-02-01T10:30:00Z`) is the day, or the day
/// before, in the schedule's time zone, or its hour or the one before. Without a schedule: the day before, in UTC.
pub fn logical(schedule: Option<&Schedule>, text: &str) -> Result<Logical, String> {
    let Ok(moment) = text.trim().parse::<jiff::Timestamp>() else {
        return date(text).map(|d| Logical { date: d.to_string(), hour: None });
    };
    if let Some(hour) = schedule.and_then(|s| s.hour.as_deref()) {
        let back = jiff::SignedDuration::from_hours(i64::from(hour == "previous"));
        let at = moment.checked_sub(back).map_err(|e| format!("`{text}`: {e}"))?.to_zoned(jiff::tz::TimeZone::UTC);
        return Ok(Logical { date: at.date().to_string(), hour: Some(at.hour()) });
    }
    let zone = schedule.map_or("UTC", |s| s.timezone.as_str());
    // The zones that the program brings along: those of the machine may be older, or not there at all.
    let found = TimeZoneDatabase::bundled().get(zone);
    let zone = found.map_err(|e| format!("the schedule's time zone `{zone}`: {e}"))?;
    let today = moment.to_zoned(zone).date();
    let day = if schedule.is_some_and(|s| s.date == "today") { Ok(today) } else { today.yesterday() };
    day.map(|d| Logical { date: d.to_string(), hour: None }).map_err(|e| format!("`{text}`: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(timezone: &str, date: &str) -> Schedule {
        Schedule { cron: String::new(), timezone: timezone.into(), date: date.into(), hour: None }
    }

    #[test]
    fn a_moment_is_an_hour_of_a_schedule_of_hours() {
        for (which, text, date, hour) in [
            ("this", "2013-02-01T00:05:00Z", "2013-02-01", Some(0)),
            ("previous", "2013-02-01T00:05:00Z", "2013-01-31", Some(23)),
            ("previous", "2013-02-01T17:05:00+02:00", "2013-02-01", Some(14)),
            // Somebody asks for a date, and gives the hour too.
            ("previous", "2013-02-01", "2013-02-01", None),
        ] {
            let schedule = Schedule { hour: Some(which.into()), ..schedule("UTC", "yesterday") };
            assert_eq!(logical(Some(&schedule), text), Ok(Logical { date: date.into(), hour }), "{which} {text}");
        }
    }

    #[test]
    fn a_moment_is_a_day_where_the_schedule_lives() {
        let (berlin, york) = (schedule("Europe/Berlin", "today"), schedule("America/New_York", "yesterday"));
        let check = |s: Option<&Schedule>, text: &str, want: &str| {
            assert_eq!(logical(s, text), Ok(Logical { date: want.into(), hour: None }));
        };
        check(None, "2013-02-01T05:30:00Z", "2013-01-31");
        check(Some(&berlin), "2013-01-31T23:30:00Z", "2013-02-01");
        check(Some(&york), "2013-02-01T03:30:00Z", "2013-01-30");
        // The same in summer and winter: the zone's own days count.
        check(Some(&york), "2013-07-01T04:30:00Z", "2013-06-30");
        check(Some(&york), "2013-01-31", "2013-01-31");
        assert!(logical(None, "soon").expect_err("no date").contains("`soon` is no date"));
    }

    #[test]
    fn ranges() {
        let check = |text: &str, want: Result<(usize, &str), &str>| {
            let got = range(text).map(|d| (d.len(), d[d.len() - 1].clone()));
            assert_eq!(got, want.map(|(n, l)| (n, l.to_owned())).map_err(str::to_owned), "{text}");
        };
        check("2013-01-01", Ok((1, "2013-01-01")));
        check("2013-01-01..2013-01-31", Ok((31, "2013-01-31")));
        check("2012-02-28..2012-03-01", Ok((3, "2012-03-01")));
        check("2013-01-02..2013-01-01", Err("2013-01-01 is before 2013-01-02; write the earlier date first"));
        check("2013-1-1", Err("`2013-1-1` is no date; write 2013-01-31"));
        check("2013-02-29", Err("`2013-02-29` is no date; write 2013-01-31"));
        check("1900-01-01..2013-01-01", Err("41274 dates at once; at most 1098"));
    }
}
