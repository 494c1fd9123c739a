//! How outer values go down through a plan: `push` gives the rows of the plan for every outer value, each row with the
//! values that it belongs to.

use super::domain::{Domain, Numbers};
use super::scalars;
use crate::rules::columns::{columns, named};
use crate::rules::grouping;
use datafusion_common::{Column, DFSchema, JoinType, NullEquality, Result, plan_err};
use datafusion_expr::expr::WindowFunction;
use datafusion_expr::logical_plan::{
    Aggregate, Distinct, FetchType, Filter, Join, Limit, SkipType, Union, Values, Window,
};
use datafusion_expr::utils::conjunction;
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator, SortExpr, binary_expr, lit, when};
use std::sync::Arc;

/// The plan's columns and the domain's, for every row that the plan has for some outer value.
pub fn push(plan: LogicalPlan, domain: &Domain, numbers: &mut Numbers) -> Result<LogicalPlan> {
    if !domain.is_used(&plan)? {
        return LogicalPlanBuilder::from(plan).cross_join(domain.plan.clone())?.build();
    }
    match plan {
        LogicalPlan::Filter(Filter { predicate, input, .. }) => {
            let predicate = domain.replaced(predicate)?;
            let rows = push(Arc::unwrap_or_clone(input), domain, numbers)?;
            let rows = LogicalPlanBuilder::from(rows).filter(predicate)?.build()?;
            scalars(rows, numbers).map(|t| t.data)
        }
        LogicalPlan::Projection(projection) => {
            let schema = projection.schema.clone();
            let rows = push(Arc::unwrap_or_clone(projection.input), domain, numbers)?;
            let mut exprs = replaced(projection.expr, &schema, domain)?;
            exprs.extend(domain.keys());
            let rows = LogicalPlanBuilder::from(rows).project(exprs)?.build()?;
            scalars(rows, numbers).map(|t| t.data)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let rows = push(Arc::unwrap_or_clone(alias.input), domain, numbers)?;
            domain.aliased(rows, alias.alias)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let rows = push(Arc::unwrap_or_clone(input), domain, numbers)?;
            LogicalPlanBuilder::from(rows).distinct()?.build()
        }
        // Rows in an order that nothing cuts have none.
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => push(Arc::unwrap_or_clone(sort.input), domain, numbers),
        LogicalPlan::Limit(limit) => limited(limit, domain, numbers),
        LogicalPlan::Aggregate(aggregate) => aggregated(aggregate, domain, numbers),
        LogicalPlan::Window(window) => windowed(window, domain, numbers),
        LogicalPlan::Join(join) => joined(join, domain, numbers),
        LogicalPlan::Union(union) => {
            let inputs = union.inputs.into_iter().map(|input| {
                let mut columns = columns(input.schema());
                columns.extend(domain.keys());
                let rows = push(Arc::unwrap_or_clone(input), domain, numbers)?;
                LogicalPlanBuilder::from(rows).project(columns)?.build().map(Arc::new)
            });
            Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs.collect::<Result<_>>()?)?))
        }
        LogicalPlan::Values(values) => rows_of(values, domain),
        other => plan_err!("a subquery cannot use columns of the outer query in {}: write a JOIN", other.display()),
    }
}

/// Each written row, for every outer value.
fn rows_of(values: Values, domain: &Domain) -> Result<LogicalPlan> {
    let Values { schema, values } = values;
    let rows = values.into_iter().map(|row| {
        let row = row.into_iter().map(|value| domain.replaced(value)).collect::<Result<Vec<_>>>()?;
        let mut exprs = named(row, &schema);
        exprs.extend(domain.keys());
        LogicalPlanBuilder::from(domain.plan.clone()).project(exprs)?.build().map(Arc::new)
    });
    Ok(LogicalPlan::Union(Union::try_new_with_loose_types(rows.collect::<Result<_>>()?)?))
}

/// The expressions over rows that bear the outer values, under the names that they had.
fn replaced(exprs: Vec<Expr>, schema: &DFSchema, domain: &Domain) -> Result<Vec<Expr>> {
    let replaced =
        exprs.into_iter().zip(schema.iter()).map(|(expr, (qualifier, field))| match domain.is_in(&expr)? {
            true => Ok(domain.replaced(expr.unalias())?.alias_qualified(qualifier.cloned(), field.name())),
            false => Ok(expr),
        });
    replaced.collect()
}

/// LIMIT counts the rows of each outer value.
fn limited(limit: Limit, domain: &Domain, numbers: &mut Numbers) -> Result<LogicalPlan> {
    let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?) else {
        return plan_err!("LIMIT in a subquery that uses columns of the outer query takes a number: write it as one");
    };
    match Arc::unwrap_or_clone(limit.input) {
        LogicalPlan::Sort(sort) => {
            numbered(Arc::unwrap_or_clone(sort.input), sort.expr, (skip, fetch), domain, numbers)
        }
        // The order below a projection may be by columns that it leaves out.
        LogicalPlan::Projection(projection) if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) => {
            let limit = Limit { input: projection.input.clone(), ..limit };
            let rows = limited(limit, domain, numbers)?;
            let mut exprs = replaced(projection.expr, &projection.schema, domain)?;
            exprs.extend(domain.keys());
            LogicalPlanBuilder::from(rows).project(exprs)?.build()
        }
        other => numbered(other, Vec::new(), (skip, fetch), domain, numbers),
    }
}

/// The rows from `skip` on, at most `fetch`, of each outer value.
fn numbered(
    plan: LogicalPlan,
    keys: Vec<SortExpr>,
    (skip, fetch): (usize, Option<usize>),
    domain: &Domain,
    numbers: &mut Numbers,
) -> Result<LogicalPlan> {
    let mut outputs = columns(plan.schema());
    outputs.extend(domain.keys());
    let rows = push(plan, domain, numbers)?;
    let keys = keys.into_iter().map(|key| Ok(SortExpr { expr: domain.replaced(key.expr)?, ..key }));
    let call = crate::rules::sets::row_number(domain.keys(), keys.collect::<Result<_>>()?)?;
    let number = Expr::Column(Column::new_unqualified(call.schema_name().to_string()));
    let mut condition = number.clone().gt(lit(skip as i64));
    if let Some(fetch) = fetch {
        condition = condition.and(number.lt_eq(lit(skip.saturating_add(fetch) as i64)));
    }
    LogicalPlanBuilder::from(rows).window(vec![call])?.filter(condition)?.project(outputs)?.build()
}

/// Groups of each outer value. Without GROUP BY, an outer value without rows has a row too.
fn aggregated(aggregate: Aggregate, domain: &Domain, numbers: &mut Numbers) -> Result<LogicalPlan> {
    if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
        return push(grouping::apart(aggregate)?, domain, numbers);
    }
    let Aggregate { input, group_expr, aggr_expr, schema, .. } = aggregate;
    let rows = push(Arc::unwrap_or_clone(input), domain, numbers)?;
    let everything = group_expr.is_empty();
    let mut groups = domain.keys();
    groups.extend(group_expr.into_iter().map(|e| domain.replaced(e)).collect::<Result<Vec<_>>>()?);
    let aggregates = aggr_expr.into_iter().map(|e| domain.replaced(e)).collect::<Result<Vec<_>>>()?;
    let rows = LogicalPlanBuilder::from(rows).aggregate(groups, aggregates.clone())?.build()?;
    let rows = scalars(rows, numbers)?.data;
    let keys = domain.keys().len();
    let values = columns(rows.schema()).into_iter().skip(keys);
    if !everything {
        let mut exprs = named(values, &schema);
        exprs.extend(domain.keys());
        return LogicalPlanBuilder::from(rows).project(exprs)?.build();
    }
    let matched = numbers.name("__matched");
    let mut exprs: Vec<Expr> = values.collect();
    let values = exprs.clone();
    exprs.extend(domain.keys());
    exprs.push(lit(true).alias(&matched));
    let rows = LogicalPlanBuilder::from(rows).project(exprs)?.build()?;
    let (rows, names) = domain.renamed(rows, numbers)?;
    let joined = LogicalPlanBuilder::from(domain.plan.clone());
    let on = (domain.names(), names);
    let joined = joined.join_detailed(rows, JoinType::Left, on, None, NullEquality::NullEqualsNull)?;
    let absent = Expr::Column(Column::new_unqualified(matched)).is_null();
    let values = values.into_iter().zip(&aggregates).map(|(value, aggregate)| match of_nothing(aggregate)? {
        Some(default) => when(absent.clone(), default).otherwise(value),
        None => Ok(value),
    });
    let mut exprs = named(values.collect::<Result<Vec<_>>>()?, &schema);
    exprs.extend(domain.keys());
    joined.project(exprs)?.build()
}

/// What an aggregate of no rows is, where that is not NULL.
fn of_nothing(aggregate: &Expr) -> Result<Option<Expr>> {
    match aggregate {
        Expr::Alias(alias) => of_nothing(&alias.expr),
        Expr::AggregateFunction(call) => {
            let value = call.func.default_value(&arrow::datatypes::DataType::Int64)?;
            Ok((!value.is_null()).then(|| Expr::Literal(value, None)))
        }
        _ => Ok(None),
    }
}

/// Windows see the rows of one outer value.
fn windowed(window: Window, domain: &Domain, numbers: &mut Numbers) -> Result<LogicalPlan> {
    let Window { input, window_expr, schema } = window;
    let rows = push(Arc::unwrap_or_clone(input), domain, numbers)?;
    let within = |expr: Expr| -> Result<Expr> {
        Ok(match domain.replaced(expr.unalias())? {
            Expr::WindowFunction(mut call) => {
                let WindowFunction { params, .. } = call.as_mut();
                params.partition_by.extend(domain.keys());
                Expr::WindowFunction(call)
            }
            other => other,
        })
    };
    let calls = window_expr.into_iter().map(within).collect::<Result<Vec<_>>>()?;
    let inputs = rows.schema().fields().len();
    let keys = domain.keys();
    let plan = LogicalPlanBuilder::from(rows).window(calls)?.build()?;
    let is_key = |e: &Expr| keys.contains(e);
    let own = columns(plan.schema());
    let (before, values) = own.split_at(inputs);
    let before = before.iter().filter(|e| !is_key(e)).cloned();
    let mut exprs = named(before.chain(values.iter().cloned()), &schema);
    exprs.extend(keys.iter().cloned());
    LogicalPlanBuilder::from(plan).project(exprs)?.build()
}

/// The side that keeps its rows bears the outer values; where both do, they meet by them.
fn joined(join: Join, domain: &Domain, numbers: &mut Numbers) -> Result<LogicalPlan> {
    let Join { left, right, on, filter, join_type, null_equality, schema, .. } = join;
    let full = join_type == JoinType::Full;
    let keeps_right =
        matches!(join_type, JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark);
    let keeps_left = join_type != JoinType::Inner && !keeps_right;
    // An inner join needs the outer values on one side, whichever it is; either side of a FULL JOIN may be missing.
    let with_right = full || keeps_right || domain.is_used(&right)?;
    let with_left = keeps_left || domain.is_used(&left)? || !with_right;
    let same = match null_equality {
        NullEquality::NullEqualsNothing => Operator::Eq,
        NullEquality::NullEqualsNull => Operator::IsNotDistinctFrom,
    };
    let mut conditions = Vec::new();
    for (l, r) in on {
        conditions.push(binary_expr(domain.replaced(l)?, same, domain.replaced(r)?));
    }
    conditions.extend(filter.map(|f| domain.replaced(f)).transpose()?);
    let mut outputs = columns(&schema);
    let mut keys = domain.keys();
    let mut left = Arc::unwrap_or_clone(left);
    let mut right = Arc::unwrap_or_clone(right);
    if with_left {
        left = push(left, domain, numbers)?;
    }
    if with_right {
        right = push(right, domain, numbers)?;
    }
    if with_left && with_right {
        // The values of the side that may be missing get other names.
        let missing = if keeps_right { &mut left } else { &mut right };
        let (renamed, names) = domain.renamed(missing.clone(), numbers)?;
        *missing = renamed;
        for (key, (one, other)) in keys.iter_mut().zip(domain.keys().into_iter().zip(names)) {
            let other = Expr::Column(other);
            if full {
                let name = one.schema_name().to_string();
                *key = when(one.clone().is_null(), other.clone()).otherwise(one.clone())?.alias(name);
            }
            conditions.push(binary_expr(one, Operator::IsNotDistinctFrom, other));
        }
    }
    outputs.extend(keys);
    let condition = conjunction(conditions);
    let nothing = (Vec::<Column>::new(), Vec::<Column>::new());
    LogicalPlanBuilder::from(left).join(right, join_type, nothing, condition)?.project(outputs)?.build()
}
