//! Numbers beside each other. A decimal beside a float is read as that float: the other way round, small values would
//! become zero and large ones errors.

use super::cast::Conversion;
use super::kinds::{Kind, kind};
use arrow::datatypes::DataType;
use datafusion_common::DFSchema;
use datafusion_expr::{Expr, ExprSchemable};

/// The float that decimals beside these types are read as; none where there are not both.
pub fn float_beside<'a>(types: impl Iterator<Item = &'a DataType> + Clone) -> Option<DataType> {
    let has = |k: Kind| types.clone().any(|ty| kind(ty) == k);
    let wide = types.clone().any(|ty| ty == &DataType::Float64);
    (has(Kind::Float) && has(Kind::Decimal)).then_some(if wide { DataType::Float64 } else { DataType::Float32 })
}

/// Values that become one column, decimals among floats as floats.
pub fn of_one_kind(exprs: Vec<Expr>, schema: &DFSchema) -> Vec<Expr> {
    let types: Vec<Option<DataType>> = exprs.iter().map(|e| e.get_type(schema).ok()).collect();
    let Some(float) = float_beside(types.iter().flatten()) else { return exprs };
    let as_float = |(expr, ty): (Expr, Option<DataType>)| match ty.map(|ty| kind(&ty)) {
        Some(Kind::Decimal) => Conversion::call(expr, float.clone(), false),
        _ => expr,
    };
    exprs.into_iter().zip(types).map(as_float).collect()
}
