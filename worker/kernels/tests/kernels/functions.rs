//! The functions that rank rows, and the aggregates over frames: values worked out by hand.

use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::WindowFrameUnits::{Range, Rows};
use datafusion_expr::WindowUDF;
use datafusion_functions_aggregate::array_agg::array_agg_udaf;
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::bit_and_or_xor::bit_xor_udaf;
use datafusion_functions_aggregate::bool_and_or::bool_and_udaf;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::median::median_udaf;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion_functions_aggregate::percentile_cont::percentile_cont_udaf;
use datafusion_functions_aggregate::string_agg::string_agg_udaf;
use datafusion_functions_aggregate::sum::sum_udaf;
use datafusion_functions_aggregate::variance::var_samp_udaf;
use datafusion_functions_window::cume_dist::cume_dist_udwf;
use datafusion_functions_window::ntile::ntile_udwf;
use datafusion_functions_window::rank::{dense_rank_udwf, percent_rank_udwf, rank_udwf};
use datafusion_functions_window::row_number::row_number_udwf;

use crate::support::*;

/// A call over two partitions: keys 20, 10, 20, null and 5, 5 in the input order 20, 5, 10, 20, 5, null.
fn ranked(function: &Arc<WindowUDF>, literals: &[ScalarValue]) -> Vec<String> {
    let mut call = windowed(function, &[], literals, 6);
    call.partition_by = vec![texts(&["a", "b", "a", "a", "b", "a"])];
    call.order_by = vec![(ints(&[Some(20), Some(5), Some(10), Some(20), Some(5), None]), ASCENDING)];
    call.frame = running();
    as_texts(&answer(&call, 6))
}

#[test]
fn ranks() {
    assert_eq!(ranked(&row_number_udwf(), &[]), ["2", "1", "1", "3", "2", "4"]);
    assert_eq!(ranked(&rank_udwf(), &[]), ["2", "1", "1", "2", "1", "4"]);
    assert_eq!(ranked(&dense_rank_udwf(), &[]), ["2", "1", "1", "2", "1", "3"]);
    assert_eq!(ranked(&cume_dist_udwf(), &[]), ["0.75", "1.0", "0.25", "0.75", "1.0", "1.0"]);
    let third = (1.0 / 3.0_f64).to_string();
    assert_eq!(ranked(&percent_rank_udwf(), &[]), [&third, "0.0", "0.0", &third, "0.0", "1.0"]);
    assert_eq!(ranked(&ntile_udwf(), &[3_i64.into()]), ["1", "1", "1", "2", "2", "3"]);
}

#[test]
fn ranks_without_an_order_or_rows() {
    assert_eq!(as_ints(&answer(&windowed(&rank_udwf(), &[], &[], 3), 3)), some(&[1, 1, 1]));
    assert_eq!(as_ints(&answer(&windowed(&row_number_udwf(), &[], &[], 3), 3)), some(&[1, 2, 3]));
    assert_eq!(as_floats(&answer(&windowed(&percent_rank_udwf(), &[], &[], 1), 1)), some(&[0.0]));
    assert_eq!(answer(&windowed(&row_number_udwf(), &[], &[], 0), 0).len(), 0);
}

#[test]
fn ntile_wants_a_positive_number_written_out() {
    assert!(error(&windowed(&ntile_udwf(), &[], &[0_i64.into()], 2), 2).contains("positive integer"));
    assert!(error(&windowed(&ntile_udwf(), &[], &[ScalarValue::Int64(None)], 2), 2).contains("NULL"));
    assert!(error(&windowed(&ntile_udwf(), &[ints(&[2, 2])], &[], 2), 2).contains("Literal"));
}

#[test]
fn sliding_extremes() {
    let mut call = aggregate(&max_udaf(), &[ints(&[Some(3), Some(1), None, Some(2), Some(1)])], &[]);
    call.order_by = vec![(ints(&[1, 2, 3, 4, 5]), ASCENDING)];
    call.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_ints(&answer(&call, 5)), some(&[3, 3, 1, 2, 2]));
    call.frame = frame(Rows, CURRENT, CURRENT);
    assert_eq!(as_ints(&answer(&call, 5)), [Some(3), Some(1), None, Some(2), Some(1)]);

    let mut call = aggregate(&min_udaf(), &[texts(&["b", "c", "a", "d"])], &[]);
    call.order_by = vec![(ints(&[1, 2, 3, 4]), ASCENDING)];
    call.frame = frame(Rows, before(1_u64), after(1_u64));
    assert_eq!(as_texts(&answer(&call, 4)), ["b", "a", "a", "a"]);
    call.frame = frame(Rows, CURRENT, LAST);
    assert_eq!(as_texts(&answer(&call, 4)), ["a", "a", "a", "d"]);
}

#[test]
fn nan_of_either_sign_is_the_greatest() {
    let values = floats(&[1.0, -f64::NAN, f64::INFINITY]);
    let greatest = as_floats(&answer(&aggregate(&max_udaf(), &[Arc::clone(&values)], &[]), 3));
    assert!(greatest.iter().all(|value| value.unwrap().is_nan()));
    let mut least = aggregate(&min_udaf(), &[values], &[]);
    assert_eq!(as_floats(&answer(&least, 3)), some(&[1.0; 3]));
    least.order_by = vec![(ints(&[1, 2, 3]), ASCENDING)];
    least.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_floats(&answer(&least, 3)), some(&[1.0, 1.0, f64::INFINITY]));
}

#[test]
fn floats_that_leave_a_frame_leave_no_trace() {
    let values = floats(&[Some(1e300), Some(f64::NAN), Some(0.1), Some(f64::INFINITY), None, Some(0.2), Some(0.3)]);
    let mut call = aggregate(&sum_udaf(), &[values], &[]);
    call.order_by = vec![(ints(&[1, 2, 3, 4, 5, 6, 7]), ASCENDING)];
    call.frame = frame(Rows, CURRENT, CURRENT);
    let sums = as_floats(&answer(&call, 7));
    assert_eq!(sums[2..], [Some(0.1), Some(f64::INFINITY), None, Some(0.2), Some(0.3)]);
    call.frame = frame(Rows, CURRENT, LAST);
    assert_eq!(as_floats(&answer(&call, 7))[3..], [Some(f64::INFINITY), Some(0.5), Some(0.5), Some(0.3)]);
    call.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_floats(&answer(&call, 7))[5..], [Some(0.2), Some(0.5)]);

    call.function = aggregate(&avg_udaf(), &[floats(&[0.0])], &[]).function;
    call.frame = frame(Rows, CURRENT, CURRENT);
    assert_eq!(as_floats(&answer(&call, 7))[2..], [Some(0.1), Some(f64::INFINITY), None, Some(0.2), Some(0.3)]);
}

#[test]
fn means_of_decimals_slide() {
    let values = decimals(&floats(&[Some(1.0), Some(2.5), None, None, Some(4.0)]), 10, 1);
    let mut call = aggregate(&avg_udaf(), &[values], &[]);
    call.order_by = vec![(ints(&[1, 2, 3, 4, 5]), ASCENDING)];
    call.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_texts(&answer(&call, 5)), ["1.00000", "1.75000", "2.50000", "-", "4.00000"]);
}

#[test]
fn functions_that_take_nothing_back_slide_too() {
    let order = ints(&[1, 2, 3, 4]);
    let near = frame(Rows, before(1_u64), CURRENT);
    let mut call = aggregate(&median_udaf(), &[floats(&[1.0, 5.0, 9.0, 3.0])], &[]);
    (call.order_by, call.frame) = (vec![(Arc::clone(&order), ASCENDING)], near.clone());
    assert_eq!(as_floats(&answer(&call, 4)), some(&[1.0, 3.0, 7.0, 6.0]));

    let mut call = aggregate(&var_samp_udaf(), &[floats(&[1.0, 5.0, 9.0, 3.0])], &[]);
    (call.order_by, call.frame) = (vec![(Arc::clone(&order), ASCENDING)], near.clone());
    assert_eq!(as_floats(&answer(&call, 4)), [None, Some(8.0), Some(8.0), Some(18.0)]);

    // An exclusive or of nothing is NULL, also after something.
    let mut call = aggregate(&bit_xor_udaf(), &[ints(&[Some(1), Some(3), None, None])], &[]);
    (call.order_by, call.frame) = (vec![(Arc::clone(&order), ASCENDING)], near.clone());
    assert_eq!(as_ints(&answer(&call, 4)), [Some(1), Some(2), Some(3), None]);

    let truths = cast(&ints(&[1, 0, 1, 1]), &DataType::Boolean).unwrap();
    let mut call = aggregate(&bool_and_udaf(), &[truths], &[]);
    (call.order_by, call.frame) = (vec![(Arc::clone(&order), ASCENDING)], near.clone());
    assert_eq!(as_texts(&answer(&call, 4)), ["true", "false", "false", "true"]);

    let mut call = aggregate(&percentile_cont_udaf(), &[floats(&[1.0, 5.0, 9.0, 3.0])], &[0.25.into()]);
    (call.order_by, call.frame) = (vec![(order, ASCENDING)], near);
    assert_eq!(as_floats(&answer(&call, 4)), some(&[1.0, 2.0, 6.0, 4.5]));
}

#[test]
fn lists_and_texts_keep_the_order_of_the_frame() {
    let mut call = aggregate(&array_agg_udaf(), &[texts(&[Some("a"), None, Some("c"), Some("d")])], &[]);
    call.order_by = vec![(ints(&[4, 3, 2, 1]), ASCENDING)];
    call.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_texts(&answer(&call, 4)), ["[-, a]", "[c, -]", "[d, c]", "[d]"]);
    call.frame = frame(Rows, CURRENT, LAST);
    assert_eq!(as_texts(&answer(&call, 4)), ["[a]", "[-, a]", "[c, -, a]", "[d, c, -, a]"]);

    let mut call = aggregate(&string_agg_udaf(), &[texts(&[Some("a"), None, Some("c"), Some("d")])], &["+".into()]);
    call.order_by = vec![(ints(&[4, 3, 2, 2]), ASCENDING)];
    call.frame = running();
    assert_eq!(as_texts(&answer(&call, 4)), ["c+d+a", "c+d", "c+d", "c+d"]);
    call.frame = frame(Range, before(1_i64), before(1_i64));
    assert_eq!(as_texts(&answer(&call, 4)), ["-", "c+d", "-", "-"]);
}

#[test]
fn count_of_rows_and_of_values() {
    let ones = ScalarValue::from(1_i64).to_array_of_size(3).unwrap();
    let mut rows = aggregate(&count_udaf(), &[ones], &[]);
    let mut values = aggregate(&count_udaf(), &[ints(&[Some(1), None, None])], &[]);
    for call in [&mut rows, &mut values] {
        call.order_by = vec![(ints(&[1, 2, 3]), ASCENDING)];
        call.frame = frame(Rows, before(1_u64), CURRENT);
    }
    assert_eq!(as_ints(&answer(&rows, 3)), some(&[1, 2, 2]));
    assert_eq!(as_ints(&answer(&values, 3)), some(&[1, 1, 0]));
}

#[test]
fn a_call_that_does_not_fit_together_is_an_error() {
    let mut call = aggregate(&sum_udaf(), &[ints(&[1, 2])], &[]);
    assert!(error(&call, 3).contains("an array of 2 elements came with 3 rows"));
    call.args = vec![floats(&[1.0, 2.0])];
    assert!(error(&call, 2).contains("an argument of type Int64 came as Float64"));
    call.args = vec![];
    assert!(error(&call, 2).contains("0 arguments came with 1 fields and 1 entries of literals"));
    (call.arg_fields, call.literal_args) = (vec![], vec![]);
    assert!(error(&call, 2).contains("sum needs an argument"));
}
