//! GROUPING SETS, ROLLUP and CUBE over columns only: an expression that is grouped by becomes a column of the input
//! first. What follows names a group by its text, which later rules change.

use crate::rules::columns::{columns, named};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, Result, ScalarValue, plan_err};
use datafusion_expr::logical_plan::{Aggregate, Union};
use datafusion_expr::utils::powerset;
use datafusion_expr::{Expr, GroupingSet, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion_functions_aggregate::expr_fn::count;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The plan with columns in every grouping set.
pub fn by_columns(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) => over_columns(aggregate),
        other => Ok(Transformed::no(other)),
    })
    .map(|t| t.data)
}

fn over_columns(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let [Expr::GroupingSet(sets)] = aggregate.group_expr.as_slice() else {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    };
    let mut found: Vec<Expr> = Vec::new();
    for expr in sets.distinct_expr() {
        if !matches!(expr, Expr::Column(_)) && !found.contains(expr) {
            found.push(expr.clone());
        }
    }
    if found.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let name = |at: usize| Column::new_unqualified(format!("__group_{at}"));
    let replaced = |expr: Expr| -> Result<Expr> {
        let replaced = expr.transform_down(|e| match found.iter().position(|group| *group == e) {
            Some(at) => Ok(Transformed::yes(Expr::Column(name(at)))),
            None => Ok(Transformed::no(e)),
        });
        replaced.map(|t| t.data)
    };
    let each = |exprs: &[Expr]| exprs.iter().cloned().map(replaced).collect::<Result<Vec<_>>>();
    let sets = match sets {
        GroupingSet::Rollup(exprs) => GroupingSet::Rollup(each(exprs)?),
        GroupingSet::Cube(exprs) => GroupingSet::Cube(each(exprs)?),
        GroupingSet::GroupingSets(sets) => {
            GroupingSet::GroupingSets(sets.iter().map(|set| each(set)).collect::<Result<_>>()?)
        }
    };
    let mut inputs = columns(aggregate.input.schema());
    inputs.extend(found.iter().enumerate().map(|(at, expr)| expr.clone().unalias().alias(name(at).name)));
    let input = LogicalPlanBuilder::from(aggregate.input.as_ref().clone()).project(inputs)?.build()?;
    // GROUPING names a group; any other aggregate sees the input as it was.
    let aggregates = aggregate.aggr_expr.iter().cloned().map(|expr| match grouping(&expr) {
        true => replaced(expr),
        false => Ok(expr),
    });
    let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
    let made = Aggregate::try_new(Arc::new(input), vec![Expr::GroupingSet(sets)], aggregates)?;
    // Which set a row belongs to is between the aggregate and GROUPING.
    let columns = made.schema.iter().zip(aggregate.schema.iter());
    let columns = columns.filter(|(_, (_, field))| field.name() != Aggregate::INTERNAL_GROUPING_ID);
    let outputs =
        columns.map(|(made, (qualifier, field))| Expr::from(made).alias_qualified(qualifier.cloned(), field.name()));
    let outputs: Vec<Expr> = outputs.collect();
    let plan = LogicalPlanBuilder::from(LogicalPlan::Aggregate(made)).project(outputs)?.build()?;
    Ok(Transformed::yes(plan))
}

/// The aggregate as one of its own for each grouping set, with NULL for the keys that the set does not have and the
/// number that distinguishes the sets.
pub fn apart(aggregate: Aggregate) -> Result<LogicalPlan> {
    let Aggregate { input, group_expr, aggr_expr, schema, .. } = aggregate;
    let [Expr::GroupingSet(grouping)] = group_expr.as_slice() else {
        return plan_err!("GROUPING SETS stand alone in GROUP BY: write one list of sets");
    };
    let keys: Vec<Expr> = grouping.distinct_expr().into_iter().cloned().collect();
    let sets: Vec<Vec<Expr>> = match grouping {
        GroupingSet::GroupingSets(sets) => sets.clone(),
        GroupingSet::Rollup(keys) => (0..=keys.len()).rev().map(|n| keys[..n].to_vec()).collect(),
        GroupingSet::Cube(keys) => powerset(keys)?.into_iter().map(|set| set.into_iter().cloned().collect()).collect(),
    };
    // A set without keys has a row too, where nothing is aggregated.
    let aggregates = if aggr_expr.is_empty() { vec![count(lit(1i64))] } else { aggr_expr.clone() };
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    let mut parts = Vec::new();
    for set in sets {
        let made = Aggregate::try_new(input.clone(), distinct(&set), aggregates.clone())?;
        let mut made_columns = columns(&made.schema);
        let mut results = made_columns.split_off(distinct(&set).len());
        results.truncate(aggr_expr.len());
        let missing = |key: &Expr| !set.contains(key);
        let mask = keys.iter().fold(0u64, |mask, key| mask << 1 | u64::from(missing(key)));
        let repeat = seen.entry(mask).or_default();
        let id = mask | (*repeat << keys.len());
        *repeat += 1;
        let mut exprs = Vec::new();
        for (key, field) in keys.iter().zip(schema.fields()) {
            exprs.push(match distinct(&set).iter().position(|of_set| of_set == key) {
                Some(at) => made_columns[at].clone(),
                None => Expr::Literal(ScalarValue::try_from(field.data_type())?, None),
            });
        }
        let id_type = schema.field(keys.len()).data_type();
        exprs.push(Expr::Literal(ScalarValue::UInt64(Some(id)).cast_to(id_type)?, None));
        exprs.extend(results);
        let plan = LogicalPlanBuilder::from(LogicalPlan::Aggregate(made));
        parts.push(Arc::new(plan.project(named(exprs, &schema))?.build()?));
    }
    let union = LogicalPlan::Union(Union::try_new_with_loose_types(parts)?);
    let outputs = named(columns(union.schema()), &schema);
    LogicalPlanBuilder::from(union).project(outputs)?.build()
}

/// The keys of a set, each once.
fn distinct(set: &[Expr]) -> Vec<Expr> {
    let mut keys: Vec<Expr> = Vec::new();
    for key in set {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

fn grouping(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => grouping(&alias.expr),
        Expr::AggregateFunction(call) => call.func.name() == "grouping",
        _ => false,
    }
}
