//! `DISTINCT ON` as what it means: of the rows that agree in its expressions, the first in the order of ORDER BY.

use crate::rules::columns::named;
use datafusion_common::tree_node::Transformed;
use datafusion_common::{Column, Result};
use datafusion_expr::logical_plan::{Distinct, DistinctOn};
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

/// The plan without `DISTINCT ON`.
pub fn replaced(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Distinct(Distinct::On(distinct)) => first(distinct).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })
    .map(|t| t.data)
}

fn first(distinct: DistinctOn) -> Result<LogicalPlan> {
    let DistinctOn { on_expr, select_expr, sort_expr, input, schema } = distinct;
    let keys = sort_expr.unwrap_or_default();
    let call = super::sets::row_number(on_expr, keys.clone())?;
    let number = Expr::Column(Column::new_unqualified(call.schema_name().to_string()));
    let rows = LogicalPlanBuilder::from(input.as_ref().clone()).window(vec![call])?.filter(number.eq(lit(1i64)))?;
    let rows = if keys.is_empty() { rows } else { rows.sort(keys)? };
    rows.project(named(select_expr.into_iter().map(Expr::unalias), &schema))?.build()
}
