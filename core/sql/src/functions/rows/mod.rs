//! Functions of one row's values, with DuckDB's meaning, by what they work on.

use super::rowwise::{Made, Shape, Step, Takes, Value};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{Result, exec_err};
use datafusion_expr::ScalarUDF;
use std::sync::Arc;

mod differences;
mod format;
mod numbers;
mod parse;
mod pattern;
mod pieces;
mod regex;
mod texts;
mod times;
mod urls;

/// Each with the names that it has.
pub fn all() -> Vec<(&'static [&'static str], Arc<ScalarUDF>)> {
    let groups =
        [texts::all(), regex::all(), numbers::all(), times::all(), differences::all(), format::all(), urls::all()];
    groups.into_iter().flatten().collect()
}

type Named = (&'static [&'static str], Arc<ScalarUDF>);

const INTEGER: DataType = DataType::Int64;
const TEXT: DataType = DataType::Utf8View;
const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

fn shape(takes: &'static [Takes], returns: DataType, step: fn() -> Step) -> Shape {
    Shape { takes, returns, step }
}

/// The values of a row that do not have the types of the shape.
fn unexpected(row: &[Value<'_>]) -> Result<Made> {
    exec_err!("unexpected arguments: {row:?}")
}
