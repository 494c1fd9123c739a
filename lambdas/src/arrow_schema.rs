//! The columns that an Arrow file declares in its first message, the schema, as types of this vocabulary: the same ones
//! that the item makes of it. Should the two differ, the item refuses the file, which it reads itself. The file format
//! and the stream begin alike, but for the letters that the file begins with.

use polars_arrow_format::ipc::planus::{ReadAsRoot as _, Result};
use polars_arrow_format::ipc::{FieldRef, IntRef, MessageHeaderRef, MessageRef, Precision, TypeRef};
use spotmill_core::agreed::Kind;
use spotmill_core::types::ColumnType;
use std::ops::Range;

/// The letters, and what fills them up to eight bytes.
const MAGIC: &[u8] = b"ARROW1\0\0";
/// Stands before the length of a message; absent before Arrow 0.15.
const CONTINUATION: &[u8] = &[0xff; 4];

/// Where the schema lies, by a file's first bytes; none if it is no Arrow file.
pub fn place(head: &[u8]) -> Option<Range<u64>> {
    let bare = head.strip_prefix(MAGIC).unwrap_or(head);
    let bare = bare.strip_prefix(CONTINUATION).unwrap_or(bare);
    let length = i32::from_le_bytes(*bare.first_chunk()?);
    let length = u64::try_from(length).ok().filter(|length| *length > 0)?;
    let begin = (head.len() - bare.len() + size_of::<i32>()) as u64;
    Some(begin..begin + length)
}

/// Names and kinds, in order; none if these bytes are no schema.
pub fn columns(message: &[u8]) -> Option<Vec<(String, Kind)>> {
    read(message).ok().flatten()
}

fn read(message: &[u8]) -> Result<Option<Vec<(String, Kind)>>> {
    let Some(MessageHeaderRef::Schema(schema)) = MessageRef::read_as_root(message)?.header()? else { return Ok(None) };
    let Some(fields) = schema.fields()? else { return Ok(None) };
    let mut found = Vec::with_capacity(fields.len());
    for field in fields.iter() {
        let field = field?;
        found.push((field.name()?.unwrap_or_default().to_owned(), kind(field)?));
    }
    Ok(Some(found))
}

/// Of a dictionary's field, the type is that of its values.
fn kind(field: FieldRef<'_>) -> Result<Kind> {
    use ColumnType as T;
    let Some(found) = field.type_()? else { return Ok(Kind::Other) };
    let found = match found {
        TypeRef::Null(_) => return Ok(Kind::Null),
        TypeRef::Bool(_) => Some(T::Bool),
        TypeRef::Int(int) => whole(int)?,
        TypeRef::FloatingPoint(float) => match float.precision()? {
            Precision::Half => None,
            Precision::Single => Some(T::Float32),
            Precision::Double => Some(T::Float64),
        },
        TypeRef::Utf8(_) | TypeRef::LargeUtf8(_) | TypeRef::Utf8View(_) => Some(T::String),
        TypeRef::Date(_) => Some(T::Date),
        TypeRef::Timestamp(at) => {
            Some(if at.timezone()?.is_some_and(|zone| !zone.is_empty()) { T::TimestampUtc } else { T::Timestamp })
        }
        TypeRef::Decimal(number) => decimal(number.precision()?, number.scale()?, number.bit_width()?),
        _ => None,
    };
    Ok(found.map_or(Kind::Other, Kind::Type))
}

fn whole(int: IntRef<'_>) -> Result<Option<ColumnType>> {
    use ColumnType as T;
    Ok(match (int.bit_width()?, int.is_signed()?) {
        (8, true) => Some(T::Int8),
        (16, true) => Some(T::Int16),
        (32, true) => Some(T::Int32),
        (64, true) => Some(T::Int64),
        (8, false) => Some(T::Uint8),
        (16, false) => Some(T::Uint16),
        (32, false) => Some(T::Uint32),
        (64, false) => Some(T::Uint64),
        _ => None,
    })
}

fn decimal(precision: i32, scale: i32, bits: i32) -> Option<ColumnType> {
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    let fits = (1..=38).contains(&precision) && scale <= precision && bits <= 128;
    fits.then_some(ColumnType::Decimal { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::footer::listed;

    /// A column of each type, written by PyArrow, as a file and as a stream.
    const FILE: &[u8] = include_bytes!("../../worker/item/tests/data/types.arrow");
    const STREAM: &[u8] = include_bytes!("../../worker/item/tests/data/types.arrows");

    fn describe(file: &[u8]) -> String {
        let place = place(file).expect("a schema");
        let columns = columns(&file[place.start as usize..place.end as usize]).expect("columns");
        listed(&columns)
    }

    #[test]
    fn types_are_those_that_the_item_makes_of_them() {
        let expected = "b bool, int8 int8, int16 int16, int32 int32, int64 int64, uint8 uint8, uint16 uint16, \
             uint32 uint32, uint64 uint64, f16 -, f32 float32, f64 float64, d9 decimal(9,2), d38 decimal(38,2), d76 -, \
             s string, large string, view string, word string, number int32, bin -, fixed -, date date, date64 date, \
             t_s timestamp, z_s timestamp_utc, t_ms timestamp, z_ms timestamp_utc, t_us timestamp, \
             z_us timestamp_utc, t_ns timestamp, z_ns timestamp_utc, time32 -, time64 -, dur -, nothing null, list -, \
             struct -, map -, last int64";
        assert_eq!(describe(FILE), expected);
        assert_eq!(describe(STREAM), expected);
    }

    #[test]
    fn what_is_no_schema_is_none() {
        assert!(place(b"ARROW1").is_none_or(|place| place.end > 6), "it lies in no such file");
        assert_eq!(place(&[0; 16]), None);
        assert_eq!(place(&[0xff; 16]), None);
        assert_eq!(columns(&[]), None);
        assert_eq!(columns(&[0xff; 40]), None);
    }
}
