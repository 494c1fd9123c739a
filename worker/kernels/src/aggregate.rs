//! Aggregates over frames: one value a frame. It promises the value that the function has over the rows of the frame
//! only, less those that FILTER, IGNORE NULLS and DISTINCT take away, and the type of the return field.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, BooleanArray, new_empty_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{CastOptions, and, cast_with_options, filter as kept, prep_null_mask_filter};
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::AggregateUDF;

use crate::accumulator::Aggregate;
use crate::fold::Fold;
use crate::keys::one_nan;

/// The value of the aggregate over each span of its rows. Only the rows of the filter reach it.
pub(crate) fn values(
    mut aggregate: Aggregate,
    filter: Option<BooleanArray>,
    ignore_nulls: bool,
    spans: &[Range<usize>],
) -> Result<ArrayRef> {
    let Some(first) = aggregate.args.first().cloned() else {
        return exec_err!("{} needs an argument", aggregate.function.name());
    };
    if aggregate.is_extreme() {
        aggregate.args[0] = one_nan(&first);
        aggregate.distinct = false;
    }
    let spans = match mask(aggregate.function, filter, ignore_nulls, &first)? {
        Some(mask) => {
            aggregate.args = aggregate.args.iter().map(|arg| kept(arg, &mask)).collect::<Result<_, _>>()?;
            &among_kept(spans, &mask)
        }
        None => spans,
    };
    let values = Fold::new(&aggregate, spans)?.values(spans)?;
    typed(values, aggregate.return_field.data_type())
}

/// The rows that reach the function, if not all.
fn mask(
    function: &AggregateUDF,
    filter: Option<BooleanArray>,
    ignore_nulls: bool,
    first: &ArrayRef,
) -> Result<Option<BooleanArray>> {
    if ignore_nulls && !function.supports_null_handling_clause() {
        return exec_err!("{} does not take IGNORE NULLS", function.name());
    }
    let filter = filter.map(|filter| if filter.null_count() > 0 { prep_null_mask_filter(&filter) } else { filter });
    let valid = first.logical_nulls().filter(|_| ignore_nulls).map(|nulls| BooleanArray::new(nulls.into_inner(), None));
    Ok(match (filter, valid) {
        (Some(filter), Some(valid)) => Some(and(&filter, &valid)?),
        (filter, valid) => filter.or(valid),
    })
}

/// The spans among the rows that are kept only.
fn among_kept(spans: &[Range<usize>], mask: &BooleanArray) -> Vec<Range<usize>> {
    let before = counts_before(mask.values());
    spans.iter().map(|span| before[span.start]..before[span.end]).collect()
}

/// For each place, and for the end, how many bits are set before it.
pub(crate) fn counts_before(bits: &BooleanBuffer) -> Vec<usize> {
    let mut before = Vec::with_capacity(bits.len() + 1);
    let mut count = 0;
    before.push(count);
    for bit in bits {
        count += usize::from(bit);
        before.push(count);
    }
    before
}

/// Values as an array of this type.
pub(crate) fn typed(values: Vec<ScalarValue>, data_type: &DataType) -> Result<ArrayRef> {
    if values.is_empty() {
        return Ok(new_empty_array(data_type));
    }
    as_type(ScalarValue::iter_to_array(values)?, data_type)
}

pub(crate) fn as_type(array: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if array.data_type() == data_type {
        return Ok(array);
    }
    Ok(cast_with_options(&array, data_type, &CastOptions { safe: false, ..CastOptions::default() })?)
}
