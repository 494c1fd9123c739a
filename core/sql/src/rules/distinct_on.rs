//! `DISTINCT ON` as what it means: of the rows that agree in its expressions, the first in the order of ORDER BY.

use crate::rules::columns::{columns, named};
use datafusion_common::tree_node::Transformed;
use datafusion_common::{Column, Result};
use datafusion_expr::logical_plan::{Distinct, DistinctOn};
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit};

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
    let mut exprs = named(select_expr.into_iter().map(Expr::unalias), &schema);
    if keys.is_empty() {
        return rows.project(exprs)?.build();
    }
    // They are sorted last: a subquery among the columns becomes a join, which keeps no order.
    let mut order = Vec::new();
    for (at, key) in keys.into_iter().enumerate() {
        let name = format!("__first_{at}");
        exprs.push(key.expr.clone().alias(&name));
        order.push(SortExpr { expr: Expr::Column(Column::new_unqualified(name)), ..key });
    }
    rows.project(exprs)?.sort(order)?.project(columns(&schema))?.build()
}
