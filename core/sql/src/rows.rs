//! Rows as values, `(a, b) = (1, 'x')` and `(a, b) IN (…)`, spelled out column by column. Beside written rows, a NULL is
//! equal to a NULL, as in DuckDB; beside the rows of a subquery, three values decide, as the standard requires.

use crate::syntax::{binary, derived, nested, select};
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Ident, Query, Select, TableWithJoins, UnaryOperator, Value, VisitorMut,
};
use std::ops::ControlFlow;

/// The visitor that spells them out.
#[derive(Default)]
pub struct Rows {
    subqueries: usize,
}

impl VisitorMut for Rows {
    type Break = ();

    /// What stands by itself in WHERE is true or not: one subquery decides.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let Some(condition) = &mut select.selection {
            self.conjuncts(condition);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(spelled) = self.spelled(expr) {
            *expr = Expr::Nested(Box::new(spelled));
        }
        ControlFlow::Continue(())
    }
}

impl Rows {
    fn conjuncts(&mut self, condition: &mut Expr) {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.conjuncts(left);
                self.conjuncts(right);
            }
            Expr::Nested(inner) => self.conjuncts(inner),
            Expr::InSubquery { expr, subquery, negated } => {
                let Expr::Tuple(values) = expr.as_ref() else { return };
                let (rows, equal) = self.rows(values, subquery);
                let blocks = if *negated { Expr::IsNotFalse(Box::new(nested(equal))) } else { equal };
                *condition = exists(rows, blocks, *negated);
            }
            _ => {}
        }
    }

    fn spelled(&mut self, expr: &Expr) -> Option<Expr> {
        match expr {
            Expr::BinaryOp { left, op, right } => {
                let (Expr::Tuple(left), Expr::Tuple(right)) = (left.as_ref(), right.as_ref()) else { return None };
                let equal = same(left, right)?;
                match op {
                    BinaryOperator::Eq => Some(equal),
                    BinaryOperator::NotEq => Some(not(equal)),
                    _ => None,
                }
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                let (Expr::Tuple(l), Expr::Tuple(r)) = (left.as_ref(), right.as_ref()) else { return None };
                let equal = same(l, r)?;
                Some(if matches!(expr, Expr::IsDistinctFrom(..)) { not(equal) } else { equal })
            }
            Expr::InList { expr, list, negated } => {
                let Expr::Tuple(row) = expr.as_ref() else { return None };
                let one = |other: &Expr| match other {
                    Expr::Tuple(other) => same(row, other),
                    _ => None,
                };
                let alternatives = list.iter().map(one).collect::<Option<Vec<_>>>()?;
                let any = joined(alternatives, BinaryOperator::Or)?;
                Some(if *negated { not(any) } else { any })
            }
            Expr::InSubquery { expr, subquery, negated } => {
                let Expr::Tuple(values) = expr.as_ref() else { return None };
                let (rows, equal) = self.rows(values, subquery);
                let unknown = Expr::IsNull(Box::new(nested(equal.clone())));
                let found = exists(rows.clone(), equal, false);
                Some(three_values(found, exists(rows, unknown, false), *negated))
            }
            _ => None,
        }
    }

    /// The subquery as a table, and where its row is equal to the values.
    fn rows(&mut self, values: &[Expr], subquery: &Query) -> (TableWithJoins, Expr) {
        let name = Ident::with_quote('"', format!("__row_{}", self.subqueries));
        self.subqueries += 1;
        let column = |at: usize| Ident::with_quote('"', format!("__value_{at}"));
        let pairs = values.iter().enumerate().map(|(at, value)| {
            let inner = Expr::CompoundIdentifier(vec![name.clone(), column(at)]);
            binary(inner, BinaryOperator::Eq, nested(value.clone()))
        });
        let equal = joined(pairs.collect(), BinaryOperator::And).unwrap_or_else(|| boolean(true));
        let rows = derived(subquery.clone(), &name.value, (0..values.len()).map(column).collect());
        (rows, equal)
    }
}

/// Every value is the other's, and NULL is NULL.
fn same(left: &[Expr], right: &[Expr]) -> Option<Expr> {
    if left.len() != right.len() {
        return None;
    }
    let pair =
        |(l, r): (&Expr, &Expr)| Expr::IsNotDistinctFrom(Box::new(nested(l.clone())), Box::new(nested(r.clone())));
    joined(left.iter().zip(right).map(pair).collect(), BinaryOperator::And)
}

fn exists(rows: TableWithJoins, condition: Expr, negated: bool) -> Expr {
    Expr::Exists { subquery: Box::new(select(Vec::new(), vec![rows], Some(condition))), negated }
}

fn three_values(found: Expr, unknown: Expr, negated: bool) -> Expr {
    let when = |condition, result| CaseWhen { condition, result };
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![when(found, boolean(!negated)), when(unknown, Expr::Value(Value::Null.into()))],
        else_result: Some(Box::new(boolean(negated))),
    }
}

fn boolean(value: bool) -> Expr {
    Expr::Value(Value::Boolean(value).into())
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(nested(expr)) }
}

fn joined(parts: Vec<Expr>, op: BinaryOperator) -> Option<Expr> {
    parts.into_iter().reduce(|all, part| binary(nested(all), op.clone(), nested(part)))
}
