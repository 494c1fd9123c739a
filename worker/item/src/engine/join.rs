//! Joins. Keys become columns of their own, of one type on both sides; what the engine joins as planned it joins, and
//! `residual` evaluates a condition that is no equality.

use super::expression::Expressions;
use super::{Rows, Translator, untranslated};
use datafusion_common::{DFSchema, NullEquality};
use datafusion_expr::logical_plan::{Join, JoinType as PlanJoin};
use datafusion_expr::{Expr as Plan, LogicalPlan};
use polars::prelude::*;

/// A join with its keys as columns.
pub(super) struct Keyed {
    pub left: Rows,
    pub right: Rows,
    pub left_keys: Vec<PlSmallStr>,
    pub right_keys: Vec<PlSmallStr>,
    pub nulls_equal: bool,
}

impl Translator<'_> {
    pub fn join(&mut self, join: &Join) -> PolarsResult<Rows> {
        let Join { left, right, on, filter, join_type, join_constraint: _, schema: _, null_equality, null_aware } =
            join;
        let mut keyed = self.keyed(left, right, on, *null_equality)?;
        if *null_aware {
            if *join_type != PlanJoin::LeftAnti || filter.is_some() || on.len() != 1 {
                return Err(untranslated("NOT IN with this subquery is not supported: write NOT EXISTS (… WHERE …)"));
            }
            return self.not_in(keyed);
        }
        let Some(filter) = filter else { return self.unconditional(keyed, *join_type) };
        // A condition of one side only is a filter of that side where its rows may be dropped.
        let (left_schema, right_schema) = (left.schema(), right.schema());
        let mut rest = Vec::new();
        for part in datafusion_expr::utils::split_conjunction(filter) {
            if of_one_side(part, right_schema, left_schema) && drops_right(*join_type) {
                let predicate = Expressions::new(right_schema, &keyed.right).of(part)?;
                keyed.right.frame = keyed.right.frame.filter(predicate);
            } else if of_one_side(part, left_schema, right_schema) && drops_left(*join_type) {
                let predicate = Expressions::new(left_schema, &keyed.left).of(part)?;
                keyed.left.frame = keyed.left.frame.filter(predicate);
            } else {
                rest.push(part.clone());
            }
        }
        let Some(rest) = datafusion_expr::utils::conjunction(rest) else {
            return self.unconditional(keyed, *join_type);
        };
        let both = left_schema.join(right_schema).map_err(super::failed)?;
        self.residual(keyed, *join_type, &rest, &both)
    }

    fn keyed(
        &mut self,
        left: &LogicalPlan,
        right: &LogicalPlan,
        on: &[(Plan, Plan)],
        null_equality: NullEquality,
    ) -> PolarsResult<Keyed> {
        let (mut l, mut r) = (self.node(left)?, self.node(right)?);
        let (mut left_keys, mut right_keys) = (Vec::new(), Vec::new());
        for (a, b) in on {
            let ours = Expressions::new(left.schema(), &l).of(a)?;
            let theirs = Expressions::new(right.schema(), &r).of(b)?;
            left_keys.push(self.key(&mut l, ours));
            right_keys.push(self.key(&mut r, theirs));
        }
        Ok(Keyed {
            left: l,
            right: r,
            left_keys,
            right_keys,
            nulls_equal: null_equality == NullEquality::NullEqualsNull,
        })
    }

    fn key(&mut self, rows: &mut Rows, expr: Expr) -> PlSmallStr {
        let column = self.fresh();
        rows.frame = rows.frame.clone().with_columns([expr.alias(column.clone())]);
        column
    }

    /// By equality of the keys only.
    pub(super) fn equal(&mut self, keyed: Keyed, join_type: PlanJoin) -> PolarsResult<Rows> {
        let Keyed { left, right, left_keys, right_keys, nulls_equal } = keyed;
        let joined = |left: &Rows, right: &Rows, l: &[PlSmallStr], r: &[PlSmallStr], how: JoinType| {
            let (l, r): (Vec<Expr>, Vec<Expr>) = (names(l), names(r));
            let builder = left.frame.clone().join_builder().with(right.frame.clone()).left_on(l).right_on(r);
            builder.how(how).join_nulls(nulls_equal).coalesce(JoinCoalesce::KeepColumns).finish()
        };
        let both = || left.columns.iter().chain(&right.columns).cloned().collect::<Vec<_>>();
        let (frame, columns) = match join_type {
            PlanJoin::Inner => (joined(&left, &right, &left_keys, &right_keys, JoinType::Inner), both()),
            PlanJoin::Left => (joined(&left, &right, &left_keys, &right_keys, JoinType::Left), both()),
            PlanJoin::Right => (joined(&right, &left, &right_keys, &left_keys, JoinType::Left), both()),
            PlanJoin::Full => (joined(&left, &right, &left_keys, &right_keys, JoinType::Full), both()),
            PlanJoin::LeftSemi => {
                (joined(&left, &right, &left_keys, &right_keys, JoinType::Semi), left.columns.clone())
            }
            PlanJoin::LeftAnti => {
                (joined(&left, &right, &left_keys, &right_keys, JoinType::Anti), left.columns.clone())
            }
            PlanJoin::RightSemi => {
                (joined(&right, &left, &right_keys, &left_keys, JoinType::Semi), right.columns.clone())
            }
            PlanJoin::RightAnti => {
                (joined(&right, &left, &right_keys, &left_keys, JoinType::Anti), right.columns.clone())
            }
            PlanJoin::LeftMark => {
                let mark = self.fresh();
                let keys = right.frame.select(names(&right_keys)).unique(None, UniqueKeepStrategy::Any);
                let right = Rows { frame: keys.with_columns([lit(true).alias(mark.clone())]), columns: Vec::new() };
                let frame = joined(&left, &right, &left_keys, &right_keys, JoinType::Left);
                let frame = frame.with_columns([col(mark.clone()).fill_null(lit(false))]);
                let mut columns = left.columns.clone();
                columns.push(mark);
                (frame, columns)
            }
            PlanJoin::RightMark => return Err(untranslated("this subquery is not supported: write a JOIN")),
        };
        Ok(kept(frame, columns))
    }

    /// By the keys; without any, every pair of rows, or whether there is a row at all.
    fn unconditional(&mut self, mut keyed: Keyed, join_type: PlanJoin) -> PolarsResult<Rows> {
        if !keyed.left_keys.is_empty() {
            return self.equal(keyed, join_type);
        }
        if join_type == PlanJoin::Inner {
            return Ok(crossed(&keyed.left, &keyed.right));
        }
        // Equal by a constant, so that rows without a partner are found as with any key.
        let (l, r) = (self.key(&mut keyed.left, lit(1i32)), self.key(&mut keyed.right, lit(1i32)));
        self.equal(Keyed { left_keys: vec![l], right_keys: vec![r], ..keyed }, join_type)
    }

    /// `NOT IN`: nothing where the list holds NULL, everything where it is empty.
    fn not_in(&mut self, keyed: Keyed) -> PolarsResult<Rows> {
        let Keyed { left, right, left_keys, right_keys, nulls_equal: _ } = keyed;
        let list = right.frame.select(names(&right_keys)).cache();
        let key = col(right_keys[0].clone());
        let (has_null, rows) = (self.fresh(), self.fresh());
        let facts = list.clone().select([key.is_null().any(true).alias(has_null.clone()), len().alias(rows.clone())]);
        let anti = left.frame.join_builder().with(list).left_on(names(&left_keys)).right_on(names(&right_keys));
        let anti = anti.how(JoinType::Anti).coalesce(JoinCoalesce::KeepColumns).finish();
        let with = anti.join_builder().with(facts).how(JoinType::Cross).coalesce(JoinCoalesce::KeepColumns).finish();
        let keep = col(rows).eq(lit(0)).or(col(has_null).not().and(col(left_keys[0].clone()).is_not_null()));
        Ok(kept(with.filter(keep), left.columns))
    }
}

pub(super) fn crossed(left: &Rows, right: &Rows) -> Rows {
    let builder = left.frame.clone().join_builder().with(right.frame.clone());
    let frame = builder.how(JoinType::Cross).coalesce(JoinCoalesce::KeepColumns).finish();
    Rows { frame, columns: left.columns.iter().chain(&right.columns).cloned().collect() }
}

pub(super) fn names(columns: &[PlSmallStr]) -> Vec<Expr> {
    columns.iter().map(|c| col(c.clone())).collect()
}

/// The frame with these columns only; one without any keeps what counts its rows.
pub(super) fn kept(frame: LazyFrame, columns: Vec<PlSmallStr>) -> Rows {
    let frame = if columns.is_empty() { frame } else { frame.select(names(&columns)) };
    Rows { frame, columns }
}

/// Whether the condition names columns of `side` only, at least one.
fn of_one_side(condition: &Plan, side: &DFSchema, other: &DFSchema) -> bool {
    let columns = condition.column_refs();
    let within = |c: &&datafusion_common::Column| side.has_column(c) && !other.has_column(c);
    !columns.is_empty() && columns.iter().all(within)
}

fn drops_right(join_type: PlanJoin) -> bool {
    use PlanJoin::{Inner, Left, LeftAnti, LeftMark, LeftSemi};
    matches!(join_type, Inner | Left | LeftSemi | LeftAnti | LeftMark)
}

fn drops_left(join_type: PlanJoin) -> bool {
    use PlanJoin::{Inner, LeftSemi, Right, RightAnti, RightSemi};
    matches!(join_type, Inner | LeftSemi | Right | RightSemi | RightAnti)
}
