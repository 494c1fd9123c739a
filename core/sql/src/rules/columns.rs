//! The columns of a schema as expressions, and expressions under a schema's names: what every rule needs that puts a
//! projection over a node.

use datafusion_common::DFSchema;
use datafusion_expr::Expr;

/// Every column, in order.
pub fn columns(schema: &DFSchema) -> Vec<Expr> {
    schema.iter().map(Expr::from).collect()
}

/// The expressions under the names of the columns at their places.
pub fn named(exprs: impl IntoIterator<Item = Expr>, schema: &DFSchema) -> Vec<Expr> {
    let named = exprs.into_iter().zip(schema.iter());
    named.map(|(expr, (qualifier, field))| expr.alias_qualified(qualifier.cloned(), field.name())).collect()
}
