//! One column across, in either direction. It promises the very values, nulls and order of the column, with the type
//! `types.rs` predicts, as one array. It never copies values that the other side can read as they lie, and never
//! rechecks strings: both libraries hold only strings whose UTF-8 they checked.

use crate::error::{BridgeError, expect};
use crate::ffi;
use crate::types::{arrow_type, polars_type};
use arrow::array::{Array, ArrayRef, AsArray, make_array, new_empty_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType as ArrowType, Time64NanosecondType};
use polars_core::prelude::{Column, CompatLevel, PlSmallStr, Series};
use std::borrow::Cow;

const DAY_IN_NS: i64 = 86_400_000_000_000;

/// The column as one array of Arrow. Chunks are joined first, which copies them; a scalar is written out.
pub fn to_arrow(column: &Column) -> Result<ArrayRef, BridgeError> {
    let ty = arrow_type(column.dtype()).ok_or_else(|| BridgeError::unsupported(column.dtype()))?;
    let series = one_chunk(column.as_materialized_series());
    if series.is_empty() {
        return Ok(new_empty_array(&ty));
    }
    // What lies in the chunks are bare numbers: of a date its days. This gives them the types they stand for.
    let array = ffi::to_arrow(series.to_arrow(0, CompatLevel::newest()))?;
    expect(&ty, array.data_type())?;
    Ok(array)
}

/// The array as a series of Polars.
pub fn to_series(name: &str, array: &dyn Array) -> Result<Series, BridgeError> {
    let dtype = polars_type(array.data_type()).ok_or_else(|| BridgeError::unsupported(array.data_type()))?;
    let ty = arrow_type(&dtype).ok_or_else(|| BridgeError::unsupported(array.data_type()))?;
    let array = as_type(array, &ty)?;
    check_times(array.as_ref())?;
    let chunk = ffi::to_polars(array.as_ref())?;
    let series = Series::try_from((PlSmallStr::from_str(name), chunk))?;
    expect(&dtype, series.dtype())?;
    Ok(series)
}

fn one_chunk(series: &Series) -> Cow<'_, Series> {
    match series.n_chunks() {
        1 => Cow::Borrowed(series),
        _ => Cow::Owned(series.rechunk()),
    }
}

/// The array in the one form in which it crosses. What does not fit is an error, never a null.
fn as_type(array: &dyn Array, ty: &ArrowType) -> Result<ArrayRef, BridgeError> {
    if array.data_type() == ty {
        return Ok(make_array(array.to_data()));
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(array, ty, &strict)?)
}

/// Polars silently makes a null of a time that is not within a day.
fn check_times(array: &dyn Array) -> Result<(), BridgeError> {
    match array.data_type() {
        ArrowType::Time64(_) => {
            let mut times = array.as_primitive::<Time64NanosecondType>().iter().flatten();
            times.find(|time| !(0..DAY_IN_NS).contains(time)).map_or(Ok(()), |time| Err(BridgeError::TimeOfDay(time)))
        }
        ArrowType::LargeList(_) => check_times(array.as_list::<i64>().values().as_ref()),
        _ => Ok(()),
    }
}
