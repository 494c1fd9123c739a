//! Which type of the one side stands for which of the other: the only list of what can cross. It promises that
//! `polars_type(arrow_type(t))` is `t` for every type of Polars that crosses. It never widens, rounds or renames a
//! type, with three exceptions of Arrow's types Polars does not have: seconds become milliseconds, narrow decimals
//! 128 bits wide, and a zone written as an offset gets the name that Polars has for it.

use arrow::datatypes::{DataType as ArrowType, Field, TimeUnit as ArrowUnit};
use polars_core::prelude::{DataType, TimeUnit, TimeZone};
use std::sync::Arc;

/// The digits of the widest decimal that both sides hold in 128 bits.
const MAX_PRECISION: u8 = 38;
/// To Polars not a zone's name but a pattern of every zone.
const ANY_ZONE: &str = "*";

/// The type `to_arrow` gives for a column of `dtype`.
pub fn arrow_type(dtype: &DataType) -> Option<ArrowType> {
    Some(match dtype {
        DataType::Null => ArrowType::Null,
        DataType::Boolean => ArrowType::Boolean,
        DataType::Int8 => ArrowType::Int8,
        DataType::Int16 => ArrowType::Int16,
        DataType::Int32 => ArrowType::Int32,
        DataType::Int64 => ArrowType::Int64,
        DataType::UInt8 => ArrowType::UInt8,
        DataType::UInt16 => ArrowType::UInt16,
        DataType::UInt32 => ArrowType::UInt32,
        DataType::UInt64 => ArrowType::UInt64,
        DataType::Float32 => ArrowType::Float32,
        DataType::Float64 => ArrowType::Float64,
        DataType::String => ArrowType::Utf8View,
        DataType::Binary => ArrowType::BinaryView,
        DataType::Date => ArrowType::Date32,
        DataType::Datetime(unit, zone) => ArrowType::Timestamp(arrow_unit(*unit), arrow_zone(zone.as_ref())?),
        DataType::Duration(unit) => ArrowType::Duration(arrow_unit(*unit)),
        DataType::Time => ArrowType::Time64(ArrowUnit::Nanosecond),
        DataType::Decimal(precision, scale) => arrow_decimal(*precision, *scale)?,
        DataType::List(item) => ArrowType::LargeList(Arc::new(Field::new_list_field(arrow_type(item)?, true))),
        _ => return None,
    })
}

/// The type `to_series` gives for an array of `ty`.
pub fn polars_type(ty: &ArrowType) -> Option<DataType> {
    Some(match ty {
        ArrowType::Null => DataType::Null,
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int8 => DataType::Int8,
        ArrowType::Int16 => DataType::Int16,
        ArrowType::Int32 => DataType::Int32,
        ArrowType::Int64 => DataType::Int64,
        ArrowType::UInt8 => DataType::UInt8,
        ArrowType::UInt16 => DataType::UInt16,
        ArrowType::UInt32 => DataType::UInt32,
        ArrowType::UInt64 => DataType::UInt64,
        ArrowType::Float32 => DataType::Float32,
        ArrowType::Float64 => DataType::Float64,
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => DataType::String,
        ArrowType::Binary | ArrowType::LargeBinary | ArrowType::BinaryView => DataType::Binary,
        ArrowType::Date32 => DataType::Date,
        ArrowType::Timestamp(unit, zone) => DataType::Datetime(polars_unit(*unit), polars_zone(zone.as_deref())?),
        ArrowType::Duration(unit) => DataType::Duration(polars_unit(*unit)),
        ArrowType::Time64(ArrowUnit::Nanosecond) => DataType::Time,
        ArrowType::Decimal32(precision, scale)
        | ArrowType::Decimal64(precision, scale)
        | ArrowType::Decimal128(precision, scale) => polars_decimal(*precision, *scale)?,
        ArrowType::List(item) | ArrowType::LargeList(item) => DataType::List(Box::new(polars_type(item.data_type())?)),
        _ => return None,
    })
}

fn arrow_unit(unit: TimeUnit) -> ArrowUnit {
    match unit {
        TimeUnit::Milliseconds => ArrowUnit::Millisecond,
        TimeUnit::Microseconds => ArrowUnit::Microsecond,
        TimeUnit::Nanoseconds => ArrowUnit::Nanosecond,
    }
}

fn polars_unit(unit: ArrowUnit) -> TimeUnit {
    match unit {
        ArrowUnit::Second | ArrowUnit::Millisecond => TimeUnit::Milliseconds,
        ArrowUnit::Microsecond => TimeUnit::Microseconds,
        ArrowUnit::Nanosecond => TimeUnit::Nanoseconds,
    }
}

/// `None` is a refusal; `Some(None)` a time without a zone.
fn arrow_zone(zone: Option<&TimeZone>) -> Option<Option<Arc<str>>> {
    match zone.map(|zone| zone.as_str()) {
        Some("" | ANY_ZONE) => None,
        zone => Some(zone.map(Arc::from)),
    }
}

/// `None` is a refusal; `Some(None)` a time without a zone. To Arrow's libraries `+00:00` and to Polars `UTC` is the
/// name of the same zone, and other full hours have names too (`+01:00` is `Etc/GMT-1`).
fn polars_zone(zone: Option<&str>) -> Option<Option<TimeZone>> {
    if zone == Some(ANY_ZONE) {
        return None;
    }
    TimeZone::opt_try_new(zone).ok()
}

fn arrow_decimal(precision: usize, scale: usize) -> Option<ArrowType> {
    let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
    polars_decimal(precision, scale).map(|_| ArrowType::Decimal128(precision, scale))
}

fn polars_decimal(precision: u8, scale: i8) -> Option<DataType> {
    let scale = u8::try_from(scale).ok()?;
    let both_have_it = (1..=MAX_PRECISION).contains(&precision) && scale <= precision;
    both_have_it.then(|| DataType::Decimal(precision.into(), scale.into()))
}
