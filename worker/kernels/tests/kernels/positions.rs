//! Values of other rows: first_value, last_value, nth_value, lag and lead, worked out by hand.

use std::sync::Arc;

use arrow::array::new_null_array;
use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::WindowFrameUnits::Rows;
use datafusion_expr::{AggregateUDF, WindowFrame, WindowUDF};
use datafusion_functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion_functions_window::lead_lag::{lag_udwf, lead_udwf};
use datafusion_functions_window::nth_value::{first_value_udwf, last_value_udwf, nth_value_udwf};

use crate::support::*;

/// Over null, b, null, d, e in this order, handed over from the last to the first.
fn values(function: &Arc<WindowUDF>, literals: &[ScalarValue], ignore_nulls: bool, frame: WindowFrame) -> Vec<String> {
    let mut call = windowed(function, &[texts(&[Some("e"), Some("d"), None, Some("b"), None])], literals, 5);
    call.order_by = vec![(ints(&[5, 4, 3, 2, 1]), ASCENDING)];
    call.frame = frame;
    call.ignore_nulls = ignore_nulls;
    let mut values = as_texts(&answer(&call, 5));
    values.reverse();
    values
}

#[test]
fn the_first_and_the_last_of_a_frame() {
    let (first, last) = (first_value_udwf(), last_value_udwf());
    let so_far = || frame(Rows, FIRST, CURRENT);
    let near = || frame(Rows, before(1_u64), after(1_u64));
    assert_eq!(values(&first, &[], false, so_far()), ["-", "-", "-", "-", "-"]);
    assert_eq!(values(&first, &[], true, so_far()), ["-", "b", "b", "b", "b"]);
    assert_eq!(values(&last, &[], false, so_far()), ["-", "b", "-", "d", "e"]);
    assert_eq!(values(&last, &[], true, so_far()), ["-", "b", "b", "d", "e"]);
    assert_eq!(values(&first, &[], false, near()), ["-", "-", "b", "-", "d"]);
    assert_eq!(values(&first, &[], true, near()), ["b", "b", "b", "d", "d"]);
    assert_eq!(values(&last, &[], true, near()), ["b", "b", "d", "e", "e"]);
    assert_eq!(values(&last, &[], true, whole()), ["e"; 5]);
    let ahead = frame(Rows, after(2_u64), after(3_u64));
    assert_eq!(values(&first, &[], false, ahead), ["-", "d", "e", "-", "-"]);
}

#[test]
fn the_nth_of_a_frame() {
    let nth = nth_value_udwf();
    assert_eq!(values(&nth, &[2_i64.into()], false, frame(Rows, FIRST, CURRENT)), ["-", "b", "b", "b", "b"]);
    assert_eq!(values(&nth, &[2_i64.into()], true, frame(Rows, FIRST, CURRENT)), ["-", "-", "-", "d", "d"]);
    assert_eq!(values(&nth, &[ScalarValue::Int8(Some(-1))], false, whole()), ["e"; 5]);
    assert_eq!(values(&nth, &[(-3_i64).into()], true, whole()), ["b"; 5]);
    assert_eq!(values(&nth, &[(-4_i64).into()], true, whole()), ["-"; 5]);
    assert_eq!(values(&nth, &[i64::MIN.into()], true, whole()), ["-"; 5]);

    let wrong = |n: ScalarValue| error(&windowed(&nth, &[ints(&[1])], &[n], 1), 1);
    assert!(wrong(0_i64.into()).contains("nth_value counts from 1"));
    assert!(wrong(ScalarValue::Int64(None)).contains("must be a whole number, written out"));
    assert!(wrong(1.5.into()).contains("must be a whole number, written out"));
}

#[test]
fn the_aggregates_of_the_same_names() {
    let over = |function: &Arc<AggregateUDF>, literals: &[ScalarValue], ignore_nulls| {
        let mut call = aggregate(function, &[texts(&[None, Some("b"), None, Some("d")])], literals);
        call.order_by = vec![(ints(&[1, 2, 3, 4]), ASCENDING)];
        call.frame = frame(Rows, FIRST, CURRENT);
        call.ignore_nulls = ignore_nulls;
        as_texts(&answer(&call, 4))
    };
    assert_eq!(over(&first_value_udaf(), &[], false), ["-", "-", "-", "-"]);
    assert_eq!(over(&first_value_udaf(), &[], true), ["-", "b", "b", "b"]);
    assert_eq!(over(&last_value_udaf(), &[], false), ["-", "b", "-", "d"]);
    assert_eq!(over(&last_value_udaf(), &[], true), ["-", "b", "b", "d"]);
}

#[test]
fn lag_and_lead() {
    let (lag, lead) = (lag_udwf(), lead_udwf());
    assert_eq!(values(&lag, &[], false, running()), ["-", "-", "b", "-", "d"]);
    assert_eq!(values(&lead, &[], false, running()), ["b", "-", "d", "e", "-"]);
    assert_eq!(values(&lag, &[2_i64.into(), "x".into()], false, running()), ["x", "x", "-", "b", "-"]);
    assert_eq!(values(&lead, &[2_i64.into(), "x".into()], false, running()), ["-", "d", "e", "x", "x"]);
    assert_eq!(values(&lag, &[0_i64.into()], false, running()), ["-", "b", "-", "d", "e"]);
    assert_eq!(values(&lag, &[(-1_i64).into()], false, running()), ["b", "-", "d", "e", "-"]);
    assert_eq!(values(&lag, &[9_i64.into(), "x".into()], false, running()), ["x"; 5]);
    assert_eq!(values(&lead, &[i64::MIN.into(), "x".into()], false, running()), ["x"; 5]);
    assert_eq!(values(&lag, &[1_i64.into(), ScalarValue::Null], false, running()), ["-", "-", "b", "-", "d"]);
}

#[test]
fn lag_and_lead_without_nulls() {
    let (lag, lead) = (lag_udwf(), lead_udwf());
    assert_eq!(values(&lag, &[], true, running()), ["-", "-", "b", "b", "d"]);
    assert_eq!(values(&lead, &[], true, running()), ["b", "d", "d", "e", "-"]);
    assert_eq!(values(&lag, &[2_i64.into(), "x".into()], true, running()), ["x", "x", "x", "x", "b"]);
    assert_eq!(values(&lead, &[2_i64.into(), "x".into()], true, running()), ["d", "e", "e", "x", "x"]);
}

#[test]
fn lag_stays_in_its_partition() {
    let mut call = windowed(&lag_udwf(), &[ints(&[1, 2, 3, 4])], &[1_i64.into(), 0_i64.into()], 4);
    call.partition_by = vec![texts(&["a", "b", "a", "b"])];
    call.order_by = vec![(ints(&[1, 2, 3, 4]), DESCENDING)];
    assert_eq!(as_ints(&answer(&call, 4)), some(&[3, 4, 0, 0]));
}

#[test]
fn lag_of_an_untyped_null_has_the_type_of_its_default() {
    let nothing = new_null_array(&DataType::Null, 2);
    let call = windowed(&lag_udwf(), &[nothing], &[1_i64.into(), 7_i64.into()], 2);
    assert_eq!(as_ints(&answer(&call, 2)), [Some(7), None]);
}

#[test]
fn what_lag_cannot_do_is_an_error() {
    let null = windowed(&lag_udwf(), &[ints(&[1])], &[ScalarValue::Int64(None)], 1);
    assert!(error(&null, 1).contains("the offset of lag must not be NULL"));
    let by_row = windowed(&lag_udwf(), &[ints(&[1]), ints(&[1])], &[], 1);
    assert!(error(&by_row, 1).contains("Literal"));
    let default = windowed(&lag_udwf(), &[ints(&[1])], &[1_i64.into(), "x".into()], 1);
    assert!(error(&default, 1).contains("Cannot cast string 'x'"));
    let none = windowed(&lag_udwf(), &[ints(&[1])], &[], 1);
    let none = spotmill_kernels::WindowCall { args: vec![], arg_fields: vec![], literal_args: vec![], ..none };
    assert!(error(&none, 1).contains("lag needs an argument"));
}
