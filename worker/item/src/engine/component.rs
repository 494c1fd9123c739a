//! One aggregate function: what the engine adds up exactly as planned it does, every other one is given its group's
//! rows and evaluated by DataFusion (`grouped`). No row is NULL, except for counts.

use super::expression::{Expressions, constant, field};
use super::grouped::Grouped;
use super::{Translator, bridged, engine_type, literal, untranslated};
use crate::elementwise::elementwise;
use arrow::datatypes::DataType as ArrowType;
use datafusion_common::DFSchema;
use datafusion_expr::expr::{AggregateFunction, AggregateFunctionParams, Cast, NullTreatment};
use datafusion_expr::{Expr as Plan, SortExpr};
use polars::prelude::*;

/// How a result is made of what was aggregated.
pub enum Finish {
    Expression(Expr),
    Grouped(Grouped),
}

/// What is aggregated, and how results are made of it.
#[derive(Default)]
pub struct Prepared {
    /// Columns that the aggregation reads.
    pub columns: Vec<Expr>,
    pub aggregated: Vec<Expr>,
    pub finish: Vec<Finish>,
}

pub struct Component<'a, 'b, 'c> {
    pub translator: &'a mut Translator<'c>,
    pub expressions: &'a Expressions<'b>,
    pub schema: &'a DFSchema,
}

impl Component<'_, '_, '_> {
    pub fn prepare(&mut self, plan: &Plan, out: &mut Prepared) -> PolarsResult<()> {
        let call = match plan {
            Plan::Alias(alias) => return self.prepare(&alias.expr, out),
            Plan::AggregateFunction(call) => call,
            other => return Err(untranslated(format!("`{}` is no aggregate", spotmill_sql::describe(other)))),
        };
        let finish = match self.native(call, plan, out)? {
            Some(expr) => Finish::Expression(expr),
            None => Finish::Grouped(self.grouped(call, plan, out)?),
        };
        out.finish.push(finish);
        Ok(())
    }

    /// A column that the aggregation reads.
    fn column(&mut self, expr: Expr, out: &mut Prepared) -> PlSmallStr {
        let column = self.translator.fresh();
        out.columns.push(expr.alias(column.clone()));
        column
    }

    fn aggregated(&mut self, expr: Expr, out: &mut Prepared) -> Expr {
        let column = self.translator.fresh();
        out.aggregated.push(expr.alias(column.clone()));
        col(column)
    }

    fn native(&mut self, call: &AggregateFunction, plan: &Plan, out: &mut Prepared) -> PolarsResult<Option<Expr>> {
        let AggregateFunction { func, params } = call;
        let AggregateFunctionParams { args, distinct, filter, order_by: _, null_treatment } = params;
        if null_treatment.is_some() {
            return Ok(None);
        }
        let filter = filter.as_ref().map(|f| self.expressions.of(f)).transpose()?;
        let [arg] = args.as_slice() else { return Ok(None) };
        let arg_type = self.expressions.ty(arg)?;
        let name = func.name();
        if name == "count" && !distinct && matches!(arg, Plan::Literal(value, _) if !value.is_null()) {
            let count = match filter {
                Some(filter) => {
                    let column = self.column(filter, out);
                    col(column).sum()
                }
                None => len(),
            };
            return Ok(Some(self.aggregated(count.cast(DataType::Int64), out)));
        }
        let supported = matches!(
            name,
            "count"
                | "sum"
                | "avg"
                | "min"
                | "max"
                | "stddev"
                | "stddev_pop"
                | "var"
                | "var_pop"
                | "bool_and"
                | "bool_or"
                | "median"
        );
        let counts_only = matches!(name, "count" | "min" | "max" | "bool_and" | "bool_or" | "sum" | "avg");
        if !supported || (*distinct && !counts_only) || arg_type.is_null() || arg_type.is_nested() {
            return Ok(None);
        }
        let mut value = self.expressions.of(arg)?;
        if let Some(filter) = filter {
            value = when(filter).then(value).otherwise(literal::null(engine_type(&arg_type)?));
        }
        let column = col(self.column(value, out));
        Ok(Some(match name {
            "count" => {
                let count = if *distinct { column.drop_nulls().n_unique() } else { column.count() };
                self.aggregated(count.cast(DataType::Int64), out)
            }
            "min" | "bool_and" => self.aggregated(column.min(), out),
            "max" | "bool_or" => {
                let max = self.aggregated(column.clone().max(), out);
                if !arg_type.is_floating() {
                    return Ok(Some(max));
                }
                // NaN is the greatest; the engine's own `nan_max` takes negative infinity for the least finite number.
                let nan = self.aggregated(column.is_nan().any(true), out);
                let not_a_number = lit(f64::NAN).cast(engine_type(&arg_type)?);
                when(nan).then(not_a_number).otherwise(max)
            }
            "sum" | "avg" => self.sum(name, arg, &arg_type, *distinct, column, plan, out)?,
            "stddev" => self.aggregated(column.std(1), out),
            "stddev_pop" => self.aggregated(column.std(0), out),
            "var" => self.aggregated(column.var(1), out),
            "var_pop" => self.aggregated(column.var(0), out),
            "median" => self.aggregated(column.median(), out),
            _ => return Ok(None),
        }))
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one call")]
    fn sum(
        &mut self,
        name: &str,
        arg: &Plan,
        ty: &ArrowType,
        distinct: bool,
        column: Expr,
        plan: &Plan,
        out: &mut Prepared,
    ) -> PolarsResult<Expr> {
        let column = if distinct { column.drop_nulls().unique() } else { column };
        let count = self.aggregated(column.clone().count(), out);
        let sum = match ty {
            ArrowType::Int64 if narrow(arg, self.expressions)? => column.sum(),
            ArrowType::Int64 => column.cast(DataType::Int128).sum(),
            _ => column.sum(),
        };
        let sum = self.aggregated(sum, out);
        let some = count.clone().gt(lit(0));
        if name == "avg" {
            let average = match ty {
                ArrowType::Float32 | ArrowType::Float64 => {
                    super::call::divided(sum.cast(DataType::Float64), count.cast(DataType::Float64))
                }
                ArrowType::Decimal128(..) => super::call::averaged(sum, count),
                // The sum of so many integers as there are bytes in the world has 38 digits.
                _ => super::call::averaged(sum.cast(DataType::Decimal(38, 0)), count),
            };
            return Ok(when(some).then(average).otherwise(literal::null(DataType::Float64)));
        }
        let return_type = field(plan, self.schema)?.data_type().clone();
        let sum = match ty {
            ArrowType::Float32 | ArrowType::Float64 => sum.cast(DataType::Float64),
            _ => fits(sum, engine_type(&return_type)?, spotmill_sql::describe(plan)),
        };
        Ok(when(some).then(sum).otherwise(literal::null(engine_type(&return_type)?)))
    }

    /// The rows of each group, for a function that the engine does not have.
    fn grouped(&mut self, call: &AggregateFunction, plan: &Plan, out: &mut Prepared) -> PolarsResult<Grouped> {
        let AggregateFunction { func, params } = call;
        let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = params;
        let mut given = Vec::new();
        for arg in args {
            let literal = constant(arg);
            let (expr, planned) = (self.expressions.of(arg)?, field(arg, self.schema)?);
            let column = self.column(expr, out);
            given.push((self.listed(column, out), planned, literal));
        }
        let mut keys = Vec::new();
        for SortExpr { expr, asc, nulls_first } in order_by {
            let (key, ty) = (self.expressions.of(expr)?, self.expressions.ty(expr)?);
            let column = self.column(key, out);
            let options = arrow::compute::SortOptions { descending: !asc, nulls_first: *nulls_first };
            keys.push((self.listed(column, out), ty, options));
        }
        let filter = match filter {
            Some(filter) => {
                let filter = self.expressions.of(filter)?;
                let column = self.column(filter, out);
                Some(self.listed(column, out))
            }
            None => None,
        };
        Ok(Grouped {
            function: func.clone(),
            args: given,
            order_by: keys,
            filter,
            distinct: *distinct,
            ignore_nulls: *null_treatment == Some(NullTreatment::IgnoreNulls),
            return_field: field(plan, self.schema)?,
            text: spotmill_sql::describe(plan),
        })
    }

    fn listed(&mut self, column: PlSmallStr, out: &mut Prepared) -> PlSmallStr {
        let list = self.translator.fresh();
        out.aggregated.push(col(column).implode(true).alias(list.clone()));
        list
    }
}

/// Whether the argument has at most 32 bits, so that no number of rows makes its sum too large.
fn narrow(arg: &Plan, expressions: &Expressions<'_>) -> PolarsResult<bool> {
    use ArrowType::{Boolean, Int8, Int16, Int32, UInt8, UInt16, UInt32};
    let Plan::Cast(Cast { expr, .. }) = arg else { return Ok(false) };
    Ok(matches!(expressions.ty(expr)?, Boolean | Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32))
}

/// The sum as its type, or an error that names it.
fn fits(sum: Expr, ty: DataType, text: String) -> Expr {
    let to = ty.clone();
    let run = move |columns: &mut [Column]| -> PolarsResult<Column> {
        let column = &columns[0];
        if let DataType::Decimal(..) = to {
            let array = bridged(spotmill_bridge::to_arrow(column))?;
            use arrow::array::AsArray;
            let decimals = array.as_primitive::<arrow::datatypes::Decimal128Type>();
            decimals
                .validate_decimal_precision(38)
                .map_err(|_| polars_err!(ComputeError: "`{text}`: the sum has more than 38 digits"))?;
            return column.strict_cast(&to);
        }
        column.strict_cast(&to).map_err(|_| {
            let largest = column.max_reduce().map(|s| s.value().to_string()).unwrap_or_default();
            polars_err!(ComputeError: "`{text}`: {}", spotmill_sql::functions::sums::too_large(largest))
        })
    };
    let fields = move |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), ty.clone()));
    elementwise("fits", run, fields).call(vec![sum])
}
