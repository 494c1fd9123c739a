//! INTERSECT and EXCEPT arrive as joins over all columns of both sides. Both sides get types that hold both. With ALL,
//! equal rows are numbered, and a row meets the row of its own number: each side counts as often as it occurs.

use crate::functions::beside::float_beside;
use crate::functions::cast::Conversion;
use crate::functions::registry::built_in;
use crate::rules::columns::columns;
use arrow::datatypes::DataType;
use datafusion_common::{Column, NullEquality, Result, plan_datafusion_err};
use datafusion_expr::expr::WindowFunction;
use datafusion_expr::logical_plan::{Join, JoinType};
use datafusion_expr::type_coercion::binary::comparison_coercion;
use datafusion_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, SortExpr, WindowFunctionDefinition};

/// How many equal rows stand before this one, and itself.
const NUMBER: &str = "__number";

/// The join as it is, unless it is a set operation.
pub fn set_operation(join: Join) -> Result<LogicalPlan> {
    let by_rows = matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && join.on.len() == join.left.schema().fields().len();
    if !by_rows {
        return Ok(LogicalPlan::Join(join));
    }
    let types: Vec<_> = join.left.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    let others: Vec<_> = join.right.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    let all = !matches!(join.left.as_ref(), LogicalPlan::Distinct(_));
    let mut left = converted(join.left.as_ref().clone(), &others)?;
    let mut right = converted(join.right.as_ref().clone(), &types)?;
    let columns = columns(left.schema());
    if all {
        (left, right) = (numbered(left)?, numbered(right)?);
    }
    let keys = names(&left).into_iter().zip(names(&right)).unzip();
    let joined = LogicalPlanBuilder::from(left);
    let joined = joined.join_detailed(right, join.join_type, keys, None, NullEquality::NullEqualsNull)?;
    if all { joined.project(columns)?.build() } else { joined.build() }
}

fn names(plan: &LogicalPlan) -> Vec<Column> {
    plan.schema().iter().map(Column::from).collect()
}

/// The rows with numbers of a type that holds this side's and the other's.
fn converted(plan: LogicalPlan, others: &[DataType]) -> Result<LogicalPlan> {
    let mut changed = false;
    let mut exprs = Vec::new();
    for ((qualifier, field), other) in plan.schema().iter().zip(others) {
        let column = Expr::from((qualifier, field));
        let from = field.data_type();
        let both = float_beside([from, other].into_iter()).or_else(|| comparison_coercion(from, other));
        match both.filter(|to| to != from && from.is_numeric() && other.is_numeric()) {
            Some(to) => {
                changed = true;
                let cast = Conversion::call(column, to, false);
                exprs.push(cast.alias_qualified(qualifier.cloned(), field.name()));
            }
            None => exprs.push(column),
        }
    }
    if changed { LogicalPlanBuilder::from(plan).project(exprs)?.build() } else { Ok(plan) }
}

fn numbered(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut exprs = columns(plan.schema());
    let call = row_number(exprs.clone(), Vec::new())?;
    let number = Expr::Column(Column::new_unqualified(call.schema_name().to_string())).alias(NUMBER);
    let plan = LogicalPlanBuilder::from(plan).window(vec![call])?;
    exprs.push(number);
    plan.project(exprs)?.build()
}

/// `ROW_NUMBER() OVER (PARTITION BY within ORDER BY by)`.
pub fn row_number(within: Vec<Expr>, by: Vec<SortExpr>) -> Result<Expr> {
    let function = built_in().windows.get("row_number");
    let function = function.ok_or_else(|| plan_datafusion_err!("there is no function `row_number`"))?;
    let call = WindowFunction::new(WindowFunctionDefinition::WindowUDF(function.clone()), Vec::new());
    let call = Expr::from(call).partition_by(within);
    if by.is_empty() { call.build() } else { call.order_by(by).build() }
}
