//! Kinds of types, and the names a pipeline file has for them.

use arrow::datatypes::{DataType, TimeUnit};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Integer,
    Decimal,
    Float,
    Text,
    Binary,
    Date,
    Timestamp,
    Interval,
    Other,
}

impl Kind {
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal | Self::Float)
    }
}

pub fn kind(ty: &DataType) -> Kind {
    match ty {
        DataType::Null => Kind::Null,
        DataType::Boolean => Kind::Bool,
        _ if ty.is_integer() => Kind::Integer,
        DataType::Decimal128(..) | DataType::Decimal32(..) | DataType::Decimal64(..) => Kind::Decimal,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Kind::Binary,
        DataType::Date32 | DataType::Date64 => Kind::Date,
        DataType::Timestamp(..) => Kind::Timestamp,
        DataType::Interval(_) | DataType::Duration(_) => Kind::Interval,
        _ => Kind::Other,
    }
}

/// The decimal that holds every value of an integer or decimal type.
pub fn decimal_of(ty: &DataType) -> DataType {
    let digits = match ty {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        DataType::UInt64 => 20,
        other => return other.clone(),
    };
    DataType::Decimal128(digits, 0)
}

/// `int64` for `Int64`: the word of the pipeline file, or arrow's own where there is none.
pub fn word(ty: &DataType) -> String {
    match ty {
        DataType::Boolean => "bool".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Date32 => "date".into(),
        DataType::Decimal128(p, s) => format!("decimal({p},{s})"),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => "timestamp_utc".into(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".into(),
        other => other.to_string().to_lowercase(),
    }
}
