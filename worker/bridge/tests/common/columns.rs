//! Columns as Polars makes them.

use super::{Cell, each, flattened};
use polars_arrow::array::ListArray;
use polars_arrow::bitmap::Bitmap;
use polars_arrow::offset::{Offsets, OffsetsBuffer};
use polars_core::prelude::*;

pub fn series(dtype: &DataType, cells: &[Cell]) -> Series {
    match dtype {
        DataType::Null => Series::new_null("x".into(), cells.len()),
        DataType::Boolean => of(each(cells, |v| v.number % 2 == 0)),
        DataType::Int8 => of(each(cells, |v| v.number as i8)),
        DataType::Int16 => of(each(cells, |v| v.number as i16)),
        DataType::Int32 => of(each(cells, |v| v.number as i32)),
        DataType::Int64 => of(each(cells, |v| v.number as i64)),
        DataType::UInt8 => of(each(cells, |v| v.number as u8)),
        DataType::UInt16 => of(each(cells, |v| v.number as u16)),
        DataType::UInt32 => of(each(cells, |v| v.number as u32)),
        DataType::UInt64 => of(each(cells, |v| v.number as u64)),
        DataType::Float32 => of(each(cells, |v| f32::from_bits(v.number as u32))),
        DataType::Float64 => of(each(cells, |v| f64::from_bits(v.number as u64))),
        DataType::String => of(each(cells, |v| v.text.as_str())),
        DataType::Binary => of(each(cells, |v| v.bytes())),
        DataType::Date => of(each(cells, |v| v.number as i32)).into_date(),
        DataType::Time => of(each(cells, |v| v.time())).into_time(),
        DataType::Datetime(unit, zone) => of(each(cells, |v| v.number as i64)).into_datetime(*unit, zone.clone()),
        DataType::Duration(unit) => of(each(cells, |v| v.number as i64)).into_duration(*unit),
        DataType::Decimal(precision, scale) => decimal(cells, *precision, *scale),
        DataType::List(item) => lists(dtype, item, cells),
        other => panic!("no values of {other}"),
    }
}

fn of<T, Phantom: ?Sized>(values: T) -> Series
where
    Series: NamedFrom<T, Phantom>,
{
    Series::new("x".into(), values)
}

fn decimal(cells: &[Cell], precision: usize, scale: usize) -> Series {
    let numbers = of(each(cells, |v| v.decimal(precision)));
    numbers.i128().expect("numbers").clone().into_decimal_unchecked(precision, scale).into_series()
}

fn lists(dtype: &DataType, item: &DataType, cells: &[Cell]) -> Series {
    let (items, lengths) = flattened(cells);
    let values = series(item, &items).to_physical_repr().chunks()[0].clone();
    let offsets = OffsetsBuffer::from(Offsets::try_from_lengths(lengths.into_iter()).expect("offsets"));
    let validity: Bitmap = cells.iter().map(Option::is_some).collect();
    let ty = ListArray::<i64>::default_datatype(values.dtype().clone());
    let chunk = ListArray::<i64>::new(ty, offsets, values, Some(validity));
    Series::from_chunk_and_dtype("x".into(), Box::new(chunk), dtype).expect("a list")
}
