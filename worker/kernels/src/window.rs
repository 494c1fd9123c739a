//! Window functions: one value a row, in the order of the input. It promises the rows of a partition in the call's
//! order, ties as they came. It never ends a partition early: every frame sees its whole partition.

use std::sync::Arc;

use arrow::array::{ArrayRef, new_empty_array};
use datafusion_common::Result;
use datafusion_expr::{AggregateUDF, WindowFunctionDefinition};
use datafusion_functions_window::nth_value::NthValue;

use crate::accumulator::Aggregate;
use crate::aggregate::{self, as_type};
use crate::call::WindowCall;
use crate::evaluator;
use crate::layout::Layout;
use crate::position;
use crate::spans::Frames;

/// One value a row, in the order of the input rows.
pub fn window(call: &WindowCall, rows: usize) -> Result<ArrayRef> {
    call.check(rows)?;
    let return_type = call.return_field.data_type();
    if rows == 0 {
        return Ok(new_empty_array(return_type));
    }
    let layout = Layout::new(&call.partition_by, &call.order_by, rows)?;
    let values = match &call.function {
        WindowFunctionDefinition::AggregateUDF(function) => {
            let frames = crate::frame::frames(&call.frame, &layout, &call.order_by)?;
            let values = over_frames(call, function, &layout, &frames)?;
            layout.scattered(&values, |row| frames.of_row[row])?
        }
        WindowFunctionDefinition::WindowUDF(function) => {
            evaluator::check(call, function)?;
            if let Some(function) = function.inner().downcast_ref::<NthValue>() {
                let frames = crate::frame::frames(&call.frame, &layout, &call.order_by)?;
                let values = position::values(call, function, &layout, &frames)?;
                layout.scattered(&values, |row| frames.of_row[row])?
            } else {
                layout.scattered(&evaluator::values(call, function, &layout)?, |row| row)?
            }
        }
    };
    as_type(values, return_type)
}

/// The value of the aggregate over each frame.
fn over_frames(call: &WindowCall, function: &AggregateUDF, layout: &Layout, frames: &Frames) -> Result<ArrayRef> {
    let aggregate = Aggregate {
        function,
        args: call.args.iter().map(|arg| layout.sorted(arg)).collect::<Result<_>>()?,
        arg_fields: call.arg_fields.clone(),
        literal_args: &call.literal_args,
        return_field: Arc::clone(&call.return_field),
        within_group: None,
        distinct: call.distinct,
    };
    let filter = call.filter.as_ref().map(|filter| layout.sorted_filter(filter)).transpose()?;
    aggregate::values(aggregate, filter, call.ignore_nulls, &frames.spans)
}
