//! Columns as Arrow makes them, of the types the bridge is to give and to take.

use super::{Cell, each, flattened};
use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use polars_core::prelude::{DataType, TimeUnit};
use std::sync::Arc;

pub fn array(dtype: &DataType, cells: &[Cell]) -> ArrayRef {
    match dtype {
        DataType::Null => Arc::new(NullArray::new(cells.len())),
        DataType::Boolean => Arc::new(BooleanArray::from(each(cells, |v| v.number % 2 == 0))),
        DataType::Int8 => Arc::new(Int8Array::from(each(cells, |v| v.number as i8))),
        DataType::Int16 => Arc::new(Int16Array::from(each(cells, |v| v.number as i16))),
        DataType::Int32 => Arc::new(Int32Array::from(each(cells, |v| v.number as i32))),
        DataType::Int64 => Arc::new(Int64Array::from(each(cells, |v| v.number as i64))),
        DataType::UInt8 => Arc::new(UInt8Array::from(each(cells, |v| v.number as u8))),
        DataType::UInt16 => Arc::new(UInt16Array::from(each(cells, |v| v.number as u16))),
        DataType::UInt32 => Arc::new(UInt32Array::from(each(cells, |v| v.number as u32))),
        DataType::UInt64 => Arc::new(UInt64Array::from(each(cells, |v| v.number as u64))),
        DataType::Float32 => Arc::new(Float32Array::from(each(cells, |v| f32::from_bits(v.number as u32)))),
        DataType::Float64 => Arc::new(Float64Array::from(each(cells, |v| f64::from_bits(v.number as u64)))),
        DataType::String => Arc::new(StringViewArray::from_iter(each(cells, |v| v.text.as_str()))),
        DataType::Binary => Arc::new(BinaryViewArray::from_iter(each(cells, |v| v.bytes()))),
        DataType::Date => Arc::new(Date32Array::from(each(cells, |v| v.number as i32))),
        DataType::Time => Arc::new(Time64NanosecondArray::from(each(cells, |v| v.time()))),
        DataType::Datetime(unit, zone) => timestamps(cells, *unit, zone.as_ref().map(|zone| zone.as_str())),
        DataType::Duration(unit) => durations(cells, *unit),
        DataType::Decimal(precision, scale) => decimals(cells, *precision, *scale),
        DataType::List(item) => lists(item, cells),
        other => panic!("no values of {other}"),
    }
}

fn timestamps(cells: &[Cell], unit: TimeUnit, zone: Option<&str>) -> ArrayRef {
    let (values, zone) = (each(cells, |v| v.number as i64), zone.map(Arc::from));
    match unit {
        TimeUnit::Milliseconds => Arc::new(TimestampMillisecondArray::from(values).with_timezone_opt::<Arc<str>>(zone)),
        TimeUnit::Microseconds => Arc::new(TimestampMicrosecondArray::from(values).with_timezone_opt::<Arc<str>>(zone)),
        TimeUnit::Nanoseconds => Arc::new(TimestampNanosecondArray::from(values).with_timezone_opt::<Arc<str>>(zone)),
    }
}

fn durations(cells: &[Cell], unit: TimeUnit) -> ArrayRef {
    let values = each(cells, |v| v.number as i64);
    match unit {
        TimeUnit::Milliseconds => Arc::new(DurationMillisecondArray::from(values)),
        TimeUnit::Microseconds => Arc::new(DurationMicrosecondArray::from(values)),
        TimeUnit::Nanoseconds => Arc::new(DurationNanosecondArray::from(values)),
    }
}

fn decimals(cells: &[Cell], precision: usize, scale: usize) -> ArrayRef {
    let array = Decimal128Array::from(each(cells, |v| v.decimal(precision)));
    Arc::new(array.with_precision_and_scale(precision as u8, scale as i8).expect("a decimal"))
}

fn lists(item: &DataType, cells: &[Cell]) -> ArrayRef {
    let (items, lengths) = flattened(cells);
    let values = array(item, &items);
    let nulls: NullBuffer = cells.iter().map(Option::is_some).collect::<Vec<_>>().into();
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Arc::new(LargeListArray::new(field, OffsetBuffer::from_lengths(lengths), values, Some(nulls)))
}
