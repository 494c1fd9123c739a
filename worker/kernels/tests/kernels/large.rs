//! Many rows: what must not take the square of their number does not, and its answer has a closed form.

use std::time::{Duration, Instant};

use arrow::array::BooleanArray;
use datafusion_expr::WindowFrameUnits::{Groups, Range, Rows};
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::min_max::max_udaf;
use datafusion_functions_aggregate::sum::sum_udaf;
use datafusion_functions_window::nth_value::last_value_udwf;
use datafusion_functions_window::row_number::row_number_udwf;
use spotmill_kernels::WindowCall;

use crate::support::*;

const ROWS: usize = 100_000;

/// The answer to the last row of the order, which is the first of the input, within a time that a square would miss.
fn last(mut call: WindowCall, frame: datafusion_expr::WindowFrame) -> String {
    let keys: Vec<i64> = (0..ROWS as i64).rev().collect();
    call.order_by = vec![(ints(&keys), ASCENDING)];
    call.frame = frame;
    let start = Instant::now();
    let values = answer(&call, ROWS);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    as_texts(&values.slice(0, 1)).remove(0)
}

#[test]
fn running_and_shrinking_frames() {
    let ones = floats(&vec![1.0; ROWS]);
    let numbers = ints(&(0..ROWS as i64).collect::<Vec<_>>());
    assert_eq!(last(aggregate(&sum_udaf(), only(&ones), &[]), running()), "100000.0");
    assert_eq!(last(aggregate(&sum_udaf(), only(&ones), &[]), frame(Rows, CURRENT, LAST)), "1.0");
    assert_eq!(last(aggregate(&avg_udaf(), only(&ones), &[]), frame(Groups, CURRENT, LAST)), "1.0");
    assert_eq!(last(aggregate(&sum_udaf(), only(&numbers), &[]), frame(Rows, CURRENT, LAST)), "0");
    assert_eq!(last(aggregate(&max_udaf(), only(&numbers), &[]), whole()), "99999");
    let mut distinct = aggregate(&count_udaf(), &[numbers], &[]);
    distinct.distinct = true;
    assert_eq!(last(distinct, running()), "100000");
    let mut filtered = aggregate(&sum_udaf(), &[ones], &[]);
    filtered.filter = Some((0..ROWS).map(|row| Some(row % 2 == 0)).collect::<BooleanArray>());
    assert_eq!(last(filtered.clone(), running()), "50000.0");
    assert_eq!(last(filtered, frame(Rows, CURRENT, LAST)), "1.0");
}

#[test]
fn wide_frames_slide() {
    let numbers = ints(&(0..ROWS as i64).collect::<Vec<_>>());
    let near = || frame(Range, before(49_999_i64), CURRENT);
    assert_eq!(last(aggregate(&count_udaf(), only(&numbers), &[]), near()), "50000");
    assert_eq!(last(aggregate(&sum_udaf(), only(&numbers), &[]), near()), (49_999_i64 * 25_000).to_string());
    assert_eq!(last(aggregate(&max_udaf(), &[floats(&vec![2.5; ROWS])], &[]), near()), "2.5");
    let mut distinct = aggregate(&count_udaf(), &[numbers], &[]);
    distinct.distinct = true;
    assert_eq!(last(distinct, near()), "50000");
}

#[test]
fn the_last_value_that_is_not_null() {
    let values: Vec<_> = (0..ROWS as i64).map(|row| (row == ROWS as i64 - 1).then_some(7)).collect();
    let mut call = windowed(&last_value_udwf(), &[ints(&values)], &[], ROWS);
    call.ignore_nulls = true;
    assert_eq!(last(call, running()), "7");
}

#[test]
fn a_partition_a_row() {
    let mut call = windowed(&row_number_udwf(), &[], &[], ROWS);
    call.partition_by = vec![ints(&(0..ROWS as i64).collect::<Vec<_>>())];
    assert_eq!(last(call, running()), "1");
}
