//! Where `IS [NOT] DISTINCT FROM` ends. The parser takes everything to its right for the operand, so that
//! `a IS DISTINCT FROM b AND c` arrives as `a IS DISTINCT FROM (b AND c)`. AND, OR and NOT bind less tightly: what was
//! taken too much is moved back out. Parentheses arrive as nodes of their own and are never moved.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value, VisitMut, VisitorMut};
use std::ops::ControlFlow;

/// Brings every `IS DISTINCT FROM` below `node` to the operands that standard precedence gives it.
pub fn restore(node: &mut impl VisitMut) {
    let _ = node.visit(&mut Restore);
}

struct Restore;

impl VisitorMut for Restore {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let too_much = match expr {
            Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => connects(right),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => connects(expr),
            Expr::BinaryOp { op: BinaryOperator::And, right, .. } => is_or(right),
            _ => false,
        };
        if too_much {
            hoist(expr);
        }
        ControlFlow::Continue(())
    }
}

fn connects(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. })
}

fn is_or(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::Or, .. })
}

/// `outer(first AND rest)` becomes `outer(first) AND rest`.
fn hoist(outer: &mut Expr) {
    let through_and = !matches!(outer, Expr::BinaryOp { .. });
    let mut tree = take(operand(outer));
    let first = leftmost(&mut tree, through_and);
    *operand(outer) = take(first);
    *first = take(outer);
    *outer = tree;
}

fn operand(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::IsDistinctFrom(_, operand)
        | Expr::IsNotDistinctFrom(_, operand)
        | Expr::UnaryOp { expr: operand, .. }
        | Expr::BinaryOp { right: operand, .. } => operand,
        _ => expr,
    }
}

fn leftmost(expr: &mut Expr, through_and: bool) -> &mut Expr {
    let descend = if through_and { connects(expr) } else { is_or(expr) };
    if !descend {
        return expr;
    }
    match expr {
        Expr::BinaryOp { left, .. } => leftmost(left, through_and),
        other => other,
    }
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}
