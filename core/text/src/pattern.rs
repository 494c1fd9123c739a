//! strftime patterns of dates and timestamps, read in one way whatever stands in them: a year has four digits and `%y`
//! two (69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068); months, days and times have one digit or two, and two
//! where another number stands beside them; what would be read and forgotten is refused when the pattern is.

use crate::iso::{DAY_MICROS, days, digits, fraction, offset, seconds};
use spotmill_core::types::ColumnType;

#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    /// Each with whether its number has exactly two digits, because another number stands beside it.
    parts: Vec<(Part, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    DayOfYear,
    Weekday,
    Hour,
    Hour12,
    Half,
    Minute,
    Second,
    /// Digits; of this width, or as many as there are.
    Fraction(Option<usize>),
    /// With the point before it, if it stands there.
    PointFraction(Option<usize>),
    Offset,
    Epoch,
    Space,
    Byte(u8),
}

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

impl Part {
    fn is_number(&self) -> bool {
        use Part as P;
        matches!(self, P::Year | P::ShortYear | P::Month | P::Day | P::DayOfYear | P::Hour | P::Hour12 | P::Minute)
            || matches!(self, P::Second | P::Fraction(_) | P::Epoch)
    }

    /// What it determines of a text.
    fn determines(&self) -> Option<&'static str> {
        use Part as P;
        Some(match self {
            P::Year | P::ShortYear => "the year",
            P::Month | P::MonthName => "the month",
            P::Day => "the day",
            P::DayOfYear => "the day of the year",
            P::Weekday => "the weekday",
            P::Hour | P::Hour12 => "the hour",
            P::Half => "the half of the day",
            P::Minute => "the minute",
            P::Second => "the second",
            P::Fraction(_) | P::PointFraction(_) => "a fraction",
            P::Offset => "an offset",
            P::Epoch => "an instant",
            P::Space | P::Byte(_) => return None,
        })
    }
}

fn parts(pattern: &str) -> Result<Vec<Part>, String> {
    use Part as P;
    let dashes = |list: [P; 3], between: u8| [list[0], P::Byte(between), list[1], P::Byte(between), list[2]];
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(byte) = rest.bytes().next() {
        if byte != b'%' {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            match byte {
                b' ' | b'\t' if parts.last() == Some(&P::Space) => {}
                b' ' | b'\t' => parts.push(P::Space),
                _ => parts.extend(rest[..length].bytes().map(P::Byte)),
            }
            rest = &rest[length..];
            continue;
        }
        let (name, length) = name(&rest[1..]);
        rest = &rest[1 + length..];
        match name {
            "Y" => parts.push(P::Year),
            "y" => parts.push(P::ShortYear),
            "m" | "-m" => parts.push(P::Month),
            "b" | "B" | "h" => parts.push(P::MonthName),
            "d" | "e" | "-d" => parts.push(P::Day),
            "j" => parts.push(P::DayOfYear),
            "a" | "A" => parts.push(P::Weekday),
            "H" | "k" | "-H" => parts.push(P::Hour),
            "I" | "l" | "-I" => parts.push(P::Hour12),
            "p" | "P" => parts.push(P::Half),
            "M" | "-M" => parts.push(P::Minute),
            "S" | "-S" => parts.push(P::Second),
            "f" => parts.push(P::Fraction(None)),
            "3f" | "6f" | "9f" => parts.push(P::Fraction(digit(name))),
            ".f" => parts.push(P::PointFraction(None)),
            ".3f" | ".6f" | ".9f" => parts.push(P::PointFraction(digit(&name[1..]))),
            "z" | ":z" => parts.push(P::Offset),
            "s" => parts.push(P::Epoch),
            "F" => parts.extend(dashes([P::Year, P::Month, P::Day], b'-')),
            "D" => parts.extend(dashes([P::Month, P::Day, P::ShortYear], b'/')),
            "T" => parts.extend(dashes([P::Hour, P::Minute, P::Second], b':')),
            "R" => parts.extend([P::Hour, P::Byte(b':'), P::Minute]),
            "%" => parts.push(P::Byte(b'%')),
            "Z" => {
                let why = "the letters of a zone are no offset: CST is three of them. Use %z where +hh:mm stands";
                return Err(format!("`{pattern}`: %Z cannot be read: {why}, or read the column as string"));
            }
            other => return Err(format!("`{pattern}`: there is no `%{other}` here; see the schema of `parse`")),
        }
    }
    Ok(parts)
}

/// The name of a part after its `%`.
fn name(text: &str) -> (&str, usize) {
    let longer = [".3f", ".6f", ".9f", ".f", "3f", "6f", "9f", ":z", "-m", "-d", "-H", "-I", "-M", "-S"];
    let length = match longer.iter().find(|k| text.starts_with(**k)) {
        Some(name) => name.len(),
        None => text.chars().next().map_or(0, char::len_utf8),
    };
    (&text[..length], length)
}

fn digit(name: &str) -> Option<usize> {
    name.bytes().next().map(|b| usize::from(b - b'0'))
}

/// What was read of a text.
#[derive(Default)]
struct Found {
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
    fn part<'t>(&mut self, part: Part, text: &'t [u8], exact: bool, cut: bool) -> Option<&'t [u8]> {
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

    fn micros(&self) -> Option<i64> {
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
