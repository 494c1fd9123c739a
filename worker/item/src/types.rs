//! Between the type names of a pipeline file and the engine's types. A type outside the vocabulary has no
//! name: inputs leave such columns out, outputs are refused.

use polars::prelude::{DataType, TimeUnit, TimeZone};
use polars::prelude::{Field, Schema};
use spotmill_core::types::{Column, ColumnType};

pub fn to_engine(ty: ColumnType) -> DataType {
    match ty {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int8 => DataType::Int8,
        ColumnType::Int16 => DataType::Int16,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Uint8 => DataType::UInt8,
        ColumnType::Uint16 => DataType::UInt16,
        ColumnType::Uint32 => DataType::UInt32,
        ColumnType::Uint64 => DataType::UInt64,
        ColumnType::Float32 => DataType::Float32,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Decimal { precision, scale } => DataType::Decimal(precision.into(), scale.into()),
        ColumnType::String => DataType::String,
        ColumnType::Date => DataType::Date,
        ColumnType::Timestamp => DataType::Datetime(TimeUnit::Microseconds, None),
        ColumnType::TimestampUtc => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
    }
}

/// The name of an engine type, after `normal` has been applied to it.
pub fn from_engine(dtype: &DataType) -> Option<ColumnType> {
    Some(match dtype {
        DataType::Boolean => ColumnType::Bool,
        DataType::Int8 => ColumnType::Int8,
        DataType::Int16 => ColumnType::Int16,
        DataType::Int32 => ColumnType::Int32,
        DataType::Int64 => ColumnType::Int64,
        DataType::UInt8 => ColumnType::Uint8,
        DataType::UInt16 => ColumnType::Uint16,
        DataType::UInt32 => ColumnType::Uint32,
        DataType::UInt64 => ColumnType::Uint64,
        DataType::Float32 => ColumnType::Float32,
        DataType::Float64 => ColumnType::Float64,
        DataType::Decimal(precision, _) if *precision > 38 => return None,
        DataType::Decimal(precision, scale) => {
            ColumnType::Decimal { precision: u8::try_from(*precision).ok()?, scale: u8::try_from(*scale).ok()? }
        }
        DataType::String => ColumnType::String,
        DataType::Date => ColumnType::Date,
        DataType::Datetime(TimeUnit::Microseconds, None) => ColumnType::Timestamp,
        DataType::Datetime(TimeUnit::Microseconds, Some(zone)) if *zone == TimeZone::UTC => ColumnType::TimestampUtc,
        _ => return None,
    })
}

/// The type of the vocabulary that holds the same values: other time units and zones, categories and an untyped
/// NULL have one; lists and structs have none.
pub fn normal(dtype: &DataType) -> Option<DataType> {
    Some(match dtype {
        DataType::Datetime(_, None) => DataType::Datetime(TimeUnit::Microseconds, None),
        DataType::Datetime(_, Some(_)) => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        DataType::Categorical(..) | DataType::Enum(..) | DataType::Null => DataType::String,
        other => {
            from_engine(other)?;
            other.clone()
        }
    })
}

/// The type that holds the same values and that every reader of published files has: Athena, Hive and Spark have no
/// unsigned integers.
pub fn published(ty: ColumnType) -> ColumnType {
    match ty {
        ColumnType::Uint8 => ColumnType::Int16,
        ColumnType::Uint16 => ColumnType::Int32,
        ColumnType::Uint32 => ColumnType::Int64,
        ColumnType::Uint64 => ColumnType::Decimal { precision: 20, scale: 0 },
        other => other,
    }
}

pub fn column(name: &str, ty: ColumnType) -> Column {
    Column { name: name.to_owned(), ty, parse: None }
}

pub fn schema(columns: &[Column]) -> Schema {
    columns.iter().map(|c| Field::new(c.name.as_str().into(), to_engine(c.ty))).collect()
}

/// `(int16) -> int16` in messages: the name, or the engine's own where there is none.
pub fn word(dtype: &DataType) -> String {
    from_engine(dtype).map_or_else(|| dtype.to_string(), |ty| ty.to_string())
}
