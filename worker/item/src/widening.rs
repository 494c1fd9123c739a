//! Which types of a Parquet file are read as which declared ones: the same, and wider ones that hold every value of it.

use crate::instants::micros;
use crate::types::to_engine;
use polars::prelude::{DataType, Expr, TimeUnit, col};
use spotmill_core::model::FieldRules;
use spotmill_core::types::{Column, ColumnType};
use std::path::Path;

/// The column as it is declared, of a column of the file (or of several alike, of which it is the first); none where a value could be lost, or means something else.
pub fn read_as(found: &DataType, int96: bool, column: &Column, rules: &FieldRules, file: &Path) -> Option<Expr> {
    let source = || col(column.name.as_str());
    let to = to_engine(column.ty);
    let instant = || Some(micros(source(), to.clone(), rules.cut_nanoseconds, file));
    match (found, column.ty) {
        (_, ColumnType::Timestamp | ColumnType::TimestampUtc) if int96 => instant(),
        _ if int96 => None,
        // As it stands, so that the engine can pass over what a filter does not want.
        _ if *found == to => Some(source()),
        (DataType::Datetime(_, None), ColumnType::Timestamp) => instant(),
        (DataType::Datetime(_, Some(_)), ColumnType::TimestampUtc) => instant(),
        (DataType::Datetime(TimeUnit::Nanoseconds, _), ColumnType::Int64) => Some(source().to_physical()),
        (DataType::Binary, ColumnType::String) => Some(source().strict_cast(to)),
        (DataType::Categorical(..) | DataType::Enum(..) | DataType::Null, ColumnType::String) => {
            Some(source().strict_cast(to))
        }
        (DataType::Null, _) => Some(source().strict_cast(to)),
        _ if holds(&to, found) => Some(source().strict_cast(to)),
        _ => None,
    }
}

/// Whether every value of `narrow` is one of `wide`.
fn holds(wide: &DataType, narrow: &DataType) -> bool {
    // Digits of the integers, and bits of their values.
    let integer = |ty: &DataType| {
        Some(match ty {
            DataType::Int8 => (3, 7, true),
            DataType::Int16 => (5, 15, true),
            DataType::Int32 => (10, 31, true),
            DataType::Int64 => (19, 63, true),
            DataType::UInt8 => (3, 8, false),
            DataType::UInt16 => (5, 16, false),
            DataType::UInt32 => (10, 32, false),
            DataType::UInt64 => (20, 64, false),
            _ => return None,
        })
    };
    match (wide, narrow, integer(wide), integer(narrow)) {
        (_, _, Some((_, bits, signed)), Some((_, narrow, narrow_signed))) => {
            bits >= narrow && (signed || !narrow_signed)
        }
        (DataType::Float64, _, None, Some((_, bits, _))) => bits <= 53,
        (DataType::Float32, _, None, Some((_, bits, _))) => bits <= 24,
        (DataType::Float64, DataType::Float32, ..) => true,
        (DataType::Decimal(p, s), _, None, Some((digits, _, _))) => p - s >= digits,
        (DataType::Decimal(p, s), DataType::Decimal(narrow_p, narrow_s), ..) => {
            s >= narrow_s && p - s >= narrow_p - narrow_s
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_types_hold_narrower_ones() {
        use DataType as D;
        for (wide, narrow) in [
            (D::Int64, D::Int32),
            (D::Int64, D::UInt32),
            (D::Float64, D::Int32),
            (D::Float64, D::UInt32),
            (D::Float64, D::Float32),
            (D::Decimal(12, 2), D::Int32),
            (D::Decimal(20, 4), D::Decimal(10, 2)),
        ] {
            assert!(holds(&wide, &narrow), "{wide} {narrow}");
            assert!(!holds(&narrow, &wide), "{narrow} {wide}");
        }
        for (wide, narrow) in [
            (D::Int64, D::UInt64),
            (D::UInt64, D::Int8),
            (D::Float64, D::Int64),
            (D::Float32, D::Int32),
            (D::Decimal(10, 2), D::Int32),
            (D::Decimal(12, 2), D::Decimal(12, 3)),
            (D::String, D::Int64),
            (D::Int32, D::Float32),
            (D::Date, D::Int32),
        ] {
            assert!(!holds(&wide, &narrow), "{wide} {narrow}");
        }
    }
}
