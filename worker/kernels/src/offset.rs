//! Offsets of RANGE: the values that rows reach when their key moves by an offset. It promises exact arithmetic for
//! whole numbers, decimals, dates and times, in a type wide enough, and one rounding for floats. It never wraps, and
//! refuses an offset that is negative or has no end.

use arrow::array::{ArrayRef, Datum};
use arrow::compute::kernels::numeric::{add, sub};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion_common::{Result, ScalarValue, exec_err, not_impl_err};

use crate::keys::one_form;

/// The key and, for each row, the key moved by the offset, both in one type.
pub(crate) fn moved(key: &ArrayRef, offset: &ScalarValue, up: bool) -> Result<(ArrayRef, ArrayRef)> {
    let (key, offset) = widened(key, offset)?;
    let offset = offset.to_scalar()?;
    let target = if up { add(&key, &offset as &dyn Datum)? } else { sub(&key, &offset as &dyn Datum)? };
    Ok((one_form(&key)?, one_form(&target)?))
}

fn widened(key: &ArrayRef, offset: &ScalarValue) -> Result<(ArrayRef, ScalarValue)> {
    let key_type = key.data_type();
    match key_type {
        DataType::Dictionary(_, values) => widened(&strict(key, values)?, offset),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            Ok((strict(key, &DataType::Float64)?, float(offset)?))
        }
        DataType::Date32 | DataType::Date64 => instants(key, TimeUnit::Microsecond, None, offset),
        DataType::Timestamp(unit, zone) => {
            let unit = if *unit == TimeUnit::Nanosecond { *unit } else { TimeUnit::Microsecond };
            instants(key, unit, zone.clone(), offset)
        }
        DataType::Time32(_) | DataType::Time64(_) => times(key, offset),
        _ => match (scale(key_type), scale(&offset.data_type())) {
            (Some(scale), Some(other)) => exact(key, scale.max(other), offset),
            _ => not_impl_err!("RANGE cannot move a key of type {key_type} by {offset}"),
        },
    }
}

/// Whole numbers and decimals, in a type that holds any sum of two of them.
fn exact(key: &ArrayRef, scale: i8, offset: &ScalarValue) -> Result<(ArrayRef, ScalarValue)> {
    let whole = key.data_type().is_integer() && offset.data_type().is_integer();
    let wide = if whole { DataType::Decimal128(38, 0) } else { DataType::Decimal256(76, scale) };
    let offset = offset.cast_to(&wide)?;
    if offset < ScalarValue::new_zero(&wide)? {
        return negative(&offset);
    }
    Ok((strict(key, &wide)?, offset))
}

fn scale(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some((*scale).max(0)),
        other => other.is_integer().then_some(0),
    }
}

fn float(offset: &ScalarValue) -> Result<ScalarValue> {
    match offset.cast_to(&DataType::Float64)? {
        ScalarValue::Float64(Some(value)) if !value.is_finite() => {
            exec_err!("an offset of a frame must be a finite number, but is {value}")
        }
        ScalarValue::Float64(Some(value)) if value < 0.0 => negative(offset),
        offset => Ok(offset),
    }
}

fn instants(
    key: &ArrayRef,
    unit: TimeUnit,
    zone: Option<std::sync::Arc<str>>,
    offset: &ScalarValue,
) -> Result<(ArrayRef, ScalarValue)> {
    let (_, _, nanoseconds) = interval(offset)?;
    if unit == TimeUnit::Microsecond && nanoseconds % 1000 != 0 {
        return not_impl_err!("RANGE moves this key by whole microseconds, not by {offset}");
    }
    let offset = offset.cast_to(&DataType::Interval(IntervalUnit::MonthDayNano))?;
    Ok((strict(key, &DataType::Timestamp(unit, zone))?, offset))
}

fn times(key: &ArrayRef, offset: &ScalarValue) -> Result<(ArrayRef, ScalarValue)> {
    let (0, 0, nanoseconds) = interval(offset)? else {
        return exec_err!("RANGE cannot move a time of day by days or months, as {offset} does");
    };
    let key = strict(&strict(key, &DataType::Time64(TimeUnit::Nanosecond))?, &DataType::Int64)?;
    exact(&key, 0, &ScalarValue::Int64(Some(nanoseconds)))
}

/// The months, days and nanoseconds of the offset.
fn interval(offset: &ScalarValue) -> Result<(i32, i32, i64)> {
    let wide = DataType::Interval(IntervalUnit::MonthDayNano);
    if !matches!(offset.data_type(), DataType::Interval(_)) {
        return not_impl_err!("RANGE moves a date or a time by an interval, not by {offset}");
    }
    match offset.cast_to(&wide)? {
        ScalarValue::IntervalMonthDayNano(Some(value)) => {
            if value.months < 0 || value.days < 0 || value.nanoseconds < 0 {
                return negative(offset);
            }
            Ok((value.months, value.days, value.nanoseconds))
        }
        other => exec_err!("an offset of a frame must be an interval, but is {other}"),
    }
}

fn negative<T>(offset: &ScalarValue) -> Result<T> {
    exec_err!("an offset of a frame must not be negative, but is {offset}")
}

fn strict(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    Ok(cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })?)
}
