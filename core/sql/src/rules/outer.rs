//! Columns of an outer query inside its subqueries. The planner gives them the types that they have while the outer query is
//! being parsed; where the outer query's columns get others, as those of a UNION do, so do these.

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{Expr, LogicalPlan};
use std::sync::Arc;

/// The subquery's plan with the columns that `outer` has in the types that they have there.
pub fn typed(plan: LogicalPlan, outer: &DFSchema) -> Result<LogicalPlan> {
    let node = |node: LogicalPlan| {
        let node = match node {
            LogicalPlan::Subquery(Subquery { subquery, outer_ref_columns, spans }) => {
                let columns = outer_ref_columns.into_iter().map(|expr| column(expr, outer)).collect();
                LogicalPlan::Subquery(Subquery { subquery, outer_ref_columns: columns, spans })
            }
            other => other,
        };
        node.map_expressions(|expr| expr.transform_up(|expr| Ok(Transformed::yes(column(expr, outer)))))
    };
    plan.transform_down_with_subqueries(node).map(|t| t.data)
}

fn column(expr: Expr, outer: &DFSchema) -> Expr {
    match expr {
        Expr::OuterReferenceColumn(field, column) => match outer.qualified_field_from_column(&column) {
            Ok((_, own)) if own.data_type() != field.data_type() => {
                let field = field.as_ref().clone().with_data_type(own.data_type().clone());
                Expr::OuterReferenceColumn(Arc::new(field), column)
            }
            _ => Expr::OuterReferenceColumn(field, column),
        },
        other => other,
    }
}
