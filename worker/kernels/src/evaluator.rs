//! Window functions by DataFusion's evaluators, one a partition. It promises each evaluator its rows in order, its
//! literals as literals and, where it asks, its frames or its ranks. It never ignores FILTER, DISTINCT or IGNORE
//! NULLS: a function without support for them is an error.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::function::PartitionEvaluatorArgs;
use datafusion_expr::{PartitionEvaluator, WindowUDF};
use datafusion_functions_window::lead_lag::WindowShift;
use datafusion_functions_window::nth_value::NthValue;

use crate::accumulator::exprs;
use crate::aggregate::{as_type, typed};
use crate::call::WindowCall;
use crate::frame::frames;
use crate::layout::{Layout, Partition};
use crate::spans::Frames;

/// An error for what the function would ignore.
pub(crate) fn check(call: &WindowCall, function: &WindowUDF) -> Result<()> {
    let name = function.name();
    let shifts = function.inner().downcast_ref::<WindowShift>().is_some();
    if call.filter.is_some() {
        return exec_err!("{name} does not take FILTER");
    }
    if call.distinct {
        return exec_err!("{name} does not take DISTINCT");
    }
    if call.ignore_nulls && !shifts && function.inner().downcast_ref::<NthValue>().is_none() {
        return exec_err!("{name} does not take IGNORE NULLS");
    }
    if shifts && call.args.is_empty() {
        return exec_err!("{name} needs an argument");
    }
    if shifts && matches!(call.literal_args.get(1), Some(Some(offset)) if offset.is_null()) {
        return exec_err!("the offset of {name} must not be NULL");
    }
    Ok(())
}

/// The value of each row in order.
pub(crate) fn values(call: &WindowCall, function: &WindowUDF, layout: &Layout) -> Result<ArrayRef> {
    let exprs = exprs(&call.arg_fields, &call.literal_args);
    let evaluator = || {
        let args = PartitionEvaluatorArgs::new(&exprs, &call.arg_fields, false, call.ignore_nulls);
        function.partition_evaluator_factory(args)
    };
    let mut args = call.args.iter().map(|arg| layout.sorted(arg)).collect::<Result<Vec<_>>>()?;
    if let Some(first) = args.first_mut()
        && first.data_type().is_null()
    {
        *first = as_type(Arc::clone(first), call.return_field.data_type())?;
    }
    let frames = if evaluator()?.uses_window_frame() {
        for (key, _) in &call.order_by {
            args.push(layout.sorted(key)?);
        }
        Some(frames(&call.frame, layout, &call.order_by)?)
    } else {
        None
    };
    let mut pieces = Pieces::default();
    for partition in &layout.partitions {
        let rows = partition.rows.len();
        let args: Vec<_> = args.iter().map(|arg| arg.slice(partition.rows.start, rows)).collect();
        let mut evaluator = evaluator()?;
        let values = if let Some(frames) = &frames {
            let values = by_frame(evaluator.as_mut(), &args, frames, &partition.rows)?;
            typed(values, call.return_field.data_type())?
        } else if evaluator.include_rank() {
            evaluator.evaluate_all_with_rank(rows, &ranks(partition, layout))?
        } else {
            evaluator.evaluate_all(&args, rows)?
        };
        if values.len() != rows {
            return exec_err!("{} gave {} values for {rows} rows", function.name(), values.len());
        }
        pieces.push(values)?;
    }
    pieces.whole()
}

/// The groups of peers, counted from the start of the partition.
fn ranks(partition: &Partition, layout: &Layout) -> Vec<Range<usize>> {
    let first = partition.rows.start;
    layout.peers[partition.peers.clone()].iter().map(|group| group.start - first..group.end - first).collect()
}

fn by_frame(
    evaluator: &mut dyn PartitionEvaluator,
    args: &[ArrayRef],
    frames: &Frames,
    rows: &Range<usize>,
) -> Result<Vec<ScalarValue>> {
    let of_row = |row: usize| {
        let span = &frames.spans[frames.of_row[row]];
        span.start - rows.start..span.end - rows.start
    };
    rows.clone().map(|row| evaluator.evaluate(args, &of_row(row))).collect()
}

/// Arrays one after the other. Many small ones are put together as they come, so that they take no room.
#[derive(Default)]
struct Pieces {
    chunks: Vec<ArrayRef>,
    small: Vec<ArrayRef>,
}

impl Pieces {
    fn push(&mut self, piece: ArrayRef) -> Result<()> {
        self.small.push(piece);
        if self.small.len() == 1024 {
            self.chunks.push(joined(&self.small)?);
            self.small.clear();
        }
        Ok(())
    }

    fn whole(mut self) -> Result<ArrayRef> {
        self.chunks.append(&mut self.small);
        joined(&self.chunks)
    }
}

fn joined(pieces: &[ArrayRef]) -> Result<ArrayRef> {
    let pieces: Vec<&dyn Array> = pieces.iter().map(|piece| piece.as_ref()).collect();
    Ok(concat(&pieces)?)
}
