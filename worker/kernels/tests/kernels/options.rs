//! FILTER, DISTINCT and IGNORE NULLS over frames: values worked out by hand.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion_expr::WindowFrameUnits::Rows;
use datafusion_functions_aggregate::array_agg::array_agg_udaf;
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::min_max::max_udaf;
use datafusion_functions_aggregate::sum::sum_udaf;
use datafusion_functions_window::rank::rank_udwf;
use datafusion_functions_window::row_number::row_number_udwf;

use crate::support::*;

#[test]
fn a_filter_takes_rows_from_frames_not_frames_from_rows() {
    let mut call = aggregate(&sum_udaf(), &[ints(&[1, 2, 4, 8, 16])], &[]);
    call.order_by = vec![(ints(&[1, 2, 3, 4, 5]), ASCENDING)];
    call.filter = Some(BooleanArray::from(vec![Some(false), Some(true), None, Some(true), Some(false)]));
    assert_eq!(as_ints(&answer(&call, 5)), some(&[10; 5]));
    call.frame = running();
    assert_eq!(as_ints(&answer(&call, 5)), [None, Some(2), Some(2), Some(10), Some(10)]);
    call.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_ints(&answer(&call, 5)), [None, Some(2), Some(2), Some(8), Some(8)]);
    call.frame = frame(Rows, CURRENT, LAST);
    assert_eq!(as_ints(&answer(&call, 5)), [Some(10), Some(10), Some(8), Some(8), None]);
    // A null is a no, whatever bit lies below it.
    let nulls = NullBuffer::from(vec![false, true, false, true, false]);
    call.filter = Some(BooleanArray::new(BooleanBuffer::new_set(5), Some(nulls)));
    assert_eq!(as_ints(&answer(&call, 5)), [Some(10), Some(10), Some(8), Some(8), None]);
    call.filter = Some(BooleanArray::from(vec![false; 5]));
    assert_eq!(as_ints(&answer(&call, 5)), vec![None; 5]);
    call.function = aggregate(&count_udaf(), &[ints(&[1])], &[]).function;
    assert_eq!(as_ints(&answer(&call, 5)), some(&[0; 5]));
}

#[test]
fn distinct_counts_each_value_of_a_frame_once() {
    let mut call = aggregate(&count_udaf(), &[ints(&[Some(1), Some(2), Some(1), None, Some(1), Some(2), None])], &[]);
    call.order_by = vec![(ints(&[1, 2, 3, 4, 5, 6, 7]), ASCENDING)];
    call.distinct = true;
    assert_eq!(as_ints(&answer(&call, 7)), some(&[2; 7]));
    call.frame = running();
    assert_eq!(as_ints(&answer(&call, 7)), some(&[1, 2, 2, 2, 2, 2, 2]));
    call.frame = frame(Rows, before(2_u64), CURRENT);
    assert_eq!(as_ints(&answer(&call, 7)), some(&[1, 2, 2, 2, 1, 2, 2]));
    call.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_ints(&answer(&call, 7)), some(&[1, 2, 2, 1, 1, 2, 1]));
    call.frame = frame(Rows, CURRENT, LAST);
    assert_eq!(as_ints(&answer(&call, 7)), some(&[2, 2, 2, 2, 2, 1, 0]));
}

#[test]
fn distinct_sums_and_means() {
    let values = [2.0, 2.0, 4.0, 2.0, 4.0, 8.0];
    let order = ints(&[1, 2, 3, 4, 5, 6]);
    let mut call = aggregate(&sum_udaf(), &[decimals(&floats(&values), 5, 1)], &[]);
    (call.order_by, call.distinct) = (vec![(Arc::clone(&order), ASCENDING)], true);
    call.frame = frame(Rows, before(2_u64), CURRENT);
    assert_eq!(as_texts(&answer(&call, 6)), ["2.0", "2.0", "6.0", "6.0", "6.0", "14.0"]);

    // Floats are fed anew, or from the end.
    let mut call = aggregate(&avg_udaf(), &[floats(&values)], &[]);
    (call.order_by, call.distinct) = (vec![(order, ASCENDING)], true);
    call.frame = frame(Rows, before(2_u64), CURRENT);
    assert_eq!(as_floats(&answer(&call, 6)), some(&[2.0, 2.0, 3.0, 3.0, 3.0, 14.0 / 3.0]));
    call.frame = frame(Rows, CURRENT, LAST);
    assert_eq!(as_floats(&answer(&call, 6)), some(&[14.0 / 3.0, 14.0 / 3.0, 14.0 / 3.0, 14.0 / 3.0, 6.0, 8.0]));
}

#[test]
fn distinct_takes_one_nan_and_one_zero() {
    let mut call = aggregate(&count_udaf(), &[floats(&[0.0, -0.0, f64::NAN, -f64::NAN, 1.0])], &[]);
    call.distinct = true;
    assert_eq!(as_ints(&answer(&call, 5)), some(&[3; 5]));
}

#[test]
fn distinct_over_more_arguments_and_partitions() {
    let mut call = aggregate(&count_udaf(), &[ints(&[1, 1, 1, 1]), ints(&[Some(1), Some(2), Some(1), None])], &[]);
    call.distinct = true;
    assert_eq!(as_ints(&answer(&call, 4)), some(&[2; 4]));
    call.partition_by = vec![ints(&[1, 1, 2, 2])];
    assert_eq!(as_ints(&answer(&call, 4)), some(&[2, 2, 1, 1]));
}

#[test]
fn distinct_lists_hold_the_first_of_each() {
    let mut call = aggregate(&array_agg_udaf(), &[texts(&[Some("b"), Some("a"), Some("b"), None, Some("a")])], &[]);
    (call.order_by, call.distinct) = (vec![(ints(&[1, 2, 3, 4, 5]), ASCENDING)], true);
    call.frame = running();
    assert_eq!(as_texts(&answer(&call, 5)), ["[b]", "[b, a]", "[b, a]", "[b, a, -]", "[b, a, -]"]);
    call.frame = frame(Rows, before(2_u64), CURRENT);
    assert_eq!(as_texts(&answer(&call, 5)), ["[b]", "[b, a]", "[b, a]", "[a, b, -]", "[b, -, a]"]);
    call.ignore_nulls = true;
    assert_eq!(as_texts(&answer(&call, 5)), ["[b]", "[b, a]", "[b, a]", "[a, b]", "[b, a]"]);
}

#[test]
fn all_at_once() {
    let mut call = aggregate(&array_agg_udaf(), &[texts(&[Some("b"), Some("a"), Some("b"), None, Some("a")])], &[]);
    (call.distinct, call.ignore_nulls) = (true, true);
    call.filter = Some(BooleanArray::from(vec![false, true, true, true, true]));
    assert_eq!(as_texts(&answer(&call, 5)), ["[a, b]"; 5]);
    call.filter = Some(BooleanArray::from(vec![false, false, false, true, false]));
    assert_eq!(as_texts(&answer(&call, 5)), ["-"; 5]);
}

#[test]
fn the_greatest_is_the_same_over_distinct_values() {
    let mut call = aggregate(&max_udaf(), &[ints(&[3, 3, 1, 2])], &[]);
    (call.order_by, call.distinct) = (vec![(ints(&[1, 2, 3, 4]), ASCENDING)], true);
    call.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_ints(&answer(&call, 4)), some(&[3, 3, 3, 2]));
}

#[test]
fn an_option_that_a_function_does_not_know_is_an_error() {
    let mut call = windowed(&row_number_udwf(), &[], &[], 1);
    call.ignore_nulls = true;
    assert!(error(&call, 1).contains("row_number does not take IGNORE NULLS"));
    let mut call = windowed(&rank_udwf(), &[], &[], 1);
    call.filter = Some(BooleanArray::from(vec![true]));
    assert!(error(&call, 1).contains("rank does not take FILTER"));
    call.filter = None;
    call.distinct = true;
    assert!(error(&call, 1).contains("rank does not take DISTINCT"));
    let mut call = aggregate(&sum_udaf(), &[ints(&[1])], &[]);
    call.ignore_nulls = true;
    assert!(error(&call, 1).contains("sum does not take IGNORE NULLS"));
}
