//! strftime patterns of dates and timestamps, read in one way whatever stands in them: a year has four digits and `%y`
//! two (69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068); months, days and times have one digit or two, and two
//! where another number stands beside them; what would be read and forgotten is refused when the pattern is.

mod found;
mod part;

use crate::iso::DAY_MICROS;
use found::Found;
use part::{Part, parts};
use spotmill_core::types::ColumnType;

#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    /// Each with whether its number has exactly two digits, because another number stands beside it.
    parts: Vec<(Part, bool)>,
}

impl Pattern {
    /// A pattern that determines one date, or one instant, of every text it fits, each part once.
    pub fn new(text: &str, ty: ColumnType) -> Result<Self, String> {
        let parts = parts(text)?;
        let has = |part: Part| parts.contains(&part);
        let wrong = |why: &str| Err(format!("`{text}`: {why}"));
        let year = has(Part::Year) || has(Part::ShortYear);
        let month = has(Part::Month) || has(Part::MonthName);
        if !(has(Part::Epoch) || year && (month && has(Part::Day) || has(Part::DayOfYear))) {
            return wrong("it has no whole date: a year, a month and a day");
        }
        if has(Part::Hour12) != has(Part::Half) {
            return wrong("`%I` and `%p` belong together");
        }
        if has(Part::Offset) && ty != ColumnType::TimestampUtc {
            return wrong(&format!(
                "an offset makes an instant, which a {ty} column does not hold: make it timestamp_utc"
            ));
        }
        let determined: Vec<&str> = parts.iter().filter_map(Part::determines).collect();
        if let Some((_, what)) = determined.iter().enumerate().find(|(i, what)| determined[..*i].contains(what)) {
            return wrong(&format!(
                "a part stands twice: it says {what} more than once, and one of them would be forgotten"
            ));
        }
        let of_day = ["the month", "the day"];
        if has(Part::DayOfYear) && determined.iter().any(|what| of_day.contains(what)) {
            return wrong("`%j` says the month and the day already");
        }
        if has(Part::Epoch) && determined.iter().any(|what| !["an instant", "a fraction", "an offset"].contains(what)) {
            return wrong("`%s` says the whole instant already");
        }
        let number = |i: usize| parts.get(i).is_some_and(Part::is_number);
        let exact = |i: usize| i > 0 && number(i - 1) || number(i + 1);
        let parts = parts.iter().enumerate().map(|(i, part)| (*part, exact(i))).collect();
        Ok(Self { text: text.to_owned(), parts })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    fn has(&self, part: Part) -> bool {
        self.parts.iter().any(|(p, _)| *p == part)
    }

    /// What is often meant instead.
    pub fn advice(&self, ty: ColumnType) -> &'static str {
        let times = [Part::Hour, Part::Hour12, Part::Epoch];
        if ty == ColumnType::Date && times.into_iter().any(|part| self.has(part)) {
            " at midnight: a date has no time of day (declare a timestamp, and CAST it)"
        } else if self.has(Part::Year) {
            " (%Y is a year of four digits, %y of two)"
        } else {
            ""
        }
    }

    /// Days since 1970 for a date, microseconds for a timestamp. A date has no time of day that could be left out.
    pub fn parse(&self, text: &[u8], ty: ColumnType, cut: bool) -> Option<i64> {
        let mut found = Found::default();
        let mut rest = text;
        for (part, exact) in &self.parts {
            rest = found.part(*part, rest, *exact, cut)?;
        }
        if !rest.is_empty() {
            return None;
        }
        let micros = found.micros()?;
        if ty != ColumnType::Date {
            return Some(micros);
        }
        (micros.rem_euclid(DAY_MICROS) == 0).then_some(micros.div_euclid(DAY_MICROS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iso::timestamp;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: Option<&str>) {
        let compiled = Pattern::new(pattern, ColumnType::TimestampUtc).expect("a pattern");
        let found = compiled.parse(text.as_bytes(), ColumnType::TimestampUtc, false);
        let expected = expected.map(|iso| timestamp(iso.as_bytes(), true, false).expect("ISO"));
        assert_eq!(found, expected, "{text} as {pattern}");
    }

    #[test]
    fn numbers_of_one_digit_or_two() {
        check("%m/%d/%Y", "1/5/2024", Some("2024-01-05"));
        check("%m/%d/%Y %I:%M %p", "1/5/2024 9:05 PM", Some("2024-01-05T21:05:00"));
        check("%m/%d/%Y %I:%M %p", "12/31/2023 12:00 AM", Some("2023-12-31T00:00:00"));
        check("%Y%m%d", "20240105", Some("2024-01-05"));
        check("%Y%m%d", "2024111", None);
        check("%Y%m%d%H%M", "202401050907", Some("2024-01-05T09:07"));
        check("%e %b %Y", " 5 Jan 2024", Some("2024-01-05"));
        check("%d-%b-%y", "05-SEP-24", Some("2024-09-05"));
        check("%A, %d %B %Y", "Friday, 05 January 2024", Some("2024-01-05"));
        check("%A, %d %B %Y", "Monday, 05 January 2024", None);
        check("%Y-%j", "2024-366", Some("2024-12-31"));
        check("%Y-%j", "2023-366", None);
    }

    #[test]
    fn years_of_two_digits_have_a_pivot_and_a_pattern_of_their_own() {
        check("%m/%d/%y", "1/6/24", Some("2024-01-06"));
        check("%m/%d/%y", "1/6/68", Some("2068-01-06"));
        check("%m/%d/%y", "1/6/69", Some("1969-01-06"));
        check("%m/%d/%y", "1/6/2024", None);
        check("%m/%d/%Y", "1/6/24", None);
        check("%m/%d/%Y %I:%M %p", "1/6/24 9:05 PM", None);
    }

    #[test]
    fn offsets_fractions_and_seconds() {
        check("%Y-%m-%dT%H:%M:%S%.f%z", "2024-01-05T10:00:00.25+0100", Some("2024-01-05T09:00:00.25"));
        check("%Y-%m-%dT%H:%M:%S%.f%z", "2024-01-05T10:00:00Z", Some("2024-01-05T10:00:00"));
        check("%Y-%m-%dT%H:%M:%S%.f", "2024-01-05T10:00:00.1234567", None);
        check("%s", "86400", Some("1970-01-02"));
        check("%s", "-1", Some("1969-12-31T23:59:59"));
        check("%s%.f", "-1.25", Some("1969-12-31T23:59:58.75"));
        check("%s%.f", "-0.25", Some("1969-12-31T23:59:59.75"));
        check("%d.%m.%Y %H:%M:%S", "05.01.2024 24:00:00", None);
        check("%d.%m.%Y", "30.02.2024", None);
        check("%d.%m.%Y", "05.01.2024 ", None);
    }

    #[test]
    fn a_date_has_no_time_of_day_to_leave_out() {
        let read = |pattern: &str, text: &str| {
            Pattern::new(pattern, ColumnType::Date).expect("a pattern").parse(text.as_bytes(), ColumnType::Date, false)
        };
        assert_eq!(read("%d.%m.%Y %H:%M", "02.01.1970 00:00"), Some(1));
        assert_eq!(read("%d.%m.%Y %H:%M", "02.01.1970 00:01"), None);
        assert_eq!(read("%d.%m.%Y %I:%M %p", "31.12.1969 12:00 AM"), Some(-1));
        assert_eq!(read("%s", "86400"), Some(1));
        assert_eq!(read("%s", "86399"), None);
    }

    #[test]
    fn what_would_be_forgotten_or_guessed_is_refused() {
        for (pattern, ty, why) in [
            ("%Y-%m-%d %H:%M:%S %Z", ColumnType::TimestampUtc, "%Z"),
            ("%Y-%m-%d %H:%M:%S %z", ColumnType::Timestamp, "timestamp_utc"),
            ("%H:%M", ColumnType::Timestamp, "no whole date"),
            ("%m/%Y", ColumnType::Date, "no whole date"),
            ("%Y-%m-%d %I:%M", ColumnType::Timestamp, "%p"),
            ("%Y-%m-%d %Y", ColumnType::Date, "twice"),
            ("%Y-%m-%d %Q", ColumnType::Date, "%Q"),
            ("%Y %y-%m-%d", ColumnType::Date, "the year more than once"),
            ("%d %b %m %Y", ColumnType::Date, "the month more than once"),
            ("%F %H:%I %p", ColumnType::Timestamp, "the hour more than once"),
            ("%F %T%.f %f", ColumnType::Timestamp, "a fraction more than once"),
            ("%Y-%j %d", ColumnType::Date, "`%j` says"),
            ("%s %H", ColumnType::Timestamp, "`%s` says"),
        ] {
            let error = Pattern::new(pattern, ty).expect_err(pattern);
            assert!(error.contains(why), "{pattern}: {error}");
        }
    }
}
