//! Aggregates over groups: values worked out by hand.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use datafusion_common::ScalarValue;
use datafusion_expr::AggregateUDF;
use datafusion_functions_aggregate::approx_percentile_cont::approx_percentile_cont_udaf;
use datafusion_functions_aggregate::array_agg::array_agg_udaf;
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::correlation::corr_udaf;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion_functions_aggregate::median::median_udaf;
use datafusion_functions_aggregate::min_max::min_udaf;
use datafusion_functions_aggregate::nth_value::nth_value_udaf;
use datafusion_functions_aggregate::percentile_cont::percentile_cont_udaf;
use datafusion_functions_aggregate::stddev::stddev_udaf;
use datafusion_functions_aggregate::string_agg::string_agg_udaf;
use datafusion_functions_aggregate::sum::sum_udaf;
use spotmill_kernels::{GroupedCall, grouped};

use crate::support::*;

/// Three groups of five rows, one of them empty.
fn groups() -> Vec<Range<usize>> {
    vec![0..3, 3..3, 3..5]
}

fn values(call: &GroupedCall) -> Vec<String> {
    let values = grouped(call, &groups()).unwrap();
    assert_eq!(values.data_type(), call.return_field.data_type());
    as_texts(&values)
}

#[test]
fn one_value_a_group_and_the_value_of_no_rows() {
    let numbers = ints(&[Some(1), Some(3), None, None, None]);
    assert_eq!(values(&group_call(&sum_udaf(), only(&numbers), &[])), ["4", "-", "-"]);
    assert_eq!(values(&group_call(&count_udaf(), only(&numbers), &[])), ["2", "0", "0"]);
    assert_eq!(values(&group_call(&min_udaf(), only(&numbers), &[])), ["1", "-", "-"]);
    assert_eq!(values(&group_call(&array_agg_udaf(), &[numbers], &[])), ["[1, 3, -]", "-", "[-, -]"]);
    assert_eq!(values(&group_call(&avg_udaf(), &[floats(&[1.0, 2.0, 6.0, 1.0, 2.0])], &[])), ["3.0", "-", "1.5"]);
    assert_eq!(values(&group_call(&median_udaf(), &[floats(&[1.0, 9.0, 2.0, 1.0, 2.0])], &[])), ["2.0", "-", "1.5"]);
    assert_eq!(values(&group_call(&stddev_udaf(), &[floats(&[1.0, 2.0, 3.0, 1.0, 1.0])], &[])), ["1.0", "-", "0.0"]);
    let (x, y) = (floats(&[1.0, 2.0, 3.0, 1.0, 2.0]), floats(&[2.0, 4.0, 6.0, 5.0, 4.0]));
    assert_eq!(values(&group_call(&corr_udaf(), &[x, y], &[])), ["1.0", "-", "-1.0"]);
}

#[test]
fn a_group_is_sorted_for_an_order_sensitive_function() {
    let letters = texts(&[Some("a"), None, Some("c"), Some("d"), Some("e")]);
    let order = vec![(ints(&[3, 1, 2, 1, 1]), ASCENDING)];
    let ordered = |function: &Arc<AggregateUDF>, literals: &[ScalarValue]| GroupedCall {
        order_by: order.clone(),
        ..group_call(function, only(&letters), literals)
    };
    assert_eq!(values(&ordered(&array_agg_udaf(), &[])), ["[-, c, a]", "-", "[d, e]"]);
    assert_eq!(values(&ordered(&string_agg_udaf(), &["/".into()])), ["c/a", "-", "d/e"]);
    assert_eq!(values(&ordered(&first_value_udaf(), &[])), ["-", "-", "d"]);
    assert_eq!(values(&ordered(&last_value_udaf(), &[])), ["a", "-", "e"]);
    assert_eq!(values(&ordered(&nth_value_udaf(), &[2_i64.into()])), ["c", "-", "e"]);
    let mut call = ordered(&first_value_udaf(), &[]);
    call.ignore_nulls = true;
    assert_eq!(values(&call), ["c", "-", "d"]);
    call.filter = Some(BooleanArray::from(vec![Some(true), Some(true), None, Some(false), Some(true)]));
    assert_eq!(values(&call), ["a", "-", "e"]);
}

#[test]
fn distinct_of_every_kind() {
    let numbers = floats(&[2.0, 2.0, 5.0, 1.0, 1.0]);
    let distinct = |function: &Arc<AggregateUDF>, args: &[ArrayRef], literals: &[ScalarValue]| GroupedCall {
        distinct: true,
        ..group_call(function, args, literals)
    };
    assert_eq!(values(&distinct(&sum_udaf(), only(&numbers), &[])), ["7.0", "-", "1.0"]);
    assert_eq!(values(&distinct(&avg_udaf(), only(&numbers), &[])), ["3.5", "-", "1.0"]);
    assert_eq!(values(&distinct(&stddev_udaf(), only(&numbers), &[])), ["2.1213203435596424", "-", "-"]);
    assert_eq!(values(&distinct(&median_udaf(), only(&numbers), &[])), ["3.5", "-", "1.0"]);
    assert_eq!(values(&distinct(&count_udaf(), &[numbers.clone(), ints(&[1, 2, 1, 1, 1])], &[])), ["3", "0", "1"]);
    let letters = texts(&["b", "a", "b", "c", "c"]);
    assert_eq!(values(&distinct(&string_agg_udaf(), only(&letters), &[",".into()])), ["b,a", "-", "c"]);
    let mut call = distinct(&array_agg_udaf(), only(&letters), &[]);
    call.order_by = vec![(letters, ASCENDING)];
    assert_eq!(values(&call), ["[a, b]", "-", "[c]"]);
}

#[test]
fn within_group_goes_up_or_down() {
    let numbers = floats(&[1.0, 5.0, 2.0, 3.0, 4.0]);
    let mut call = group_call(&percentile_cont_udaf(), only(&numbers), &[0.25.into()]);
    call.order_by = vec![(numbers.clone(), ASCENDING)];
    assert_eq!(values(&call), ["1.5", "-", "3.25"]);
    call.order_by = vec![(numbers.clone(), DESCENDING)];
    assert_eq!(values(&call), ["3.5", "-", "3.75"]);
    let mut call = group_call(&approx_percentile_cont_udaf(), only(&numbers), &[1.0.into()]);
    call.order_by = vec![(numbers, DESCENDING)];
    assert_eq!(values(&call), ["1.0", "-", "3.0"]);
}

#[test]
fn groups_that_are_not_there_are_an_error() {
    let call = group_call(&sum_udaf(), &[ints(&[1, 2])], &[]);
    assert_eq!(grouped(&call, &[]).unwrap().len(), 0);
    assert_eq!(as_texts(&grouped(&call, &[0..0, 0..2, 2..2]).unwrap()), ["-", "3", "-"]);
    // Groups that overlap are each a group of its own.
    assert_eq!(as_texts(&grouped(&call, &[0..2, 0..1, 1..2, 0..2, 0..2]).unwrap()), ["3", "1", "2", "3", "3"]);
    let failure = grouped(&call, &[0..1, 1..3]).unwrap_err().strip_backtrace();
    assert_eq!(failure, "Execution error: the group 1..3 is not among 2 rows");
    let mut call = group_call(&sum_udaf(), &[ints(&[1])], &[]);
    call.ignore_nulls = true;
    assert!(grouped(&call, &groups()[1..2]).is_err());
    let call = GroupedCall { args: vec![], arg_fields: vec![], literal_args: vec![], ..call };
    assert!(grouped(&call, &[]).unwrap_err().to_string().contains("sum needs an argument"));
}
