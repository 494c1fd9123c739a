//! Calls made short, for the tests. They promise what a planner would hand over: fields, types and literals that agree.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::ScalarValue;
use datafusion_expr::function::WindowUDFFieldArgs;
use datafusion_expr::{
    AggregateUDF, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, WindowUDF,
};
use spotmill_kernels::{GroupedCall, WindowCall, window};

pub const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: false };
pub const DESCENDING: SortOptions = SortOptions { descending: true, nulls_first: false };
pub const NULLS_FIRST: SortOptions = SortOptions { descending: false, nulls_first: true };

pub fn ints<T: Into<Option<i64>> + Copy>(values: &[T]) -> ArrayRef {
    Arc::new(values.iter().map(|value| (*value).into()).collect::<Int64Array>())
}

pub fn floats<T: Into<Option<f64>> + Copy>(values: &[T]) -> ArrayRef {
    Arc::new(values.iter().map(|value| (*value).into()).collect::<Float64Array>())
}

pub fn texts<'a, T: Into<Option<&'a str>> + Copy>(values: &[T]) -> ArrayRef {
    Arc::new(values.iter().map(|value| (*value).into()).collect::<StringArray>())
}

pub fn decimals(values: &ArrayRef, digits: u8, scale: i8) -> ArrayRef {
    cast(values, &DataType::Decimal128(digits, scale)).unwrap()
}

/// The values as integers, from whatever type of whole numbers.
pub fn as_ints(array: &ArrayRef) -> Vec<Option<i64>> {
    cast(array, &DataType::Int64).unwrap().as_primitive::<Int64Type>().iter().collect()
}

pub fn as_floats(array: &ArrayRef) -> Vec<Option<f64>> {
    array.as_primitive::<Float64Type>().iter().collect()
}

/// The values as text, a null as "-".
pub fn as_texts(array: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    let formatter = ArrayFormatter::try_new(array, &options).unwrap();
    (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
}

pub fn some<T: Copy>(values: &[T]) -> Vec<Option<T>> {
    values.iter().copied().map(Some).collect()
}

pub fn only(array: &ArrayRef) -> &[ArrayRef] {
    std::slice::from_ref(array)
}

fn fields(args: &[ArrayRef]) -> Vec<FieldRef> {
    let field = |(place, arg): (usize, &ArrayRef)| Field::new(format!("a{place}"), arg.data_type().clone(), true);
    args.iter().enumerate().map(field).map(Arc::new).collect()
}

fn with_literals(
    args: &[ArrayRef],
    literals: &[ScalarValue],
    rows: usize,
) -> (Vec<ArrayRef>, Vec<Option<ScalarValue>>) {
    let arrays = literals.iter().map(|literal| literal.to_array_of_size(rows).unwrap());
    let literal_args = args.iter().map(|_| None).chain(literals.iter().cloned().map(Some)).collect();
    (args.iter().cloned().chain(arrays).collect(), literal_args)
}

fn call(
    function: WindowFunctionDefinition,
    args: &[ArrayRef],
    literals: &[ScalarValue],
    rows: usize,
    return_field: impl Fn(&[FieldRef]) -> FieldRef,
) -> WindowCall {
    let (args, literal_args) = with_literals(args, literals, rows);
    let arg_fields = fields(&args);
    WindowCall {
        function,
        return_field: return_field(&arg_fields),
        args,
        arg_fields,
        literal_args,
        partition_by: vec![],
        order_by: vec![],
        frame: whole(),
        filter: None,
        distinct: false,
        ignore_nulls: false,
    }
}

/// An aggregate over the whole input, until changed.
pub fn aggregate(function: &Arc<AggregateUDF>, args: &[ArrayRef], literals: &[ScalarValue]) -> WindowCall {
    let definition = WindowFunctionDefinition::AggregateUDF(Arc::clone(function));
    let rows = args.first().map_or(0, |arg| arg.len());
    call(definition, args, literals, rows, |fields| function.return_field(fields).unwrap())
}

/// A window function over the whole input, until changed.
pub fn windowed(function: &Arc<WindowUDF>, args: &[ArrayRef], literals: &[ScalarValue], rows: usize) -> WindowCall {
    let definition = WindowFunctionDefinition::WindowUDF(Arc::clone(function));
    call(definition, args, literals, rows, |fields| function.field(WindowUDFFieldArgs::new(fields, "value")).unwrap())
}

pub fn group_call(function: &Arc<AggregateUDF>, args: &[ArrayRef], literals: &[ScalarValue]) -> GroupedCall {
    let (args, literal_args) = with_literals(args, literals, args.first().map_or(0, |arg| arg.len()));
    let arg_fields = fields(&args);
    GroupedCall {
        function: Arc::clone(function),
        return_field: function.return_field(&arg_fields).unwrap(),
        args,
        arg_fields,
        literal_args,
        filter: None,
        distinct: false,
        order_by: vec![],
        ignore_nulls: false,
    }
}

/// The answer, which has the type of the return field and a value a row.
pub fn answer(call: &WindowCall, rows: usize) -> ArrayRef {
    let answer = window(call, rows).unwrap();
    assert_eq!(answer.data_type(), call.return_field.data_type());
    assert_eq!(answer.len(), rows);
    answer
}

pub fn error(call: &WindowCall, rows: usize) -> String {
    window(call, rows).unwrap_err().strip_backtrace()
}

pub fn whole() -> WindowFrame {
    WindowFrame::new(None)
}

/// What a window with an order and no frame means.
pub fn running() -> WindowFrame {
    WindowFrame::new(Some(false))
}

pub fn frame(units: WindowFrameUnits, start: WindowFrameBound, end: WindowFrameBound) -> WindowFrame {
    WindowFrame::new_bounds(units, start, end)
}

pub fn before(offset: impl Into<ScalarValue>) -> WindowFrameBound {
    WindowFrameBound::Preceding(offset.into())
}

pub fn after(offset: impl Into<ScalarValue>) -> WindowFrameBound {
    WindowFrameBound::Following(offset.into())
}

pub const CURRENT: WindowFrameBound = WindowFrameBound::CurrentRow;
pub const FIRST: WindowFrameBound = WindowFrameBound::Preceding(ScalarValue::UInt64(None));
pub const LAST: WindowFrameBound = WindowFrameBound::Following(ScalarValue::UInt64(None));
