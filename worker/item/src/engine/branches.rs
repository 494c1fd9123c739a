//! Values that only some rows need: what stands behind AND and OR, in the branches of CASE and in later arguments of
//! COALESCE. A row that does not come so far must not fail there. Which rows do is decided by the conditions before it,
//! with NULL for those that are errors: a row whose condition is an error fails at that condition.

use super::comparison::equal;
use super::expression::Expressions;
use super::{engine_type, literal, untranslated};
use datafusion_common::tree_node::TreeNode;
use datafusion_expr::expr::Case;
use datafusion_expr::{BinaryExpr, Expr as Plan, Operator};
use polars::prelude::*;

impl Expressions<'_> {
    /// The conditions of a chain of AND or OR, as a tree of little depth.
    pub(super) fn chain(&self, binary: &BinaryExpr, guard: Option<&Expr>) -> PolarsResult<Expr> {
        let mut parts = Vec::new();
        flatten(&binary.left, binary.op, &mut parts);
        flatten(&binary.right, binary.op, &mut parts);
        let mut open = guard.cloned();
        let mut made = Vec::with_capacity(parts.len());
        let last_to_fail = parts.iter().rposition(|part| may_fail(part)).unwrap_or(0);
        for (at, part) in parts.iter().enumerate() {
            made.push(self.guarded(part, if may_fail(part) { open.as_ref() } else { guard })?);
            if at < last_to_fail && !self.tries {
                let goes_on = match binary.op {
                    Operator::And => self.trying(part)?.fill_null(lit(true)),
                    _ => self.trying(part)?.fill_null(lit(false)).not(),
                };
                open = Some(both(open.as_ref(), goes_on));
            }
        }
        Ok(balanced(made, binary.op))
    }

    pub(super) fn case(&self, case: &Case, guard: Option<&Expr>) -> PolarsResult<Expr> {
        let Case { expr, when_then_expr, else_expr } = case;
        let base = expr.as_ref().map(|e| self.guarded(e, guard)).transpose()?;
        let base_tried = expr.as_ref().map(|e| self.trying(e)).transpose()?;
        let is = |base: &Option<Expr>, condition: Expr| match base {
            Some(base) => equal(base, &condition),
            None => condition,
        };
        let matters = when_then_expr.iter().any(|(when, then)| may_fail(when) || may_fail(then))
            || else_expr.as_ref().is_some_and(|e| may_fail(e));
        // Rows that no earlier branch has taken.
        let mut rest = guard.cloned();
        let mut branches = Vec::new();
        for (condition, value) in when_then_expr {
            let open = if may_fail(condition) { rest.as_ref() } else { guard };
            let made = is(&base, self.guarded(condition, open)?);
            let mut inside = rest.clone();
            if matters && !self.tries {
                let taken = is(&base_tried, self.trying(condition)?).fill_null(lit(false));
                inside = Some(both(rest.as_ref(), taken.clone()));
                rest = Some(both(rest.as_ref(), taken.not()));
            }
            branches.push((made, self.guarded(value, if may_fail(value) { inside.as_ref() } else { guard })?));
        }
        let last = match else_expr {
            Some(value) => self.guarded(value, if may_fail(value) { rest.as_ref() } else { guard })?,
            None => {
                let Some((_, first)) = when_then_expr.first() else { return Err(untranslated("CASE without WHEN")) };
                literal::null(engine_type(&self.ty(first)?)?)
            }
        };
        let branches = branches.into_iter().rev();
        Ok(branches.fold(last, |rest, (condition, value)| when(condition).then(value).otherwise(rest)))
    }

    /// A later argument matters only where the ones before it are NULL.
    pub(super) fn coalesce(&self, args: &[Plan], guard: Option<&Expr>) -> PolarsResult<Expr> {
        let mut rest = guard.cloned();
        let mut values = Vec::new();
        let last_to_fail = args.iter().rposition(may_fail).unwrap_or(0);
        for (at, arg) in args.iter().enumerate() {
            values.push(self.guarded(arg, if may_fail(arg) { rest.as_ref() } else { guard })?);
            if at < last_to_fail && !self.tries {
                rest = Some(both(rest.as_ref(), self.trying(arg)?.is_null()));
            }
        }
        Ok(coalesce(&values))
    }
}

/// Whether a row's value may be an error.
fn may_fail(plan: &Plan) -> bool {
    let fails = |e: &Plan| matches!(e, Plan::ScalarFunction(_) | Plan::Cast(_) | Plan::Negative(_));
    plan.exists(|e| Ok(fails(e))).unwrap_or(true)
}

fn flatten<'p>(plan: &'p Plan, op: Operator, parts: &mut Vec<&'p Plan>) {
    match plan {
        Plan::BinaryExpr(binary) if binary.op == op => {
            flatten(&binary.left, op, parts);
            flatten(&binary.right, op, parts);
        }
        other => parts.push(other),
    }
}

/// The engine's time grows with the square of a tree's depth.
fn balanced(mut parts: Vec<Expr>, op: Operator) -> Expr {
    let Some(last) = parts.pop() else { return lit(op == Operator::And) };
    if parts.is_empty() {
        return last;
    }
    parts.push(last);
    let right = parts.split_off(parts.len() / 2);
    let (left, right) = (balanced(parts, op), balanced(right, op));
    if op == Operator::And { left.and(right) } else { left.or(right) }
}

fn both(guard: Option<&Expr>, condition: Expr) -> Expr {
    match guard {
        Some(guard) => guard.clone().and(condition),
        None => condition,
    }
}
