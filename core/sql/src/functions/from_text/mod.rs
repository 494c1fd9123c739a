//! CAST of text to another type: what DuckDB reads as a number, a truth, a date or a time. Blanks around a value have no
//! meaning, but for a truth.

mod numbers;
mod times;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray, StringViewArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use std::sync::Arc;

type Made = Result<ArrayRef, ArrowError>;

/// The texts as a type; one that is no value of it is an error, or NULL.
pub fn read(array: &ArrayRef, to: &DataType, lenient: bool) -> Made {
    let array = cast_with_options(array, &DataType::Utf8View, &CastOptions::default())?;
    let texts = array.as_string_view();
    match to {
        DataType::Int8 => integers::<Int8Type>(texts, lenient),
        DataType::Int16 => integers::<Int16Type>(texts, lenient),
        DataType::Int32 => integers::<Int32Type>(texts, lenient),
        DataType::Int64 => integers::<Int64Type>(texts, lenient),
        DataType::Decimal128(precision, scale) => {
            let (precision, scale) = (*precision, *scale);
            let past = 10i128.checked_pow(precision.into()).unwrap_or(i128::MAX);
            let value = |text: &str| numbers::scaled(text, scale.into()).filter(|v| v.abs() < past);
            let made: Decimal128Array = each::<Decimal128Type>(texts, lenient, value)?;
            Ok(Arc::new(made.with_precision_and_scale(precision, scale)?))
        }
        DataType::Boolean => {
            let value = |text: Option<&str>| text.map(|text| kept(truth(text), text, lenient)).transpose();
            let made = texts.iter().map(|text| value(text).map(Option::flatten));
            Ok(Arc::new(made.collect::<Result<BooleanArray, _>>()?))
        }
        DataType::Date32 => Ok(Arc::new(each::<Date32Type>(texts, lenient, times::date)?)),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let value = if zone.is_some() { times::instant } else { times::local };
            let made = each::<TimestampMicrosecondType>(texts, lenient, value)?;
            Ok(Arc::new(made.with_timezone_opt(zone.clone())))
        }
        other => cast_with_options(&plain(texts), other, &CastOptions { safe: lenient, ..Default::default() }),
    }
}

fn integers<T: ArrowPrimitiveType>(texts: &StringViewArray, lenient: bool) -> Made
where
    T::Native: TryFrom<i128> + std::str::FromStr,
{
    let value = |text: &str| text.parse().ok().or_else(|| T::Native::try_from(numbers::whole(text)?).ok());
    Ok(Arc::new(each::<T>(texts, lenient, value)?))
}

fn each<T: ArrowPrimitiveType>(
    texts: &StringViewArray,
    lenient: bool,
    value: impl Fn(&str) -> Option<T::Native>,
) -> Result<PrimitiveArray<T>, ArrowError> {
    let made = texts.iter().map(|text| match text {
        Some(text) => kept(value(text.trim()), text, lenient),
        None => Ok(None),
    });
    made.collect()
}

fn kept<V>(value: Option<V>, text: &str, lenient: bool) -> Result<Option<V>, ArrowError> {
    match value {
        None if !lenient => Err(ArrowError::CastError(format!("`{text}` is no value of the type"))),
        value => Ok(value),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// Without blanks around values and without `_` between digits.
fn plain(texts: &StringViewArray) -> ArrayRef {
    let value = |text: &str| match numbers::number(text.trim()) {
        Some(_) => text.trim().replace('_', ""),
        None => text.trim().to_owned(),
    };
    match texts.iter().flatten().all(|text| text.trim().len() == text.len() && !text.contains('_')) {
        true => Arc::new(texts.clone()),
        false => Arc::new(texts.iter().map(|text| text.map(value)).collect::<StringViewArray>()),
    }
}
