//! Joins whose condition is more than equality. Pairs are made by an inner join and the condition decides which stay;
//! rows are numbered first, so that those without a partner can be found.

use super::expression::Expressions;
use super::join::{Keyed, crossed, kept, names};
use super::{Rows, Translator, untranslated};
use datafusion_common::DFSchema;
use datafusion_expr::Expr as Plan;
use datafusion_expr::logical_plan::JoinType as PlanJoin;
use polars::prelude::*;

impl Translator<'_> {
    pub(super) fn residual(
        &mut self,
        keyed: Keyed,
        join_type: PlanJoin,
        condition: &Plan,
        schema: &DFSchema,
    ) -> PolarsResult<Rows> {
        use PlanJoin::{Full, Inner, Left, LeftAnti, LeftMark, LeftSemi, Right, RightAnti, RightMark, RightSemi};
        if join_type == Inner {
            return self.pairs(keyed, condition, schema);
        }
        let Keyed { left, right, left_keys, right_keys, nulls_equal } = keyed;
        let (left, l) = self.numbered(left);
        let (right, r) = self.numbered(right);
        let pairs = Keyed { left: left.clone(), right: right.clone(), left_keys, right_keys, nulls_equal };
        let pairs = self.pairs_with(pairs, condition, schema, &[l.clone(), r.clone()])?;
        let pairs = Rows { frame: pairs.frame.cache(), ..pairs };
        let columns: Vec<PlSmallStr> = left.columns.iter().chain(&right.columns).cloned().collect();
        let filtered = |rows: &Rows, number: &PlSmallStr, how: JoinType| {
            let matched = pairs.frame.clone().select([col(number.clone())]);
            let builder = rows.frame.clone().join_builder().with(matched).left_on([col(number.clone())]);
            builder.right_on([col(number.clone())]).how(how).finish()
        };
        // The numbers too: there may be no other column, and then they count the rows.
        let all: Vec<PlSmallStr> = columns.iter().chain([&l, &r]).cloned().collect();
        let mut parts = vec![pairs.frame.clone().select(names(&all))];
        match join_type {
            LeftSemi => return Ok(kept(filtered(&left, &l, JoinType::Semi), left.columns)),
            LeftAnti => return Ok(kept(filtered(&left, &l, JoinType::Anti), left.columns)),
            RightSemi => return Ok(kept(filtered(&right, &r, JoinType::Semi), right.columns)),
            RightAnti => return Ok(kept(filtered(&right, &r, JoinType::Anti), right.columns)),
            LeftMark => return Ok(self.marked(&left, &l, &pairs)),
            RightMark => return Err(untranslated("this subquery is not supported: write a JOIN")),
            Left | Right | Full | Inner => {}
        }
        if matches!(join_type, Left | Full) {
            parts.push(self.with_nulls(filtered(&left, &l, JoinType::Anti), &right, &r)?.select(names(&all)));
        }
        if matches!(join_type, Right | Full) {
            parts.push(self.with_nulls(filtered(&right, &r, JoinType::Anti), &left, &l)?.select(names(&all)));
        }
        Ok(Rows { frame: super::node::stacked(parts)?, columns })
    }

    fn pairs(&mut self, keyed: Keyed, condition: &Plan, schema: &DFSchema) -> PolarsResult<Rows> {
        self.pairs_with(keyed, condition, schema, &[])
    }

    /// Pairs of rows for which the condition is true, with columns beside those of the schema.
    fn pairs_with(
        &mut self,
        keyed: Keyed,
        condition: &Plan,
        schema: &DFSchema,
        more: &[PlSmallStr],
    ) -> PolarsResult<Rows> {
        let (mut left, right) = (keyed.left.clone(), keyed.right.clone());
        let columns: Vec<PlSmallStr> = left.columns.iter().chain(&right.columns).cloned().collect();
        let rows = match keyed.left_keys.is_empty() {
            true => crossed(&left, &right),
            false => {
                left.columns.extend(more.iter().cloned());
                self.equal(Keyed { left, right, ..keyed }, PlanJoin::Inner)?
            }
        };
        let predicate =
            Expressions::new(schema, &Rows { frame: rows.frame.clone(), columns: columns.clone() }).of(condition)?;
        let predicate = match super::literal::has_column(&predicate) {
            true => predicate,
            false => predicate.and(lit(true)),
        };
        let kept = columns.iter().chain(more).cloned().collect::<Vec<_>>();
        let frame = rows.frame.filter(predicate);
        let frame = if kept.is_empty() { frame } else { frame.select(names(&kept)) };
        Ok(Rows { frame, columns })
    }

    /// Numbered once: two runs could number in two orders.
    fn numbered(&mut self, rows: Rows) -> (Rows, PlSmallStr) {
        let number = self.fresh();
        let frame = rows.frame.with_row_index(number.clone(), None).cache();
        (Rows { frame, columns: rows.columns }, number)
    }

    fn marked(&mut self, left: &Rows, number: &PlSmallStr, pairs: &Rows) -> Rows {
        let mark = self.fresh();
        let matched = pairs.frame.clone().select([col(number.clone())]).unique(None, UniqueKeepStrategy::Any);
        let matched = matched.with_columns([lit(true).alias(mark.clone())]);
        let builder = left.frame.clone().join_builder().with(matched).left_on([col(number.clone())]);
        let frame = builder.right_on([col(number.clone())]).how(JoinType::Left).finish();
        let frame = frame.with_columns([col(mark.clone()).fill_null(lit(false))]);
        let mut columns = left.columns.clone();
        columns.push(mark);
        kept(frame, columns)
    }

    /// NULL for every column of the other side.
    fn with_nulls(&mut self, frame: LazyFrame, other: &Rows, number: &PlSmallStr) -> PolarsResult<LazyFrame> {
        let schema = other.frame.clone().collect_schema()?;
        let null = |column: &PlSmallStr| {
            let dtype = schema.get(column).cloned().unwrap_or(DataType::Null);
            super::literal::null(dtype).alias(column.clone())
        };
        Ok(frame.with_columns(other.columns.iter().chain([number]).map(null).collect::<Vec<_>>()))
    }
}
