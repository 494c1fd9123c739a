//! The columns that a Parquet file's footer declares, as types of this vocabulary: the same ones that the item's engine
//! makes of it. Should the two differ, the item refuses the file, whose footer it reads itself.

use polars_parquet_format::thrift::protocol::TCompactInputProtocol;
use polars_parquet_format::{ConvertedType, FieldRepetitionType, FileMetaData, LogicalType, SchemaElement, Type};
use spotmill_core::agreed::Kind;
use spotmill_core::types::ColumnType;

/// What a file ends in: the length of its footer, and the letters.
pub const TAIL_BYTES: u64 = 8;
const MAGIC: &[u8] = b"PAR1";
/// Types take more memory than they have bytes in a footer.
const MEMORY: usize = 64;

/// How long the footer is, by a file's last bytes; none if it is no Parquet file.
pub fn length(end: &[u8]) -> Option<u64> {
    let end = end.last_chunk::<{ TAIL_BYTES as usize }>()?;
    let (length, magic) = end.split_first_chunk::<4>()?;
    (magic == MAGIC).then(|| u64::from(u32::from_le_bytes(*length)))
}

/// Names and kinds, in order; none if these bytes are no footer.
pub fn columns(footer: &[u8]) -> Option<Vec<(String, Kind)>> {
    let most = footer.len().saturating_mul(MEMORY);
    let metadata = FileMetaData::read_from_in_protocol(&mut TCompactInputProtocol::new(footer, most)).ok()?;
    let arrow = metadata.key_value_metadata.iter().flatten().any(|pair| pair.key == "ARROW:schema");
    let mut elements = metadata.schema.iter();
    let root = elements.next()?;
    let mut found = Vec::new();
    for _ in 0..root.num_children.unwrap_or_default() {
        let element = elements.next()?;
        let mut inside = children(element);
        while inside > 0 {
            inside = inside - 1 + children(elements.next()?);
        }
        found.push((element.name.clone(), kind(element, arrow)));
    }
    Some(found)
}

fn children(element: &SchemaElement) -> i64 {
    element.num_children.map_or(0, i64::from).max(0)
}

fn kind(element: &SchemaElement, arrow: bool) -> Kind {
    if element.repetition_type == Some(FieldRepetitionType::REPEATED) {
        return Kind::Other;
    }
    // Writers other than Arrow's name a type for a column without values.
    if matches!(element.logical_type, Some(LogicalType::UNKNOWN(_))) && arrow {
        return Kind::Null;
    }
    type_of(element).map_or(Kind::Other, Kind::Type)
}

fn type_of(element: &SchemaElement) -> Option<ColumnType> {
    use ColumnType as T;
    let physical = element.type_?;
    Some(match physical {
        Type::BOOLEAN => T::Bool,
        Type::FLOAT => T::Float32,
        Type::DOUBLE => T::Float64,
        Type::INT96 => T::Timestamp,
        Type::INT32 | Type::INT64 => return whole(element, physical == Type::INT64),
        Type::BYTE_ARRAY => match (&element.logical_type, element.converted_type) {
            (Some(LogicalType::STRING(_)), _) => T::String,
            (Some(LogicalType::DECIMAL(_)), _) | (None, Some(ConvertedType::DECIMAL)) => return decimal(element),
            (Some(LogicalType::JSON(_) | LogicalType::BSON(_) | LogicalType::ENUM(_)), _) => return None,
            (_, Some(ConvertedType::UTF8)) => T::String,
            _ => return None,
        },
        Type::FIXED_LEN_BYTE_ARRAY => match (&element.logical_type, element.converted_type) {
            (Some(LogicalType::DECIMAL(_)), _) | (None, Some(ConvertedType::DECIMAL)) => return decimal(element),
            _ => return None,
        },
        _ => return None,
    })
}

/// Whole numbers, and what is counted in them.
fn whole(element: &SchemaElement, long: bool) -> Option<ColumnType> {
    use ColumnType as T;
    let plain = if long { T::Int64 } else { T::Int32 };
    Some(match &element.logical_type {
        Some(LogicalType::INTEGER(integer)) => match (long, integer.bit_width, integer.is_signed) {
            (false, 8, true) => T::Int8,
            (false, 16, true) => T::Int16,
            (false, 8, false) => T::Uint8,
            (false, 16, false) => T::Uint16,
            (false, 32, false) => T::Uint32,
            (true, 64, false) => T::Uint64,
            _ => plain,
        },
        Some(LogicalType::DECIMAL(_)) => return decimal(element),
        Some(LogicalType::DATE(_)) if !long => T::Date,
        Some(LogicalType::TIME(_)) => return None,
        Some(LogicalType::TIMESTAMP(at)) if long => match at.is_adjusted_to_u_t_c {
            true => T::TimestampUtc,
            false => T::Timestamp,
        },
        _ => match (element.converted_type, long) {
            (Some(ConvertedType::INT_8), false) => T::Int8,
            (Some(ConvertedType::INT_16), false) => T::Int16,
            (Some(ConvertedType::UINT_8), false) => T::Uint8,
            (Some(ConvertedType::UINT_16), false) => T::Uint16,
            (Some(ConvertedType::UINT_32), false) => T::Uint32,
            (Some(ConvertedType::UINT_64), true) => T::Uint64,
            (Some(ConvertedType::DATE), false) => T::Date,
            (Some(ConvertedType::TIME_MILLIS), false) | (Some(ConvertedType::TIME_MICROS), true) => return None,
            (Some(ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS), true) => T::Timestamp,
            (Some(ConvertedType::DECIMAL), _) => return decimal(element),
            _ => plain,
        },
    })
}

fn decimal(element: &SchemaElement) -> Option<ColumnType> {
    let (precision, scale) = match &element.logical_type {
        Some(LogicalType::DECIMAL(decimal)) => (decimal.precision, decimal.scale),
        _ => (element.precision?, element.scale.unwrap_or_default()),
    };
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    (1..=38).contains(&precision).then_some(())?;
    (scale <= precision).then_some(ColumnType::Decimal { precision, scale })
}

/// Columns as the tests of all formats list them.
#[cfg(test)]
pub fn listed(columns: &[(String, Kind)]) -> String {
    let kind = |kind: &Kind| match kind {
        Kind::Type(ty) => ty.to_string(),
        Kind::Null => "null".to_owned(),
        Kind::Other => "-".to_owned(),
    };
    columns.iter().map(|(name, found)| format!("{name} {}", kind(found))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column of each type that Arrow writes.
    const TYPES: &[u8] = include_bytes!("../../worker/item/tests/data/types.parquet");
    const INT96: &[u8] = include_bytes!("../../worker/item/tests/data/int96.parquet");

    fn describe(file: &[u8]) -> String {
        let end = file.len() - TAIL_BYTES as usize;
        let begin = end - length(file).expect("a length") as usize;
        let columns = columns(&file[begin..end]).expect("a footer");
        listed(&columns)
    }

    #[test]
    fn types_are_those_that_the_engine_makes_of_them() {
        assert_eq!(
            describe(TYPES),
            "b bool, int8 int8, int16 int16, int32 int32, int64 int64, uint8 uint8, uint16 uint16, uint32 uint32, \
             uint64 uint64, f32 float32, f64 float64, f16 -, d9 decimal(9,2), d18 decimal(18,2), d38 decimal(38,2), \
             s string, bin -, fixed -, word string, large string, date date, t_s timestamp, z_s timestamp_utc, \
             t_ms timestamp, z_ms timestamp_utc, t_us timestamp, z_us timestamp_utc, t_ns timestamp, \
             z_ns timestamp_utc, time32 -, time64 -, dur int64, nothing null, list -, struct -, map -, last int64"
        );
        assert_eq!(describe(INT96), "id int32, t timestamp, n timestamp");
    }

    #[test]
    fn what_is_no_footer_is_none() {
        assert_eq!(length(b"PAR1"), None);
        assert_eq!(length(b"a,b\n1,2\n3,4\n"), None);
        assert_eq!(columns(&[]), None);
        assert_eq!(columns(&[0xff; 40]), None);
    }
}
