//! RANGE with an offset, by every type of key: counts and sums worked out by hand.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use datafusion_common::ScalarValue;
use datafusion_expr::WindowFrame;
use datafusion_expr::WindowFrameUnits::Range;
use datafusion_functions_aggregate::sum::sum_udaf;

use crate::support::*;

/// Sums of 1, 2, 4 and so on, a power of two a row, so that each sum identifies its rows.
fn sums(key: &ArrayRef, options: SortOptions, frame: WindowFrame) -> Vec<Option<i64>> {
    let powers: Vec<i64> = (0..key.len()).map(|row| 1 << row).collect();
    let mut call = aggregate(&sum_udaf(), &[ints(&powers)], &[]);
    call.order_by = vec![(Arc::clone(key), options)];
    call.frame = frame;
    as_ints(&answer(&call, key.len()))
}

fn failure(key: &ArrayRef, frame: WindowFrame) -> String {
    let mut call = aggregate(&sum_udaf(), &[ints(&vec![1; key.len()])], &[]);
    call.order_by = vec![(Arc::clone(key), ASCENDING)];
    call.frame = frame;
    error(&call, key.len())
}

fn months(months: i32, days: i32, nanoseconds: i64) -> ScalarValue {
    ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano { months, days, nanoseconds }))
}

const HOUR: i64 = 3_600_000_000_000;

#[test]
fn whole_numbers() {
    let key = ints(&[1, 2, 4, 4, 7]);
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(2_i64), CURRENT)), some(&[1, 3, 14, 14, 16]));
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(1_i64), after(2_i64))), some(&[3, 15, 12, 12, 16]));
    assert_eq!(
        sums(&key, ASCENDING, frame(Range, after(1_i64), after(3_i64))),
        [Some(14), Some(12), Some(16), Some(16), None]
    );
    assert_eq!(
        sums(&key, ASCENDING, frame(Range, before(3_i64), before(1_i64))),
        [None, Some(1), Some(3), Some(3), Some(12)]
    );
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(0_i64), after(0_i64))), some(&[1, 2, 12, 12, 16]));
    assert_eq!(sums(&key, ASCENDING, frame(Range, FIRST, after(2_i64))), some(&[3, 15, 15, 15, 31]));
}

#[test]
fn descending_keys_precede_by_being_greater() {
    let key = ints(&[1, 2, 4, 4, 7]);
    assert_eq!(sums(&key, DESCENDING, frame(Range, before(2_i64), CURRENT)), some(&[3, 14, 12, 12, 16]));
    assert_eq!(sums(&key, DESCENDING, frame(Range, CURRENT, after(3_i64))), some(&[1, 3, 15, 15, 28]));
}

#[test]
fn nulls_reach_their_peers_only() {
    let key = ints(&[Some(1), None, Some(2), None]);
    let near = frame(Range, before(1_i64), after(1_i64));
    assert_eq!(sums(&key, ASCENDING, near.clone()), some(&[5, 10, 5, 10]));
    assert_eq!(sums(&key, NULLS_FIRST, near.clone()), some(&[5, 10, 5, 10]));
    assert_eq!(sums(&key, DESCENDING, near.clone()), some(&[5, 10, 5, 10]));
    assert_eq!(sums(&key, ASCENDING, frame(Range, FIRST, after(1_i64))), some(&[5, 15, 5, 15]));
    assert_eq!(sums(&key, NULLS_FIRST, frame(Range, FIRST, after(0_i64))), some(&[11, 10, 15, 10]));
    assert_eq!(sums(&key, NULLS_FIRST, frame(Range, before(9_i64), LAST)), some(&[5, 15, 5, 15]));
    let nothing = ints::<Option<i64>>(&[None, None]);
    assert_eq!(sums(&nothing, ASCENDING, near), some(&[3, 3]));
    let nothing = cast(&nothing, &DataType::Null).unwrap_or_else(|_| arrow::array::new_null_array(&DataType::Null, 2));
    assert_eq!(sums(&nothing, ASCENDING, frame(Range, before(1_i64), CURRENT)), some(&[3, 3]));
}

#[test]
fn the_ends_of_a_type_do_not_wrap() {
    let key = ints(&[i64::MIN, 0, i64::MAX]);
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(1_i64), after(1_i64))), some(&[1, 2, 4]));
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(i64::MAX), after(i64::MAX))), some(&[1, 6, 6]));
    let key = cast(&ints(&[0, 1, 255]), &DataType::UInt8).unwrap();
    let near = frame(Range, before(ScalarValue::UInt8(Some(2))), after(ScalarValue::UInt8(Some(2))));
    assert_eq!(sums(&key, ASCENDING, near), some(&[3, 3, 4]));
}

#[test]
fn decimals_of_other_scales() {
    let key = decimals(&floats(&[1.0, 1.5, 2.0, 3.1]), 10, 1);
    let half = ScalarValue::Decimal128(Some(50), 3, 2);
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(half), CURRENT)), some(&[1, 3, 6, 8]));
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(1_i64), CURRENT)), some(&[1, 3, 7, 8]));
}

#[test]
fn floats_with_nan_and_infinity() {
    let key = floats(&[f64::NEG_INFINITY, -0.0, 0.0, 0.5, f64::INFINITY, -f64::NAN, f64::NAN]);
    let near = frame(Range, before(0.5), after(0.5));
    assert_eq!(sums(&key, ASCENDING, near.clone()), some(&[1, 14, 14, 14, 16, 96, 96]));
    assert_eq!(sums(&key, DESCENDING, near), some(&[1, 14, 14, 14, 16, 96, 96]));
    let below = frame(Range, FIRST, before(0.5));
    assert_eq!(sums(&key, ASCENDING, below), some(&[1, 1, 1, 7, 31, 127, 127]));
    let single = cast(&floats(&[0.25, 0.5, 0.75]), &DataType::Float32).unwrap();
    let quarter = ScalarValue::Float32(Some(0.25));
    assert_eq!(sums(&single, ASCENDING, frame(Range, before(quarter), CURRENT)), some(&[1, 3, 6]));
}

#[test]
fn dates_by_days_months_and_hours() {
    let key = cast(&texts(&["2024-01-31", "2024-02-01", "2024-02-29", "2024-03-31"]), &DataType::Date32).unwrap();
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(months(0, 1, 0)), CURRENT)), some(&[1, 3, 4, 8]));
    // A month before the 31st of March is the 29th of February; a month before the 29th, the 29th of January.
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(months(1, 0, 0)), CURRENT)), some(&[1, 3, 7, 12]));
    // Half a day before a date is still after the day before.
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(months(0, 0, 12 * HOUR)), CURRENT)), some(&[1, 2, 4, 8]));
}

#[test]
fn timestamps_with_and_without_a_zone() {
    let texts = texts(&["2024-03-10T00:00:00", "2024-03-10T06:00:00", "2024-03-11T00:00:00", "2024-03-11T00:00:01"]);
    let plain = cast(&texts, &DataType::Timestamp(TimeUnit::Millisecond, None)).unwrap();
    let day = frame(Range, before(months(0, 1, 0)), CURRENT);
    assert_eq!(sums(&plain, ASCENDING, day.clone()), some(&[1, 3, 7, 14]));
    // A day is 23 hours where the clock goes forward: midnight to midnight is still a day.
    let zoned = cast(&texts, &DataType::Timestamp(TimeUnit::Nanosecond, Some("America/New_York".into()))).unwrap();
    assert_eq!(sums(&zoned, ASCENDING, day), some(&[1, 3, 7, 14]));
    assert_eq!(sums(&zoned, ASCENDING, frame(Range, before(months(0, 0, 23 * HOUR)), CURRENT)), some(&[1, 3, 7, 14]));
    assert_eq!(sums(&zoned, ASCENDING, frame(Range, before(months(0, 0, 22 * HOUR)), CURRENT)), some(&[1, 3, 6, 14]));
}

#[test]
fn an_hour_that_comes_twice() {
    // The clock goes back from 2 to 1 between the second and the third, which comes 20 minutes later and shows 40
    // minutes less. So a day on, by the clock, the second reaches further than the third.
    let texts = texts(&["2024-11-03T05:00:00", "2024-11-03T05:50:00", "2024-11-03T06:10:00", "2024-11-04T06:30:00"]);
    let utc = cast(&texts, &DataType::Timestamp(TimeUnit::Second, Some("UTC".into()))).unwrap();
    let key = cast(&utc, &DataType::Timestamp(TimeUnit::Second, Some("America/New_York".into()))).unwrap();
    let day = || after(months(0, 1, 0));
    assert_eq!(sums(&key, ASCENDING, frame(Range, FIRST, day())), some(&[7, 15, 7, 15]));
    assert_eq!(sums(&key, ASCENDING, frame(Range, CURRENT, day())), some(&[7, 14, 4, 8]));
}

#[test]
fn times_of_day_by_hours() {
    let key = cast(&texts(&["00:30:00", "01:00:00", "02:00:00"]), &DataType::Time64(TimeUnit::Microsecond)).unwrap();
    assert_eq!(sums(&key, ASCENDING, frame(Range, before(months(0, 0, HOUR)), CURRENT)), some(&[1, 3, 6]));
    let failure = failure(&key, frame(Range, before(months(0, 1, 0)), CURRENT));
    assert!(failure.contains("cannot move a time of day by days or months"), "{failure}");
}

#[test]
fn an_offset_that_cannot_be_is_an_error() {
    let near = |offset: ScalarValue| frame(Range, before(offset), CURRENT);
    let negative = "an offset of a frame must not be negative";
    assert!(failure(&ints(&[1]), near((-1_i64).into())).contains(negative));
    assert!(failure(&floats(&[1.0]), near((-0.5).into())).contains(negative));
    assert!(failure(&floats(&[1.0]), near(f64::NAN.into())).contains("must be a finite number"));
    assert!(failure(&floats(&[1.0]), near(f64::INFINITY.into())).contains("must be a finite number"));
    let date = cast(&texts(&["2024-01-31"]), &DataType::Date32).unwrap();
    assert!(failure(&date, near(months(0, -1, 0))).contains(negative));
    assert!(failure(&date, near(months(0, 0, 1))).contains("by whole microseconds"));
    assert!(failure(&date, near(1_i64.into())).contains("by an interval"));
    assert!(failure(&texts(&["a"]), near(1_i64.into())).contains("cannot move a key of type Utf8"));
    assert!(failure(&ints(&[1]), near(0.5.into())).contains("cannot move a key of type Int64"));

    let mut call = aggregate(&sum_udaf(), &[ints(&[1])], &[]);
    call.frame = near(1_i64.into());
    assert!(error(&call, 1).contains("needs one key of its order, not 0"));
    call.order_by = vec![(ints(&[1]), ASCENDING), (ints(&[1]), ASCENDING)];
    assert!(error(&call, 1).contains("needs one key of its order, not 2"));
}
