//! Which partition a row belongs to and what the partition is called: `carrier=AA`, `a=1/b=2`, `bucket=00007`.
//! Values are percent-encoded, so that two values never share a name and none leaves its directory.

use crate::elementwise::elementwise;
use crate::failure::{Outcome, transform};
use polars::prelude::*;
use spotmill_core::bucket::{self, Key};

/// The name that Hive gives a folder of NULL.
pub const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";
/// Of a file's or folder's name.
const MOST_BYTES: usize = 255;
pub const BUCKET: &str = "\u{1}bucket";

/// `carrier=AA/origin=JFK` from a frame of one row.
pub fn label(keys: &DataFrame) -> PolarsResult<String> {
    if let [only] = keys.columns()
        && only.name() == BUCKET
    {
        return Ok(bucket::label(only.u32()?.get(0).unwrap_or_default()));
    }
    let parts: Vec<String> = keys.columns().iter().map(part).collect::<PolarsResult<_>>()?;
    Ok(parts.join("/"))
}

fn part(column: &Column) -> PolarsResult<String> {
    let name = encode(column.name());
    let value = match column.dtype() {
        DataType::Datetime(_, zone) => {
            let zone = if zone.is_some() { "Z" } else { "" };
            let micros = column.cast(&DataType::Int64)?;
            micros.i64()?.get(0).map(|v| format!("{}{zone}", timestamp(v)))
        }
        _ => column.cast(&DataType::String)?.str()?.get(0).map(str::to_owned),
    };
    Ok(match value {
        None => format!("{name}={NULL_PARTITION}"),
        // The text itself is not NULL.
        Some(value) if value == NULL_PARTITION => format!("{name}=%5F{}", &NULL_PARTITION[1..]),
        Some(value) => within_a_name(column.name(), &value, format!("{name}={}", encode(&value)))?,
    })
}

/// A folder's name has at most 255 bytes, wherever files are.
fn within_a_name(column: &str, value: &str, folder: String) -> PolarsResult<String> {
    let bytes = folder.len();
    polars_ensure!(
        bytes <= MOST_BYTES,
        ComputeError: "`partition_by` {column}: the value `{}` is too long: its folder's name would have {bytes} bytes, of at most {MOST_BYTES}. Partition by something shorter, such as LEFT({column}, 20) under a name of its own, or use `bucket_by`",
        spotmill_text::shorten(value, 40)
    );
    Ok(folder)
}

fn timestamp(micros: i64) -> String {
    let at = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b' ' | b':' | b'+' | b',');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Keys must compare as they are named.
pub fn check_keys(by: &[String], schema: &Schema) -> Outcome<()> {
    for name in by {
        if schema.get(name).is_some_and(|ty| ty.is_float()) {
            return Err(transform(format!("`{name}` is a float: it cannot be partitioned by; CAST or ROUND it")));
        }
    }
    Ok(())
}

/// The bucket of a row's key, as an expression that streams.
pub fn bucket_of(by: &[String], buckets: u32) -> Expr {
    let run = move |columns: &mut [Column]| -> PolarsResult<Column> {
        let rows = columns.iter().map(|c| c.len()).max().unwrap_or(0);
        let readers: Vec<Reader> = columns.iter().map(Reader::new).collect::<PolarsResult<_>>()?;
        let mut bytes = Vec::with_capacity(64);
        let numbers: UInt32Chunked = (0..rows)
            .map(|row| {
                bytes.clear();
                readers.iter().for_each(|r| r.key(row).append(&mut bytes));
                Some(bucket::bucket(&bytes, buckets))
            })
            .collect();
        Ok(numbers.with_name(BUCKET.into()).into_column())
    };
    let fields = |_: &Schema, _: &[Field]| Ok(Field::new(BUCKET.into(), DataType::UInt32));
    elementwise("bucket", run, fields).call(by.iter().map(|name| col(name.as_str())).collect()).alias(BUCKET)
}

/// A key column, ready to be read by row.
enum Reader {
    Int(Int64Chunked),
    Uint(UInt64Chunked),
    Float(Float64Chunked),
    Str(StringChunked),
    Bool(BooleanChunked),
    Date(Int32Chunked),
    Timestamp(Int64Chunked),
    Decimal(Int128Chunked, u8),
}

impl Reader {
    fn new(column: &Column) -> PolarsResult<Self> {
        let series = column.as_materialized_series().rechunk();
        Ok(match series.dtype() {
            DataType::UInt64 => Self::Uint(series.u64()?.clone()),
            ty if ty.is_integer() => Self::Int(series.cast(&DataType::Int64)?.i64()?.clone()),
            ty if ty.is_float() => Self::Float(series.cast(&DataType::Float64)?.f64()?.clone()),
            DataType::String => Self::Str(series.str()?.clone()),
            DataType::Boolean => Self::Bool(series.bool()?.clone()),
            DataType::Date => Self::Date(series.cast(&DataType::Int32)?.i32()?.clone()),
            DataType::Datetime(..) => {
                let micros = series.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
                Self::Timestamp(micros.cast(&DataType::Int64)?.i64()?.clone())
            }
            DataType::Decimal(_, scale) => {
                let scale = u8::try_from(*scale).map_err(|_| polars_err!(ComputeError: "scale {scale}"))?;
                Self::Decimal(series.decimal()?.physical().clone(), scale)
            }
            other => polars_bail!(InvalidOperation: "`{}` is {other}: it cannot be bucketed by", column.name()),
        })
    }

    #[inline]
    fn key(&self, row: usize) -> Key<'_> {
        match self {
            Self::Int(c) => c.get(row).map_or(Key::Null, Key::Int),
            Self::Uint(c) => c.get(row).map_or(Key::Null, Key::Uint),
            Self::Float(c) => c.get(row).map_or(Key::Null, Key::Float),
            Self::Str(c) => c.get(row).map_or(Key::Null, Key::Str),
            Self::Bool(c) => c.get(row).map_or(Key::Null, Key::Bool),
            Self::Date(c) => c.get(row).map_or(Key::Null, Key::Date),
            Self::Timestamp(c) => c.get(row).map_or(Key::Null, Key::Timestamp),
            Self::Decimal(c, scale) => {
                c.get(row).map_or(Key::Null, |unscaled| Key::Decimal { unscaled, scale: *scale })
            }
        }
    }
}
