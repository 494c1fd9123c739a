//! A function of columns, row by row, as an expression of the engine.

use polars::prelude::{Column, Field, PlSmallStr, PolarsResult, Schema};
use polars_plan::dsl::{AnonymousColumnsUdf, BaseColumnUdf, UserDefinedFunction};
use polars_plan::prelude::FunctionOptions;
use std::sync::Arc;

/// `run` makes the values, `fields` returns their type.
pub fn elementwise(
    name: impl Into<PlSmallStr>,
    run: impl Fn(&mut [Column]) -> PolarsResult<Column> + Send + Sync + 'static,
    fields: impl Fn(&Schema, &[Field]) -> PolarsResult<Field> + Send + Sync + 'static,
) -> UserDefinedFunction {
    let mut function = UserDefinedFunction::new(name.into(), BaseColumnUdf::new(run, fields));
    function.options = FunctionOptions::elementwise();
    function
}

/// The same function with NULL for a row that it fails for.
pub fn tolerant(function: &UserDefinedFunction) -> PolarsResult<UserDefinedFunction> {
    let inner: Arc<dyn AnonymousColumnsUdf> = function.fun.clone().materialize()?.into_inner();
    let fields = inner.clone();
    let run = move |columns: &mut [Column]| match inner.clone().as_column_udf().call_udf(&mut columns.to_vec()) {
        Ok(values) => Ok(values),
        Err(_) => row_by_row(&inner, columns),
    };
    Ok(elementwise(function.name.clone(), run, move |schema: &Schema, given: &[Field]| fields.get_field(schema, given)))
}

fn row_by_row(function: &Arc<dyn AnonymousColumnsUdf>, columns: &[Column]) -> PolarsResult<Column> {
    let rows = columns.iter().map(Column::len).max().unwrap_or(0);
    let fields: Vec<Field> = columns.iter().map(|c| c.field().into_owned()).collect();
    let out = function.get_field(&Schema::default(), &fields)?;
    let run = function.clone().as_column_udf();
    let mut values = Column::full_null(out.name().clone(), 0, out.dtype());
    for row in 0..rows {
        let one = |c: &Column| if c.len() == rows { c.slice(row as i64, 1) } else { c.clone() };
        let mut row: Vec<Column> = columns.iter().map(one).collect();
        let value = run.call_udf(&mut row).unwrap_or_else(|_| Column::full_null(out.name().clone(), 1, out.dtype()));
        values.append(&value)?;
    }
    Ok(values)
}
