//! A value as people see it. Days and instants of years that no calendar here counts to, which Parquet may hold, are shown
//! as the numbers that they are: the engine would panic over them.

use polars::prelude::{AnyValue, TimeUnit};

/// Of the year 262000, up to which days have dates here, on both sides of 1970.
const MOST_DAYS: i64 = 94_000_000;

pub fn shown(value: &AnyValue<'_>) -> String {
    let (days, ticks, unit) = match value {
        AnyValue::Date(days) => (i64::from(*days), i64::from(*days), "days"),
        AnyValue::Datetime(ticks, unit, _) | AnyValue::DatetimeOwned(ticks, unit, _) => {
            let (a_day, unit) = match unit {
                TimeUnit::Nanoseconds => (86_400_000_000_000, "nanoseconds"),
                TimeUnit::Microseconds => (86_400_000_000, "microseconds"),
                TimeUnit::Milliseconds => (86_400_000, "milliseconds"),
            };
            (ticks.div_euclid(a_day), *ticks, unit)
        }
        other => return other.get_str().map_or_else(|| other.to_string(), str::to_owned),
    };
    if days.abs() > MOST_DAYS { format!("{ticks} {unit} since 1970") } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_and_instant_is_shown() {
        let instant = |ticks| AnyValue::Datetime(ticks, TimeUnit::Microseconds, None);
        for (value, expected) in [
            (AnyValue::Date(0), "1970-01-01"),
            (AnyValue::Date(i32::MAX), "2147483647 days since 1970"),
            (AnyValue::Date(i32::MIN), "-2147483648 days since 1970"),
            (instant(i64::MAX), "9223372036854775807 microseconds since 1970"),
            (instant(i64::MIN), "-9223372036854775808 microseconds since 1970"),
            (AnyValue::String("x"), "x"),
        ] {
            assert_eq!(shown(&value), expected);
        }
        for days in [MOST_DAYS, -MOST_DAYS] {
            assert!(!shown(&AnyValue::Date(days as i32)).contains("since"));
            assert!(!shown(&instant(days * 86_400_000_000)).contains("since"));
        }
    }
}
