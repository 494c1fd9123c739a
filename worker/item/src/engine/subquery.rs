//! Scalar subqueries that use nothing of the outer query: each is run once, its one value stands beside every row. More
//! than one row is an error, none is NULL.

use super::{Rows, Translator, untranslated};
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{Expr as Plan, LogicalPlan};
use polars::prelude::*;
use std::sync::Arc;

/// The columns that hold the values of subqueries. A subquery is itself: two that are printed alike may differ.
pub type Values = Vec<(Subquery, PlSmallStr)>;

impl Translator<'_> {
    /// The rows with a column for each scalar subquery of the expressions.
    pub fn with_subqueries(&mut self, mut rows: Rows, exprs: &[Plan]) -> PolarsResult<(Rows, Values)> {
        let mut found: Vec<Subquery> = Vec::new();
        for expr in exprs {
            let _ = expr.apply(|e| {
                if let Plan::ScalarSubquery(subquery) = e
                    && !found.contains(subquery)
                {
                    found.push(subquery.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            });
        }
        let mut columns = Values::new();
        for subquery in found {
            let value = self.single(&subquery.subquery)?;
            let [column] = value.columns.as_slice() else {
                return Err(untranslated("a scalar subquery has one column"));
            };
            columns.push((subquery, column.clone()));
            let join =
                rows.frame.join_builder().with(value.frame).how(JoinType::Cross).coalesce(JoinCoalesce::KeepColumns);
            rows.frame = join.finish();
        }
        Ok((rows, columns))
    }

    /// One row: the value of the only row, or NULL.
    fn single(&mut self, plan: &LogicalPlan) -> PolarsResult<Rows> {
        let rows = self.node(plan)?;
        let [column] = rows.columns.as_slice() else { return Err(untranslated("a scalar subquery has one column")) };
        let (column, value) = (column.clone(), self.fresh());
        let out = value.clone();
        let from = column.clone();
        let one = move |frame: DataFrame| {
            polars_ensure!(frame.height() <= 1, ComputeError: "a subquery that stands for one value gave {} rows: add LIMIT 1 or an aggregate", frame.height());
            let column = frame.column(&from)?;
            let column = match frame.height() {
                0 => Column::full_null(out.clone(), 1, column.dtype()),
                _ => column.clone().with_name(out.clone()),
            };
            DataFrame::new(1, vec![column])
        };
        let (from, to) = (column.clone(), value.clone());
        let schema = move |input: &Schema| {
            let dtype = input.get(&from).cloned().unwrap_or(DataType::Null);
            Ok(Arc::new(Schema::from_iter([Field::new(to.clone(), dtype)])))
        };
        // Two rows are enough to see that there is more than one.
        let frame = rows.frame.select([col(column)]).slice(0, 2);
        let frame = frame.map(one, AllowedOptimizations::empty(), Some(Arc::new(schema)), Some("one value"));
        Ok(Rows { frame, columns: vec![value] })
    }
}
