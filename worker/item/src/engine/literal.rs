//! Constants: a planned value as an expression of the engine, of exactly its type.

use super::{bridged, engine_type, failed};
use datafusion_common::ScalarValue;
use polars::prelude::*;

pub fn literal(value: &ScalarValue) -> PolarsResult<Expr> {
    engine_type(&value.data_type())?;
    let array = value.to_array().map_err(failed)?;
    let series = bridged(spotmill_bridge::to_series("literal", &array))?;
    let scalar = Scalar::new(series.dtype().clone(), series.get(0)?.into_static());
    Ok(Expr::Literal(LiteralValue::Scalar(scalar)))
}

pub fn null(dtype: DataType) -> Expr {
    Expr::Literal(LiteralValue::Scalar(Scalar::null(dtype)))
}

/// Whether a value is there for each row, rather than once.
pub fn has_column(expr: &Expr) -> bool {
    expr.into_iter().any(|e| matches!(e, Expr::Column(_)))
}
