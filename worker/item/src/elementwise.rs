//! A function of columns, row by row, as an expression of the engine.

use polars::prelude::{Column, Field, PlSmallStr, PolarsResult, Schema};
use polars_plan::dsl::{BaseColumnUdf, UserDefinedFunction};
use polars_plan::prelude::FunctionOptions;

/// `run` makes the values, `fields` says their type.
pub fn elementwise(
    name: impl Into<PlSmallStr>,
    run: impl Fn(&mut [Column]) -> PolarsResult<Column> + Send + Sync + 'static,
    fields: impl Fn(&Schema, &[Field]) -> PolarsResult<Field> + Send + Sync + 'static,
) -> UserDefinedFunction {
    let mut function = UserDefinedFunction::new(name.into(), BaseColumnUdf::new(run, fields));
    function.options = FunctionOptions::elementwise();
    function
}
