//! Window functions, by DataFusion's own evaluators over the whole input: it is held in memory while they run.

use super::call::{array, held};
use super::expression::{Expressions, field};
use super::{Rows, Translator, bridged, engine_type, failed, untranslated};
use arrow::array::AsArray;
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType as ArrowType, FieldRef};
use datafusion_common::ScalarValue;
use datafusion_expr::expr::{NullTreatment, WindowFunctionParams};
use datafusion_expr::logical_plan::Window;
use datafusion_expr::{Expr as Plan, SortExpr, WindowFrame, WindowFunctionDefinition};
use polars::prelude::*;
use spotmill_kernels::WindowCall;

/// One call over columns of the frame.
struct Call {
    function: WindowFunctionDefinition,
    args: Vec<(PlSmallStr, FieldRef, Option<ScalarValue>)>,
    partition_by: Vec<(PlSmallStr, ArrowType)>,
    order_by: Vec<(PlSmallStr, ArrowType, SortOptions)>,
    frame: WindowFrame,
    filter: Option<PlSmallStr>,
    distinct: bool,
    ignore_nulls: bool,
    return_field: FieldRef,
    out: PlSmallStr,
    text: String,
}

impl Translator<'_> {
    pub fn window(&mut self, window: &Window) -> PolarsResult<Rows> {
        let Window { input, window_expr, schema: _, .. } = window;
        let rows = self.node(input)?;
        let mut with = Vec::new();
        let mut calls = Vec::new();
        for plan in window_expr {
            let expressions = Expressions::new(input.schema(), &rows);
            calls.push(self.call(plan, &expressions, input.schema(), &mut with)?);
        }
        let mut columns = rows.columns.clone();
        columns.extend(calls.iter().map(|c| c.out.clone()));
        let mut made = Vec::new();
        for call in &calls {
            made.push((call.out.clone(), engine_type(call.return_field.data_type())?));
        }
        let frame = if with.is_empty() { rows.frame } else { rows.frame.with_columns(with) };
        let frame = held(frame, made, "window", move |frame| calls.iter().map(|call| call.run(frame)).collect());
        Ok(super::join::kept(frame, columns))
    }

    fn call(
        &mut self,
        plan: &Plan,
        expressions: &Expressions<'_>,
        schema: &datafusion_common::DFSchema,
        with: &mut Vec<Expr>,
    ) -> PolarsResult<Call> {
        let function = match plan {
            Plan::Alias(alias) => return self.call(&alias.expr, expressions, schema, with),
            Plan::WindowFunction(function) => function,
            other => return Err(untranslated(format!("`{}` is no window function", spotmill_sql::describe(other)))),
        };
        let WindowFunctionParams { args, partition_by, order_by, window_frame, filter, null_treatment, distinct } =
            &function.params;
        let mut column = |translator: &mut Self, plan: &Plan| -> PolarsResult<PlSmallStr> {
            let name = translator.fresh();
            with.push(expressions.of(plan)?.alias(name.clone()));
            Ok(name)
        };
        // Which arguments the evaluator wants before it sees rows.
        let fixed = match function.fun.name() {
            "lag" | "lead" | "nth_value" => 1,
            "ntile" => 0,
            _ => usize::MAX,
        };
        let mut given = Vec::new();
        for (i, arg) in args.iter().enumerate() {
            let literal = super::expression::constant(arg);
            if i >= fixed && literal.is_none() {
                let (name, text) = (function.fun.name().to_uppercase(), spotmill_sql::describe(arg));
                let message =
                    format!("{name} takes a literal in place of `{text}`: write one, or COALESCE for a default");
                return Err(untranslated(message));
            }
            given.push((column(self, arg)?, field(arg, schema)?, literal));
        }
        let mut partitions = Vec::new();
        for key in partition_by {
            partitions.push((column(self, key)?, expressions.ty(key)?));
        }
        let mut keys = Vec::new();
        for SortExpr { expr, asc, nulls_first } in order_by {
            let options = SortOptions { descending: !asc, nulls_first: *nulls_first };
            keys.push((column(self, expr)?, expressions.ty(expr)?, options));
        }
        let filter = filter.as_ref().map(|f| column(self, f)).transpose()?;
        Ok(Call {
            function: function.fun.clone(),
            args: given,
            partition_by: partitions,
            order_by: keys,
            frame: window_frame.clone(),
            filter,
            distinct: *distinct,
            ignore_nulls: *null_treatment == Some(NullTreatment::IgnoreNulls),
            return_field: field(plan, schema)?,
            out: self.fresh(),
            text: spotmill_sql::describe(plan),
        })
    }
}

impl Call {
    fn run(&self, frame: &DataFrame) -> PolarsResult<Column> {
        let rows = frame.height();
        let of = |name: &PlSmallStr, ty: &ArrowType| array(frame.column(name)?, rows, ty);
        let args = self.args.iter().map(|(name, field, _)| of(name, field.data_type()));
        let partition_by = self.partition_by.iter().map(|(name, ty)| of(name, ty));
        let order_by = self.order_by.iter().map(|(name, ty, options)| Ok((of(name, ty)?, *options)));
        let filter = self.filter.as_ref().map(|name| of(name, &ArrowType::Boolean)).transpose()?;
        let call = WindowCall {
            function: self.function.clone(),
            args: args.collect::<PolarsResult<_>>()?,
            arg_fields: self.args.iter().map(|(_, field, _)| field.clone()).collect(),
            literal_args: self.args.iter().map(|(_, _, literal)| literal.clone()).collect(),
            return_field: self.return_field.clone(),
            partition_by: partition_by.collect::<PolarsResult<_>>()?,
            order_by: order_by.collect::<PolarsResult<_>>()?,
            frame: self.frame.clone(),
            filter: filter.map(|f| f.as_boolean().clone()),
            distinct: self.distinct,
            ignore_nulls: self.ignore_nulls,
        };
        let out = spotmill_kernels::window(&call, rows)
            .map_err(|e| polars_err!(ComputeError: "`{}`: {}", self.text, failed(e)))?;
        let out = super::call::typed(&out, self.return_field.data_type())?;
        Ok(bridged(spotmill_bridge::to_series(&self.out, &out))?.into_column())
    }
}
