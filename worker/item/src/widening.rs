//! Which types of a Parquet file are read as which declared ones: the same, and wider ones that hold every value of it.

use crate::bytes;
use crate::instants::micros;
use crate::types::{from_engine, to_engine};
use crate::whose::Whose;
use polars::prelude::{DataType, Expr, TimeUnit, col};
use spotmill_core::model::FieldRules;
use spotmill_core::types::{Column, ColumnType};

/// Whether a value may be refused as it is read so.
pub fn is_converted(column: &Expr) -> bool {
    matches!(column, Expr::AnonymousFunction { .. })
}

/// The declared column, read from a column of the file (or from several alike, of which it is the first); none where a
/// value could be lost, or means something else.
pub fn read_as(found: &DataType, int96: bool, column: &Column, rules: &FieldRules, whose: &Whose) -> Option<Expr> {
    let source = || col(column.name.as_str());
    let to = to_engine(column.ty);
    let instant = || Some(micros(source(), to.clone(), rules.cut_nanoseconds, whose.clone()));
    match (found, column.ty) {
        (_, ColumnType::Timestamp | ColumnType::TimestampUtc) if int96 => instant(),
        _ if int96 => None,
        // As it stands, so that the engine can pass over what a filter does not want.
        _ if *found == to => Some(source()),
        (DataType::Datetime(_, None), ColumnType::Timestamp) => instant(),
        (DataType::Datetime(_, Some(_)), ColumnType::TimestampUtc) => instant(),
        (DataType::Datetime(TimeUnit::Nanoseconds | TimeUnit::Milliseconds, _), ColumnType::Int64) => {
            Some(source().to_physical())
        }
        (DataType::Binary, ColumnType::String) => Some(bytes::text(source(), whose.clone())),
        (DataType::Categorical(..) | DataType::Enum(..) | DataType::Null, ColumnType::String) => {
            Some(source().strict_cast(to))
        }
        (DataType::Null, _) => Some(source().strict_cast(to)),
        _ if from_engine(found).is_some_and(|found| column.ty.holds(found)) => Some(source().strict_cast(to)),
        _ => None,
    }
}
