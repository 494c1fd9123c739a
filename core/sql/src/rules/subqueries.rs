//! `IN` and `EXISTS` with subqueries, brought to forms that can be joined without losing NULL. Where `IN` stands at the
//! top of a WHERE, a join does it. Anywhere else it has three values, and is spelled out with counts.

use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result, ScalarValue, Spans};
use datafusion_expr::expr::{Exists, InSubquery};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::utils::{conjunction, merge_schema, split_conjunction_owned};
use datafusion_expr::{Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, lit, when};
use datafusion_functions_aggregate::expr_fn::count;
use datafusion_optimizer::AnalyzerRule;
use std::cell::Cell;
use std::sync::Arc;

/// Where the forms that a join can take are enough, or where every subquery must become a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subqueries {
    Joins,
    Values,
}

impl AnalyzerRule for Subqueries {
    fn name(&self) -> &str {
        "subqueries"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| node(plan, *self)).map(|t| t.data)
    }
}

fn node(plan: LogicalPlan, forms: Subqueries) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(Filter { predicate, input, .. }) if forms == Subqueries::Joins => {
            let schema = input.schema().clone();
            let parts = split_conjunction_owned(predicate).into_iter().map(|part| top(part, &schema));
            let predicate = conjunction(parts.collect::<Result<Vec<_>>>()?).unwrap_or_else(|| lit(true));
            Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, input)?)))
        }
        other => {
            let schema = merge_schema(&other.inputs());
            let rewritten = other.map_expressions(|e| {
                let names = datafusion_expr::expr_rewriter::NamePreserver::new_for_projection();
                let name = names.save(&e);
                Ok(embedded(e, &schema)?.update_data(|e| name.restore(e)))
            })?;
            match rewritten.transformed {
                true => rewritten.map_data(LogicalPlan::recompute_schema),
                false => Ok(rewritten),
            }
        }
    }
}

/// A conjunct of WHERE: true or not is all that matters.
fn top(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::Not(inner) => match *inner {
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                top(Expr::InSubquery(InSubquery { expr, subquery, negated: !negated }), schema)
            }
            Expr::Exists(Exists { subquery, negated }) => {
                Ok(Expr::Exists(Exists { subquery: rows_of(&subquery)?, negated: !negated }))
            }
            other => Ok(embedded(Expr::Not(Box::new(other)), schema)?.data),
        },
        Expr::InSubquery(InSubquery { expr, subquery, negated: true }) if !subquery.outer_ref_columns.is_empty() => {
            not_in_correlated(&expr, &subquery, schema)
        }
        Expr::Exists(Exists { subquery, negated }) => {
            Ok(Expr::Exists(Exists { subquery: rows_of(&subquery)?, negated }))
        }
        // The join regards NULL by what its columns can be: what is made of columns may be NULL where they are not.
        Expr::InSubquery(InSubquery { expr, subquery, negated: true }) if !matches!(*expr, Expr::Column(_)) => {
            in_three_values(&expr, &subquery, true, schema)
        }
        e @ Expr::InSubquery(_) => Ok(e),
        other => Ok(embedded(other, schema)?.data),
    }
}

fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|e| Ok(matches!(e, Expr::InSubquery(_) | Expr::Exists(_)))).unwrap_or(true)
}

fn embedded(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if !has_subquery(&expr) {
        return Ok(Transformed::no(expr));
    }
    expr.transform_up(|e| match e {
        Expr::Exists(Exists { subquery, negated }) => {
            let rows = counted(&rows_of(&subquery)?, None)?;
            Ok(Transformed::yes(if negated { rows.eq(lit(0i64)) } else { rows.gt(lit(0i64)) }))
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            Ok(Transformed::yes(in_three_values(&expr, &subquery, negated, schema)?))
        }
        other => Ok(Transformed::no(other)),
    })
}

/// TRUE where a value is equal, else NULL where one of the two sides is NULL and there are values, else FALSE.
fn in_three_values(expr: &Expr, subquery: &Subquery, negated: bool, schema: &DFSchema) -> Result<Expr> {
    let subquery = &named(subquery)?;
    let value = output(subquery);
    let equal = value.clone().eq(outer(expr, schema)?);
    let matches = counted(subquery, Some(equal))?;
    let nulls = counted(subquery, Some(value.is_null()))?;
    let rows = counted(subquery, None)?;
    let mut found = when(matches.gt(lit(0i64)), lit(!negated));
    let unknown = expr.clone().is_null().and(rows.gt(lit(0i64))).or(nulls.gt(lit(0i64)));
    found.when(unknown, Expr::Literal(ScalarValue::Boolean(None), None)).otherwise(lit(negated))
}

/// `NOT EXISTS (… WHERE value = expr OR value IS NULL OR expr IS NULL)`.
fn not_in_correlated(expr: &Expr, subquery: &Subquery, schema: &DFSchema) -> Result<Expr> {
    let subquery = &named(subquery)?;
    let value = output(subquery);
    let outer = outer(expr, schema)?;
    let blocks = value.clone().eq(outer.clone()).or(value.is_null()).or(outer.is_null());
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).filter(blocks)?.build()?;
    Ok(Expr::Exists(Exists { subquery: remade(plan), negated: true }))
}

/// The subquery without what it selects: EXISTS asks for rows only, and columns of one name would be confused.
fn rows_of(subquery: &Subquery) -> Result<Subquery> {
    match subquery.subquery.as_ref() {
        LogicalPlan::Projection(projection) => {
            let plan = LogicalPlanBuilder::from(projection.input.as_ref().clone());
            Ok(remade(plan.project(vec![lit(1i64).alias("one")])?.build()?))
        }
        _ => Ok(subquery.clone()),
    }
}

/// The subquery under a name of its own, so that its columns are none of the outer query's when both read one table.
fn named(subquery: &Subquery) -> Result<Subquery> {
    let plan =
        LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).alias(format!("__in_{}", next()))?.build()?;
    Ok(remade(plan))
}

/// A query is planned on a thread of its own, so that names depend on the query alone.
fn next() -> usize {
    thread_local! { static NEXT: Cell<usize> = const { Cell::new(0) } }
    NEXT.replace(NEXT.get() + 1)
}

/// The one column of the subquery.
fn output(subquery: &Subquery) -> Expr {
    Expr::from(subquery.subquery.schema().qualified_field(0))
}

/// The expression of the outer query, as seen from within.
fn outer(expr: &Expr, schema: &DFSchema) -> Result<Expr> {
    let seen = expr.clone().transform_up(|e| match e {
        Expr::Column(column) => {
            let (_, field) = Expr::Column(column.clone()).to_field(schema)?;
            Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
        }
        other => Ok(Transformed::no(other)),
    });
    seen.map(|t| t.data)
}

/// `(SELECT COUNT(*) FROM subquery WHERE condition)`.
fn counted(subquery: &Subquery, condition: Option<Expr>) -> Result<Expr> {
    let mut builder = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
    if let Some(condition) = condition {
        builder = builder.filter(condition)?;
    }
    let plan = builder.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("rows")])?.build()?;
    Ok(Expr::ScalarSubquery(remade(plan)))
}

fn remade(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: Spans::new() }
}
