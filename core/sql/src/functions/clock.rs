//! Moments as calendars and clocks show them, in UTC, and the parts that they have by DuckDB's names.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use datafusion_common::{Result, exec_datafusion_err, plan_err};

pub const SECOND: i64 = 1_000_000;
pub const DAY: i64 = 86_400 * SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Millennium,
    Century,
    Decade,
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    IsoYear,
    YearWeek,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Era,
    Epoch,
    Julian,
    Timezone,
}

const NAMES: &[(Part, &[&str])] = &[
    (Part::Millennium, &["millennium", "millennia", "millenniums", "millenium", "mil", "mils"]),
    (Part::Century, &["century", "centuries", "cent", "c"]),
    (Part::Decade, &["decade", "decades", "dec", "decs"]),
    (Part::Year, &["year", "years", "yr", "yrs", "y"]),
    (Part::Quarter, &["quarter", "quarters"]),
    (Part::Month, &["month", "months", "mon", "mons"]),
    (Part::Week, &["week", "weeks", "weekofyear", "w"]),
    (Part::Day, &["day", "days", "dayofmonth", "d"]),
    (Part::Hour, &["hour", "hours", "hr", "hrs", "h"]),
    (Part::Minute, &["minute", "minutes", "min", "mins", "m"]),
    (Part::Second, &["second", "seconds", "sec", "secs", "s"]),
    (Part::Millisecond, &["millisecond", "milliseconds", "ms", "msec", "msecs"]),
    (Part::Microsecond, &["microsecond", "microseconds", "us", "usec", "usecs"]),
    (Part::IsoYear, &["isoyear"]),
    (Part::YearWeek, &["yearweek"]),
    (Part::DayOfWeek, &["dow", "dayofweek", "weekday"]),
    (Part::IsoDayOfWeek, &["isodow"]),
    (Part::DayOfYear, &["doy", "dayofyear"]),
    (Part::Era, &["era"]),
    (Part::Epoch, &["epoch"]),
    (Part::Julian, &["julian", "jd"]),
    (Part::Timezone, &["timezone", "timezone_hour", "timezone_minute"]),
];

impl Part {
    pub fn named(name: &str) -> Result<Self> {
        let lower = name.to_lowercase();
        match NAMES.iter().find(|(_, names)| names.contains(&lower.as_str())) {
            Some((part, _)) => Ok(*part),
            None => {
                let names: Vec<&str> = NAMES.iter().map(|(_, names)| names[0]).collect();
                plan_err!("there is no part `{name}` of a time: {}", names.join(", "))
            }
        }
    }

    /// Whether the part has a fraction.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Epoch | Self::Julian)
    }

    /// The part of a moment; what has a fraction is zero here.
    pub fn of(self, moment: &NaiveDateTime) -> i64 {
        let year = i64::from(moment.year());
        let counted = |years: i64| if year > 0 { (year - 1) / years + 1 } else { year / years - 1 };
        let micros = i64::from(moment.nanosecond() / 1000);
        match self {
            Self::Millennium => counted(1000),
            Self::Century => counted(100),
            Self::Decade => year / 10,
            Self::Year => year,
            Self::Quarter => i64::from(moment.month0() / 3 + 1),
            Self::Month => moment.month().into(),
            Self::Week => moment.iso_week().week().into(),
            Self::Day => moment.day().into(),
            Self::Hour => moment.hour().into(),
            Self::Minute => moment.minute().into(),
            Self::Second => moment.second().into(),
            Self::Millisecond => i64::from(moment.second()) * 1000 + micros / 1000,
            Self::Microsecond => i64::from(moment.second()) * SECOND + micros,
            Self::IsoYear => moment.iso_week().year().into(),
            Self::YearWeek => {
                let (year, week) = (i64::from(moment.iso_week().year()), i64::from(moment.iso_week().week()));
                if year > 0 { year * 100 + week } else { year * 100 - week }
            }
            Self::DayOfWeek => moment.weekday().num_days_from_sunday().into(),
            Self::IsoDayOfWeek => moment.weekday().number_from_monday().into(),
            Self::DayOfYear => moment.ordinal().into(),
            Self::Era => i64::from(year > 0),
            Self::Epoch | Self::Julian | Self::Timezone => 0,
        }
    }

    /// The start of the part that the moment is in; nothing where a part has no start.
    pub fn start(self, moment: &NaiveDateTime) -> Option<NaiveDateTime> {
        let date = moment.date();
        let first_of = |years: i32| NaiveDate::from_ymd_opt(date.year() / years * years, 1, 1);
        let monday = |date: NaiveDate| date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()));
        let start = match self {
            Self::Millennium => first_of(1000)?,
            Self::Century => first_of(100)?,
            Self::Decade => first_of(10)?,
            Self::Year => first_of(1)?,
            Self::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)?,
            Self::Month => date.with_day(1)?,
            Self::Week | Self::YearWeek => monday(date)?,
            Self::IsoYear => {
                let week = date.iso_week();
                NaiveDate::from_isoywd_opt(week.year(), 1, chrono::Weekday::Mon)?
            }
            Self::Day | Self::DayOfWeek | Self::IsoDayOfWeek | Self::DayOfYear | Self::Julian => date,
            Self::Hour | Self::Minute | Self::Second | Self::Epoch | Self::Millisecond | Self::Microsecond => {
                let unit = match self {
                    Self::Hour => 3600 * SECOND,
                    Self::Minute => 60 * SECOND,
                    Self::Millisecond => 1000,
                    Self::Microsecond => 1,
                    _ => SECOND,
                };
                let micros = micros(moment);
                return moment_at(micros - micros.rem_euclid(unit)).ok();
            }
            Self::Era | Self::Timezone => return None,
        };
        Some(start.and_time(NaiveTime::MIN))
    }
}

/// What calendars and clocks show so many microseconds after 1970.
pub fn moment_at(micros: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros)
        .map(|t| t.naive_utc())
        .ok_or_else(|| exec_datafusion_err!("the time {micros} µs after 1970 is out of range"))
}

pub fn micros(moment: &NaiveDateTime) -> i64 {
    moment.and_utc().timestamp_micros()
}

/// Days since 1970.
pub fn days(moment: &NaiveDateTime) -> i64 {
    micros(moment).div_euclid(DAY)
}

/// The Julian day: whole at noon in astronomy, at midnight in databases.
pub fn julian(at: i64) -> f64 {
    let (days, rest) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    (days + 2_440_588) as f64 + rest as f64 / DAY as f64
}
