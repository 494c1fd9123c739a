//! Correlated subqueries of any form as joins: the distinct values of the outer columns are pushed down to where the
//! subquery uses them ("Unnesting Arbitrary Queries", Neumann and Kemper, BTW 2015), and its rows are joined back by
//! those values, NULL being equal to NULL. DataFusion's own rules give faster plans for what they can do; this one is
//! for the rest.

mod domain;
mod push;

use crate::functions::single::Single;
use crate::rules::columns::columns;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, JoinType, NullEquality, Result, plan_err};
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::logical_plan::{Join, Subquery};
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion_optimizer::AnalyzerRule;
use domain::{Domain, Numbers};
use push::push;
use std::cell::RefCell;

#[derive(Debug)]
pub struct Unnest;

impl AnalyzerRule for Unnest {
    fn name(&self) -> &str {
        "unnest"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let numbers = RefCell::new(Numbers::default());
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Join(join) => lateral(join, &mut numbers.borrow_mut()),
            other => scalars(other, &mut numbers.borrow_mut()),
        })
        .map(|t| t.data)
    }
}

/// Every correlated scalar subquery of the node's expressions becomes a column of its input.
fn scalars(plan: LogicalPlan, numbers: &mut Numbers) -> Result<Transformed<LogicalPlan>> {
    let [input] = plan.inputs()[..] else { return Ok(Transformed::no(plan)) };
    let mut found: Vec<Subquery> = Vec::new();
    plan.apply_expressions(|expr| {
        expr.apply(|e| {
            if let Expr::ScalarSubquery(subquery) = e
                && !Domain::columns_of(&subquery.subquery, input.schema())?.is_empty()
                && !found.contains(subquery)
            {
                found.push(subquery.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    if found.is_empty() {
        return Ok(Transformed::no(plan));
    }
    let outer = input.clone();
    let mut input = input.clone();
    let mut values = Vec::new();
    for subquery in found {
        let (joined, value) = beside(input, &outer, &subquery, numbers)?;
        input = joined;
        values.push((subquery, value));
    }
    let columns = columns(plan.schema());
    let names = NamePreserver::new(&plan);
    let exprs = plan.expressions().into_iter().map(|expr| {
        let name = names.save(&expr);
        let replaced = expr.transform_up(|e| {
            let value = values.iter().find(|(subquery, _)| matches!(&e, Expr::ScalarSubquery(s) if s == subquery));
            Ok(value.map_or_else(|| Transformed::no(e.clone()), |(_, value)| Transformed::yes(value.clone())))
        });
        Ok(name.restore(replaced?.data))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    let node = plan.with_new_exprs(exprs, vec![input])?;
    if node.schema().fields().len() == columns.len() {
        return Ok(Transformed::yes(node));
    }
    Ok(Transformed::yes(LogicalPlanBuilder::from(node).project(columns)?.build()?))
}

/// The input with the subquery's value in one more column, and that column. The outer values are those of `outer`, the
/// rows before any subquery stood beside them: they are the same, and a plan would double with every subquery.
fn beside(
    input: LogicalPlan,
    outer: &LogicalPlan,
    subquery: &Subquery,
    numbers: &mut Numbers,
) -> Result<(LogicalPlan, Expr)> {
    let domain = Domain::of(outer, &subquery.subquery, numbers)?;
    let single = subquery.subquery.max_rows() == Some(1);
    let rows = push(subquery.subquery.as_ref().clone(), &domain, numbers)?;
    let value = Expr::from(rows.schema().qualified_field(0));
    let name = numbers.name("__value");
    let keys = domain.keys();
    let rows = LogicalPlanBuilder::from(rows);
    let rows = match single {
        true => rows.project(std::iter::once(value.alias(&name)).chain(keys))?,
        false => rows.aggregate(keys, vec![Single::call(value).alias(&name)])?,
    };
    let on = (domain.outer(), domain.names());
    let joined = LogicalPlanBuilder::from(input);
    let joined = joined.join_detailed(rows.build()?, JoinType::Left, on, None, NullEquality::NullEqualsNull)?;
    Ok((joined.build()?, Expr::Column(Column::new_unqualified(name))))
}

/// `JOIN LATERAL`: rows of the right side meet the rows of the left that have their outer values.
fn lateral(join: Join, numbers: &mut Numbers) -> Result<Transformed<LogicalPlan>> {
    let Some(subquery) = subquery_below(&join.right) else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    if Domain::columns_of(&subquery.subquery, join.left.schema())?.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return plan_err!("JOIN LATERAL is an inner or a LEFT join: write one of them");
    }
    let columns = columns(&join.schema);
    let domain = Domain::of(&join.left, &subquery.subquery, numbers)?;
    let rows = push(subquery.subquery.as_ref().clone(), &domain, numbers)?;
    let rows = match join.right.as_ref() {
        LogicalPlan::SubqueryAlias(alias) => domain.aliased(rows, alias.alias.clone())?,
        _ => rows,
    };
    let same = domain.outer().into_iter().zip(domain.names()).map(|(outer, inner)| {
        datafusion_expr::binary_expr(
            Expr::Column(outer),
            datafusion_expr::Operator::IsNotDistinctFrom,
            Expr::Column(inner),
        )
    });
    let filter = datafusion_expr::utils::conjunction(same.chain(join.filter));
    let joined = LogicalPlanBuilder::from(join.left.as_ref().clone());
    let (left, right) = join
        .on
        .into_iter()
        .filter_map(|(l, r)| Some((l.get_as_join_column()?.clone(), r.get_as_join_column()?.clone())))
        .unzip::<_, _, Vec<_>, Vec<_>>();
    let joined = joined.join(rows, join.join_type, (left, right), filter)?;
    Ok(Transformed::yes(joined.project(columns)?.build()?))
}

/// The subquery that JOIN LATERAL joins.
pub fn subquery_below(plan: &LogicalPlan) -> Option<&Subquery> {
    match plan {
        LogicalPlan::Subquery(subquery) => Some(subquery),
        LogicalPlan::SubqueryAlias(alias) => subquery_below(&alias.input),
        _ => None,
    }
}
