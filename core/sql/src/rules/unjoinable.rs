//! What DataFusion's rules that make joins of subqueries get wrong. An aggregate of all rows that a subquery finds for an
//! outer row still gives a row of none: they hold to that only where the aggregate is all that the subquery is. A
//! window sees the rows of one outer row: they let it see those of all.

use crate::functions::optional::Optional;
use crate::rules::lifted::subquery_of;
use crate::rules::unnest::subquery_below;
use datafusion_common::Result;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_expr::logical_plan::Aggregate;
use datafusion_expr::{Expr, GroupingSet, LogicalPlan};

/// Whether the plan has such a subquery.
pub fn found(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        // Every subquery is visited as a node too: one of JOIN LATERAL is a side of a join.
        if let LogicalPlan::Join(join) = node
            && let Some(lateral) = subquery_below(&join.right)
        {
            found |= below(&lateral.subquery)?;
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                found |= match (e, subquery_of(e)) {
                    (Expr::ScalarSubquery(value), _) => !is_one_row(&value.subquery)? && below(&value.subquery)?,
                    (_, Some(subquery)) => below(&subquery.subquery)?,
                    (_, None) => false,
                };
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// The plan with subqueries that stand for a value marked as NULL where they find nothing, whatever they select: a value
/// that can be NULL by its type may turn out to be a constant.
pub fn marked(plan: LogicalPlan) -> Result<LogicalPlan> {
    let value = |expr: Expr| match &expr {
        Expr::ScalarSubquery(value) => Ok(if is_one_row(&value.subquery)? {
            Transformed::no(expr)
        } else {
            Transformed::yes(Optional::call(expr))
        }),
        _ => Ok(Transformed::no(expr)),
    };
    plan.transform_up_with_subqueries(|node| match has_value(&node)? {
        true => node.map_expressions(|expr| expr.transform_up(value))?.map_data(LogicalPlan::recompute_schema),
        false => Ok(Transformed::no(node)),
    })
    .map(|t| t.data)
}

fn has_value(node: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(|expr| {
        found |= expr.exists(|e| Ok(matches!(e, Expr::ScalarSubquery(_))))?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Whether the plan is an aggregate of all rows, and what is made of its results.
fn is_one_row(plan: &LogicalPlan) -> Result<bool> {
    match plan {
        LogicalPlan::Projection(projection) if projection.expr.iter().all(|e| !e.column_refs().is_empty()) => {
            is_one_row(&projection.input)
        }
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => Ok(!below(&aggregate.input)?),
        _ => Ok(false),
    }
}

fn below(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| match node {
        LogicalPlan::Aggregate(aggregate) => Ok(of_all(aggregate) && correlated(node)?),
        LogicalPlan::Window(_) => correlated(node),
        _ => Ok(false),
    })
}

fn of_all(aggregate: &Aggregate) -> bool {
    match aggregate.group_expr.as_slice() {
        [] => true,
        [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => sets.iter().any(Vec::is_empty),
        [Expr::GroupingSet(GroupingSet::Rollup(_) | GroupingSet::Cube(_))] => true,
        _ => false,
    }
}

fn correlated(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node.contains_outer_reference();
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}
