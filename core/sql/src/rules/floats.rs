//! Floats and decimals that become one column: rows of VALUES, sides of UNION, what IN compares with a subquery. The
//! planner would read the floats as decimals of fifteen digits, by which small values become zero and large ones
//! errors; here the decimals are read as floats.

use crate::functions::beside::float_beside;
use crate::functions::cast::Conversion;
use crate::functions::kinds::{Kind, kind};
use arrow::datatypes::DataType;
use datafusion_common::{DFSchema, Result};
use datafusion_expr::expr::{Cast, InSubquery};
use datafusion_expr::logical_plan::{Subquery, Union, Values};
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Before the planner gives the columns of a union or of VALUES their types.
pub fn one_column(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Union(union) => union_of(union),
        LogicalPlan::Values(values) => values_of(values),
        other => Ok(other),
    }
}

fn union_of(Union { inputs, schema }: Union) -> Result<LogicalPlan> {
    let columns = schema.fields().len();
    if inputs.iter().any(|input| input.schema().fields().len() != columns) {
        return Ok(LogicalPlan::Union(Union { inputs, schema }));
    }
    let floats: BTreeMap<usize, DataType> = (0..columns)
        .filter_map(|i| Some((i, float_beside(inputs.iter().map(|input| input.schema().field(i).data_type()))?)))
        .collect();
    if floats.is_empty() {
        return Ok(LogicalPlan::Union(Union { inputs, schema }));
    }
    let inputs = inputs.into_iter().map(|input| Ok(Arc::new(converted(Arc::unwrap_or_clone(input), &floats)?)));
    Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs.collect::<Result<_>>()?)?))
}

/// The plan with its decimals of these places as floats.
fn converted(plan: LogicalPlan, floats: &BTreeMap<usize, DataType>) -> Result<LogicalPlan> {
    let is_decimal = |i: usize| kind(plan.schema().field(i).data_type()) == Kind::Decimal;
    if !floats.keys().any(|i| is_decimal(*i)) {
        return Ok(plan);
    }
    let column = |(i, (qualifier, field)): (usize, (Option<&_>, &Arc<_>))| {
        let column = Expr::from((qualifier, field));
        match floats.get(&i).filter(|_| is_decimal(i)) {
            Some(float) => {
                Conversion::call(column, float.clone(), false).alias_qualified(qualifier.cloned(), field.name())
            }
            None => column,
        }
    };
    let columns: Vec<Expr> = plan.schema().iter().enumerate().map(column).collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// The planner has cast the values to one type by then; what somebody wrote as a cast is a function's call.
fn values_of(Values { schema, values }: Values) -> Result<LogicalPlan> {
    let mut fields: Vec<_> = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
    let mut values = values;
    let mut changed = false;
    for (i, (_, field)) in fields.iter_mut().enumerate() {
        let written: Vec<DataType> =
            values.iter().map(|row| uncast(&row[i]).get_type(&schema)).collect::<Result<_>>()?;
        let Some(float) = float_beside(written.iter()) else { continue };
        changed = true;
        for (row, ty) in values.iter_mut().zip(&written) {
            let value = uncast(&row[i]).clone();
            row[i] = if ty == &float { value } else { Conversion::call(value, float.clone(), false) };
        }
        *field = Arc::new(field.as_ref().clone().with_data_type(float));
    }
    if !changed {
        return Ok(LogicalPlan::Values(Values { schema, values }));
    }
    let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
    Ok(LogicalPlan::Values(Values { schema: Arc::new(schema), values }))
}

fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(Cast { expr, .. }) => expr,
        other => other,
    }
}

/// `x IN (SELECT y …)` of which one is a float and the other a decimal.
pub fn in_subquery(within: InSubquery, schema: &DFSchema) -> Result<InSubquery> {
    let (ty, other) = (within.expr.get_type(schema)?, within.subquery.subquery.schema().field(0).data_type().clone());
    let Some(float) = float_beside([&ty, &other].into_iter()) else { return Ok(within) };
    let InSubquery { expr, subquery, negated } = within;
    if kind(&ty) == Kind::Decimal {
        return Ok(InSubquery { expr: Box::new(Conversion::call(*expr, float, false)), subquery, negated });
    }
    let Subquery { subquery, outer_ref_columns, spans } = subquery;
    let subquery = Arc::new(converted(Arc::unwrap_or_clone(subquery), &BTreeMap::from([(0, float)]))?);
    Ok(InSubquery { expr, subquery: Subquery { subquery, outer_ref_columns, spans }, negated })
}
