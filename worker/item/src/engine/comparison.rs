//! Comparisons. The engine puts a column of its own making in the place of one with NULL, and of `IS DISTINCT FROM` a
//! value that its other side cannot have; the node that makes such columns never ends when nothing reads it
//! (polars-stream 0.55.2, nodes/repeat.rs). So a comparison with a constant is decided here.

use super::literal::has_column;
use datafusion_expr::Operator;
use polars::prelude::*;

type Compare = fn(Expr, Expr) -> Expr;

/// None where the operator compares nothing.
pub fn comparison(op: Operator, l: &Expr, r: &Expr) -> Option<Expr> {
    Some(match op {
        Operator::Eq => equal(l, r),
        Operator::NotEq => compared(|l, r| l.neq(r), l, r),
        Operator::Lt => compared(|l, r| l.lt(r), l, r),
        Operator::LtEq => compared(|l, r| l.lt_eq(r), l, r),
        Operator::Gt => compared(|l, r| l.gt(r), l, r),
        Operator::GtEq => compared(|l, r| l.gt_eq(r), l, r),
        Operator::IsDistinctFrom => distinct(l, r),
        Operator::IsNotDistinctFrom => not_distinct(l, r),
        _ => return None,
    })
}

pub fn equal(l: &Expr, r: &Expr) -> Expr {
    compared(|l, r| l.eq(r), l, r)
}

pub fn between(value: &Expr, low: &Expr, high: &Expr) -> Expr {
    compared(|l, r| l.gt_eq(r), value, low).and(compared(|l, r| l.lt_eq(r), value, high))
}

/// NULL where one side is.
fn compared(compare: Compare, l: &Expr, r: &Expr) -> Expr {
    match is_null(l) == Some(true) || is_null(r) == Some(true) {
        true => super::literal::null(DataType::Boolean),
        false => compare(l.clone(), r.clone()),
    }
}

fn distinct(l: &Expr, r: &Expr) -> Expr {
    match (is_null(l), is_null(r)) {
        (_, Some(true)) => l.clone().is_not_null(),
        (Some(true), _) => r.clone().is_not_null(),
        (None, None) => l.clone().neq_missing(r.clone()),
        _ => l.clone().neq(r.clone()).fill_null(lit(true)),
    }
}

fn not_distinct(l: &Expr, r: &Expr) -> Expr {
    match (is_null(l), is_null(r)) {
        (_, Some(true)) => l.clone().is_null(),
        (Some(true), _) => r.clone().is_null(),
        (None, None) => l.clone().eq_missing(r.clone()),
        _ => l.clone().eq(r.clone()).fill_null(lit(false)),
    }
}

/// Whether a constant is NULL. None of what is no constant, or an error: the row that comes to it fails.
fn is_null(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Literal(LiteralValue::Scalar(value)) => Some(value.is_null()),
        other if has_column(other) => None,
        other => {
            let row = DataFrame::new(1, Vec::new()).ok()?.lazy().select([other.clone()]).collect().ok()?;
            Some(row.columns().first()?.null_count() > 0)
        }
    }
}
