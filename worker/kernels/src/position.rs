//! The value at a place of the frame: first_value, last_value and nth_value. It promises a value in constant time,
//! whatever the frame and however many nulls are ignored, which DataFusion's evaluator does not. It never copies a
//! value that is not the answer.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_functions_window::nth_value::{NthValue, NthValueKind};

use crate::aggregate::counts_before;
use crate::call::WindowCall;
use crate::layout::Layout;
use crate::spans::Frames;

/// The value of each frame.
pub(crate) fn values(call: &WindowCall, function: &NthValue, layout: &Layout, frames: &Frames) -> Result<ArrayRef> {
    let Some(argument) = call.args.first() else {
        return exec_err!("{:?} needs an argument", function.kind());
    };
    let place = Place::new(call, function)?;
    let argument = layout.sorted(argument)?;
    let nulls = argument.logical_nulls().filter(|nulls| call.ignore_nulls && nulls.null_count() > 0);
    let rows: UInt64Array = match nulls {
        Some(nulls) => {
            let before = counts_before(nulls.inner());
            let valid: Vec<usize> = nulls.valid_indices().collect();
            let places = frames.spans.iter().map(|span| place.of(&(before[span.start]..before[span.end])));
            places.map(|row| row.map(|row| valid[row] as u64)).collect()
        }
        None => frames.spans.iter().map(|span| place.of(span).map(|row| row as u64)).collect(),
    };
    Ok(take(&argument, &rows, None)?)
}

/// Counted from 0.
enum Place {
    FromStart(usize),
    FromEnd(usize),
}

impl Place {
    fn new(call: &WindowCall, function: &NthValue) -> Result<Place> {
        match function.kind() {
            NthValueKind::First => Ok(Place::FromStart(0)),
            NthValueKind::Last => Ok(Place::FromEnd(0)),
            NthValueKind::Nth => Place::counted(call.literal_args.get(1)),
        }
    }

    fn counted(literal: Option<&Option<ScalarValue>>) -> Result<Place> {
        let number = match literal {
            Some(Some(value)) if value.data_type().is_integer() => i64::try_from(value.cast_to(&DataType::Int64)?).ok(),
            _ => None,
        };
        let place = |number: u64| usize::try_from(number - 1).unwrap_or(usize::MAX);
        match number {
            Some(0) => exec_err!("nth_value counts from 1, not from 0"),
            Some(number) if number > 0 => Ok(Place::FromStart(place(number.unsigned_abs()))),
            Some(number) => Ok(Place::FromEnd(place(number.unsigned_abs()))),
            None => exec_err!("the second argument of nth_value must be a whole number, written out"),
        }
    }

    fn of(&self, rows: &Range<usize>) -> Option<usize> {
        match self {
            Place::FromStart(place) if *place < rows.len() => Some(rows.start + place),
            Place::FromEnd(place) if *place < rows.len() => Some(rows.end - 1 - place),
            Place::FromStart(_) | Place::FromEnd(_) => None,
        }
    }
}
