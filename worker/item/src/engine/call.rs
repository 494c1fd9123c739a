//! Calling a planned function over the engine's columns: arrays pass from one Arrow to the other without a copy, the
//! function runs, its result passes back. Inside a CASE a call sees only the rows of its branch, as NULL elsewhere, so
//! that a value of another branch is no error.

use super::{bridged, engine_type, failed, literal, untranslated};
use crate::elementwise::{elementwise, tolerant};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::CastOptions;
use arrow::datatypes::{DataType as ArrowType, Decimal128Type, Field as ArrowField, FieldRef, UInt64Type};
use datafusion_common::{DataFusionError, ScalarValue};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use polars::prelude::*;
use spotmill_sql::functions::nearest;
use std::sync::Arc;

/// An argument, with its planned type.
pub enum Argument {
    Literal(ScalarValue),
    Column(Expr, ArrowType),
}

impl Argument {
    fn ty(&self) -> ArrowType {
        match self {
            Self::Literal(value) => value.data_type(),
            Self::Column(_, ty) => ty.clone(),
        }
    }
}

/// What a closure of the engine needs to call the function.
struct Call {
    function: Arc<ScalarUDF>,
    /// In order; none for a column.
    literals: Vec<Option<ScalarValue>>,
    arg_fields: Vec<FieldRef>,
    return_field: FieldRef,
    /// The expression, for errors.
    text: String,
}

pub fn call(
    function: &Arc<ScalarUDF>,
    args: Vec<Argument>,
    return_field: FieldRef,
    (guard, tries): (Option<&Expr>, bool),
    text: String,
) -> PolarsResult<Expr> {
    let field = |arg: &Argument| Arc::new(ArrowField::new("arg", arg.ty(), true));
    let arg_fields = args.iter().map(|a| field(a) as FieldRef).collect();
    let out = engine_type(return_field.data_type())?;
    let literals: Vec<Option<ScalarValue>> = args
        .iter()
        .map(|arg| match arg {
            Argument::Literal(value) => Some(value.clone()),
            Argument::Column(..) => None,
        })
        .collect();
    let mut columns = Vec::new();
    for arg in args {
        let Argument::Column(expr, ty) = arg else { continue };
        columns.push(match guard {
            Some(guard) => when(guard.clone()).then(expr).otherwise(literal::null(engine_type(&ty)?)),
            None => expr,
        });
    }
    let call = Call { function: function.clone(), literals, arg_fields, return_field, text };
    if columns.is_empty() {
        return match call.constant() {
            Err(_) if tries => Ok(literal::null(out)),
            value => literal::literal(&value?),
        };
    }
    let run = move |columns: &mut [Column]| call.run(columns);
    let fields = move |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), out.clone()));
    let function = elementwise("call", run, fields);
    Ok(if tries { tolerant(&function)? } else { function }.call(columns))
}

impl Call {
    fn constant(&self) -> PolarsResult<ScalarValue> {
        let values = self.literals.iter().flatten().map(|v| ColumnarValue::Scalar(v.clone())).collect();
        match self.invoke(values, 1)? {
            ColumnarValue::Scalar(value) => Ok(value),
            ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0).map_err(failed),
        }
    }

    fn run(&self, columns: &[Column]) -> PolarsResult<Column> {
        let rows = rows_of(columns);
        let mut given = columns.iter();
        let mut values = Vec::with_capacity(self.literals.len());
        for (literal, field) in self.literals.iter().zip(&self.arg_fields) {
            values.push(match literal {
                Some(value) => ColumnarValue::Scalar(value.clone()),
                None => {
                    let column = given.next().ok_or_else(|| untranslated("an argument is missing"))?;
                    ColumnarValue::Array(array(column, rows, field.data_type())?)
                }
            });
        }
        let name = columns[0].name().clone();
        let out = match self.invoke(values, rows)? {
            ColumnarValue::Array(array) => array,
            ColumnarValue::Scalar(value) => value.to_array_of_size(rows).map_err(failed)?,
        };
        let out = typed(&out, self.return_field.data_type())?;
        Ok(bridged(spotmill_bridge::to_series(&name, &out))?.into_column())
    }

    fn invoke(&self, args: Vec<ColumnarValue>, rows: usize) -> PolarsResult<ColumnarValue> {
        let args = ScalarFunctionArgs {
            args,
            arg_fields: self.arg_fields.clone(),
            number_rows: rows,
            return_field: self.return_field.clone(),
            config_options: config(),
        };
        self.function.invoke_with_args(args).map_err(|e| {
            let inner = failed(e);
            let text = match inner {
                PolarsError::ComputeError(text) => text.to_string(),
                other => other.to_string(),
            };
            polars_err!(ComputeError: "`{}`: {text}", self.text)
        })
    }
}

/// Floats divided as the processor divides them: the engine multiplies by the reciprocal of a divisor that is one value
/// for all rows, which is not the same number.
pub fn divided(left: Expr, right: Expr) -> Expr {
    let run = |columns: &mut [Column]| -> PolarsResult<Column> {
        let rows = rows_of(columns);
        let out = arrow::compute::kernels::numeric::div(&spread(&columns[0], rows)?, &spread(&columns[1], rows)?);
        let out = out.map_err(|e| failed(DataFusionError::from(e)))?;
        Ok(bridged(spotmill_bridge::to_series(columns[0].name(), &out))?.into_column())
    };
    let fields = |_: &Schema, fields: &[Field]| Ok(fields[0].clone());
    elementwise("divide", run, fields).call(vec![left, right])
}

/// The nearest float to each sum, of decimals or integers, divided by its count; NULL where nothing was counted.
pub fn averaged(sum: Expr, count: Expr) -> Expr {
    let run = |columns: &mut [Column]| -> PolarsResult<Column> {
        let rows = rows_of(columns);
        let (sums, counts) = (spread(&columns[0], rows)?, spread(&columns[1], rows)?);
        let counts = typed(&counts, &ArrowType::UInt64)?;
        let (Some(sums), counts) = (sums.as_primitive_opt::<Decimal128Type>(), counts.as_primitive::<UInt64Type>())
        else {
            return Err(untranslated("an average of what is no decimal"));
        };
        let scale = sums.scale();
        let average = |(sum, count): (Option<i128>, Option<u64>)| {
            count.filter(|count| *count > 0).and_then(|count| Some(nearest::ratio(sum?, count, scale)))
        };
        let out: Float64Array = sums.iter().zip(counts.iter()).map(average).collect();
        let out: ArrayRef = Arc::new(out);
        Ok(bridged(spotmill_bridge::to_series(columns[0].name(), &out))?.into_column())
    };
    let fields = |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), DataType::Float64));
    elementwise("average", run, fields).call(vec![sum, count])
}

fn config() -> Arc<datafusion_common::config::ConfigOptions> {
    static OPTIONS: std::sync::OnceLock<Arc<datafusion_common::config::ConfigOptions>> = std::sync::OnceLock::new();
    OPTIONS.get_or_init(|| Arc::new(spotmill_sql::options::options())).clone()
}

/// The column as an array of `rows` values of the planned type.
pub fn array(column: &Column, rows: usize, ty: &ArrowType) -> PolarsResult<ArrayRef> {
    typed(&spread(column, rows)?, ty)
}

/// The frame with columns that are made of all its rows at once: it is held in memory.
pub fn held(
    frame: LazyFrame,
    made: Vec<(PlSmallStr, DataType)>,
    label: &'static str,
    make: impl Fn(&DataFrame) -> PolarsResult<Vec<Column>> + Send + Sync + 'static,
) -> LazyFrame {
    let run = move |mut frame: DataFrame| -> PolarsResult<DataFrame> {
        for column in make(&frame)? {
            frame.with_column(column)?;
        }
        Ok(frame)
    };
    let schema = move |input: &Schema| {
        let mut schema = input.clone();
        for (name, dtype) in &made {
            schema.with_column(name.clone(), dtype.clone());
        }
        Ok(Arc::new(schema))
    };
    frame.map(run, AllowedOptimizations::empty(), Some(Arc::new(schema)), Some(label))
}

/// How many rows columns have of which some have one value for all rows.
fn rows_of(columns: &[Column]) -> usize {
    match columns.iter().any(Column::is_empty) {
        true => 0,
        false => columns.iter().map(Column::len).max().unwrap_or(0),
    }
}

/// The column as an array of `rows` values.
fn spread(column: &Column, rows: usize) -> PolarsResult<ArrayRef> {
    match column.len() == rows {
        true => bridged(spotmill_bridge::to_arrow(column)),
        false => bridged(spotmill_bridge::to_arrow(&column.new_from_index(0, rows))),
    }
}

/// Arrow has several types for text and for numbers of rows; a function is given the one it was planned for.
pub fn typed(array: &ArrayRef, ty: &ArrowType) -> PolarsResult<ArrayRef> {
    match array.data_type() == ty {
        true => Ok(array.clone()),
        false => {
            let array = nearest::cast(array, ty, &CastOptions::default());
            array.map_err(|e| failed(DataFusionError::from(e)))
        }
    }
}
