//! Column types and typed values as a pipeline file names them. They are the vocabulary that the pipeline file,
//! the item's spec and the reports share; Polars' own types stay inside the item crate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The type of a column. Written `int32`, `decimal(18,4)`, `timestamp` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Float32,
    Float64,
    Decimal {
        precision: u8,
        scale: u8,
    },
    String,
    Date,
    /// Microseconds without a time zone.
    Timestamp,
    /// Microseconds since the epoch, UTC.
    TimestampUtc,
}

impl ColumnType {
    /// Whether every value of `narrow` is one of this type, to the last bit: a file's column is read as either.
    pub fn holds(self, narrow: Self) -> bool {
        match (self, narrow) {
            (wide, narrow) if wide == narrow => true,
            (Self::Float64, Self::Float32) => true,
            (Self::Decimal { precision: p, scale: s }, Self::Decimal { precision, scale }) => {
                s >= scale && p - s >= precision - scale
            }
            (wide, narrow) => {
                let Some(narrow) = narrow.integer() else { return false };
                match (wide, wide.integer()) {
                    (_, Some(wide)) => wide.bits >= narrow.bits && (wide.signed || !narrow.signed),
                    (Self::Float64, None) => narrow.bits <= 53,
                    (Self::Float32, None) => narrow.bits <= 24,
                    (Self::Decimal { precision, scale }, None) => precision - scale >= narrow.digits,
                    _ => false,
                }
            }
        }
    }

    fn integer(self) -> Option<Integer> {
        let (digits, bits, signed) = match self {
            Self::Int8 => (3, 7, true),
            Self::Int16 => (5, 15, true),
            Self::Int32 => (10, 31, true),
            Self::Int64 => (19, 63, true),
            Self::Uint8 => (3, 8, false),
            Self::Uint16 => (5, 16, false),
            Self::Uint32 => (10, 32, false),
            Self::Uint64 => (20, 64, false),
            _ => return None,
        };
        Some(Integer { digits, bits, signed })
    }
}

/// How large the values of a type are, without their sign.
struct Integer {
    digits: u8,
    bits: u8,
    signed: bool,
}

pub const TYPE_NAMES: &[&str] = &[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "decimal(p,s)",
    "string",
    "date",
    "timestamp",
    "timestamp_utc",
];

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Bool => "bool",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision},{scale})"),
            Self::String => "string",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampUtc => "timestamp_utc",
        };
        f.write_str(name)
    }
}

impl FromStr for ColumnType {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "bool" => Self::Bool,
            "int8" => Self::Int8,
            "int16" => Self::Int16,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "uint8" => Self::Uint8,
            "uint16" => Self::Uint16,
            "uint32" => Self::Uint32,
            "uint64" => Self::Uint64,
            "float32" => Self::Float32,
            "float64" => Self::Float64,
            "string" => Self::String,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "timestamp_utc" => Self::TimestampUtc,
            other => return parse_decimal(other),
        })
    }
}

fn parse_decimal(text: &str) -> Result<ColumnType, String> {
    let unknown = || format!("there is no type `{text}`; types: {}", TYPE_NAMES.join(", "));
    let inner = text.strip_prefix("decimal(").and_then(|t| t.strip_suffix(')')).ok_or_else(unknown)?;
    let (p, s) = inner.split_once(',').ok_or_else(unknown)?;
    let precision: u8 = p.trim().parse().map_err(|_| unknown())?;
    let scale: u8 = s.trim().parse().map_err(|_| unknown())?;
    if precision == 0 || precision > 38 || scale > precision {
        return Err(format!("`{text}`: precision is 1 to 38 and scale at most the precision"));
    }
    Ok(ColumnType::Decimal { precision, scale })
}

impl Serialize for ColumnType {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for ColumnType {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ColumnType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ColumnType".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "description": format!("One of: {}", TYPE_NAMES.join(", "))})
    }
}

/// A named, typed column. `parse` is a strftime pattern for dates and timestamps in text files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: ColumnType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parse: Option<String>,
}

/// A param's value, typed. Dates are ISO `YYYY-MM-DD`, timestamps ISO `YYYY-MM-DDTHH:MM:SS`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Value {
    Bool(bool),
    /// The integer with the type it was declared as (`int8` to `int64`).
    Int {
        value: i64,
        ty: ColumnType,
    },
    Float(
        #[serde(with = "exact")]
        #[schemars(with = "String")]
        f64,
    ),
    String(String),
    Path(String),
    Date(String),
    Timestamp(String),
}

/// A float as the shortest text that means it: a JSON number may come back as its neighbour.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Number(f64),
        }
        match Either::deserialize(from)? {
            Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
            Either::Number(value) => Ok(value),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int { value, .. } => write!(f, "{value}"),
            Self::Float(v) => write!(f, "{v}"),
            Self::String(v) | Self::Path(v) | Self::Date(v) | Self::Timestamp(v) => f.write_str(v),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_types_hold_narrower_ones() {
        let ty = |text: &str| text.parse::<ColumnType>().expect("a type");
        for (wide, narrow) in [
            ("int64", "int32"),
            ("int64", "uint32"),
            ("float64", "int32"),
            ("float64", "uint32"),
            ("float64", "float32"),
            ("float32", "int16"),
            ("decimal(12,2)", "int32"),
            ("decimal(20,4)", "decimal(10,2)"),
        ] {
            assert!(ty(wide).holds(ty(narrow)) && ty(wide).holds(ty(wide)), "{wide} {narrow}");
            assert!(!ty(narrow).holds(ty(wide)), "{narrow} {wide}");
        }
        for (wide, narrow) in [
            ("int64", "uint64"),
            ("uint64", "int8"),
            ("float64", "int64"),
            ("float32", "int32"),
            ("decimal(10,2)", "int32"),
            ("decimal(12,2)", "decimal(12,3)"),
            ("string", "int64"),
            ("int32", "float32"),
            ("date", "int32"),
            ("timestamp", "timestamp_utc"),
            ("timestamp", "date"),
        ] {
            assert!(!ty(wide).holds(ty(narrow)), "{wide} {narrow}");
        }
    }

    #[test]
    fn a_float_comes_back_to_the_last_bit() {
        for text in ["31.245270191439438", "0.1", "-0", "1e300", "5e-324", "NaN", "inf", "123456789012345680"] {
            let value = Value::Float(text.parse().expect("a float"));
            let written = serde_json::to_string(&value).expect("JSON");
            let Value::Float(back) = serde_json::from_str(&written).expect("read back") else { panic!("{written}") };
            let Value::Float(value) = value else { unreachable!() };
            assert!(back.to_bits() == value.to_bits() || back.is_nan() && value.is_nan(), "{text}: {written}");
        }
        // What was written before.
        assert_eq!(
            serde_json::from_str::<Value>(r#"{"type":"float","value":1.5}"#).expect("a number"),
            Value::Float(1.5)
        );
    }
}
