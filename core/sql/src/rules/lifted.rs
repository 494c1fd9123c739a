//! Subqueries where no rule and no engine takes them: one in ORDER BY becomes a column of what is sorted, one in the ON of
//! an inner join a condition over the join.

use crate::rules::columns::columns;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, JoinType, Result};
use datafusion_expr::logical_plan::{Filter, Join, Sort, Subquery};
use datafusion_expr::utils::{conjunction, split_conjunction_owned};
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr};
use std::sync::Arc;

pub fn lifted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut made = 0;
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Sort(sort) => sorted(sort, &mut made),
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => filtered(join),
        other => Ok(Transformed::no(other)),
    })
    .map(|t| t.data)
}

/// The subquery of an expression that is one.
pub fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery) => Some(subquery),
        Expr::Exists(exists) => Some(&exists.subquery),
        Expr::InSubquery(within) => Some(&within.subquery),
        Expr::SetComparison(compared) => Some(&compared.subquery),
        _ => None,
    }
}

fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|e| Ok(subquery_of(e).is_some())).unwrap_or(true)
}

/// Below a projection there are the columns that it leaves out.
fn sorted(sort: Sort, made: &mut usize) -> Result<Transformed<LogicalPlan>> {
    let found = subqueries(&sort.expr)?;
    let within = |schema: &DFSchema| found.iter().all(|expr| resolved(expr, schema));
    let outputs = columns(sort.input.schema());
    let (below, mut exprs) = match sort.input.as_ref() {
        _ if found.is_empty() => return Ok(Transformed::no(LogicalPlan::Sort(sort))),
        input if within(input.schema()) => (input.clone(), outputs.clone()),
        LogicalPlan::Projection(projection) if within(projection.input.schema()) => {
            (projection.input.as_ref().clone(), projection.expr.clone())
        }
        _ => return Ok(Transformed::no(LogicalPlan::Sort(sort))),
    };
    let mut names = Vec::new();
    for expr in &found {
        *made += 1;
        let name = format!("__sorted_{made}");
        exprs.push(expr.clone().alias(&name));
        names.push(Expr::Column(Column::new_unqualified(name)));
    }
    let keys = sort.expr.into_iter().map(|key| {
        let replaced = key.expr.transform_down(|e| match found.iter().position(|expr| *expr == e) {
            Some(at) => Ok(Transformed::yes(names[at].clone())),
            None => Ok(Transformed::no(e)),
        });
        Ok(SortExpr { expr: replaced?.data, ..key })
    });
    let keys = keys.collect::<Result<Vec<_>>>()?;
    let sorted = LogicalPlanBuilder::from(below).project(exprs)?.sort_with_limit(keys, sort.fetch)?;
    Ok(Transformed::yes(sorted.project(outputs)?.build()?))
}

fn subqueries(keys: &[SortExpr]) -> Result<Vec<Expr>> {
    let mut found: Vec<Expr> = Vec::new();
    for key in keys {
        key.expr.apply(|e| {
            if subquery_of(e).is_some() && !found.contains(e) {
                found.push(e.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(found)
}

/// Whether all that the subquery uses from outside is there.
fn resolved(expr: &Expr, schema: &DFSchema) -> bool {
    let outer = subquery_of(expr).map(|subquery| subquery.outer_ref_columns.as_slice()).unwrap_or_default();
    let outer = outer.iter().all(|e| matches!(e, Expr::OuterReferenceColumn(_, column) if schema.has_column(column)));
    outer && expr.column_refs().into_iter().all(|column| schema.has_column(column))
}

/// Of an inner join, conditions may be asked of its rows.
fn filtered(join: Join) -> Result<Transformed<LogicalPlan>> {
    let Some(filter) = join.filter.clone().filter(has_subquery) else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let (lifted, kept): (Vec<Expr>, Vec<Expr>) = split_conjunction_owned(filter).into_iter().partition(has_subquery);
    let join = LogicalPlan::Join(Join { filter: conjunction(kept), ..join });
    Ok(match conjunction(lifted) {
        Some(predicate) => Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(join))?)),
        None => Transformed::no(join),
    })
}
