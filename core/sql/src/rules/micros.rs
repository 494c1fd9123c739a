//! Times are counted in microseconds. Between a date and a timestamp DataFusion counts nanoseconds, which end in 1677
//! and 2262: its conversions become ones to microseconds.

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::expr::{Cast, InSubquery};
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::logical_plan::{Subquery, Union};
use datafusion_expr::{Expr, LogicalPlan};
use datafusion_optimizer::AnalyzerRule;
use std::sync::Arc;

/// The same after all other rules, which convert once more.
#[derive(Debug)]
pub struct Micros;

impl AnalyzerRule for Micros {
    fn name(&self) -> &str {
        "micros"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| self::plan(node).map(Transformed::yes)).map(|t| t.data)
    }
}

/// The node with its conversions to microseconds, and those that UNION and IN put above their inputs.
pub fn plan(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = conversions(plan)?;
    let LogicalPlan::Union(Union { inputs, schema }) = plan else { return Ok(plan) };
    let inputs = inputs.into_iter().map(|input| conversions(Arc::unwrap_or_clone(input)).map(Arc::new));
    let fields = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), counted(field)));
    let schema = DFSchema::new_with_metadata(fields.collect(), schema.metadata().clone())?;
    Ok(LogicalPlan::Union(Union { inputs: inputs.collect::<Result<_>>()?, schema: Arc::new(schema) }))
}

/// The expression with the conversions of its operands to microseconds.
pub fn operands(expr: Expr) -> Result<Expr> {
    expr.map_children(|operand| Ok(conversion(operand))).map(|t| t.data)
}

fn conversions(plan: LogicalPlan) -> Result<LogicalPlan> {
    let names = NamePreserver::new(&plan);
    let changed = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let changed = expr.transform_up(|e| match e {
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let Subquery { subquery, outer_ref_columns, spans } = subquery;
                let subquery = Arc::new(conversions(Arc::unwrap_or_clone(subquery))?);
                let subquery = Subquery { subquery, outer_ref_columns, spans };
                Ok(Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated })))
            }
            other => Ok(conversion(other)),
        })?;
        Ok(changed.update_data(|e| name.restore(e)))
    })?;
    changed.data.recompute_schema()
}

fn conversion(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::Cast(Cast { expr, field }) if micros(field.data_type()).is_some() => {
            Transformed::yes(Expr::Cast(Cast { expr, field: counted(&field) }))
        }
        other => Transformed::no(other),
    }
}

fn counted(field: &FieldRef) -> FieldRef {
    match micros(field.data_type()) {
        Some(ty) => Arc::new(Field::clone(field).with_data_type(ty)),
        None => field.clone(),
    }
}

fn micros(ty: &DataType) -> Option<DataType> {
    match ty {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        _ => None,
    }
}
