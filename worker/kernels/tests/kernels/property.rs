//! Any frame over any rows: what the kernels answer is what the definition of the frame answers, row by row. The sums
//! and the like are worked out here; the other functions are asked about the rows of each frame only, as a group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use arrow::compute::take;
use datafusion_common::ScalarValue;
use datafusion_expr::AggregateUDF;
use datafusion_functions_aggregate::array_agg::array_agg_udaf;
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::bit_and_or_xor::bit_xor_udaf;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion_functions_aggregate::median::median_udaf;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion_functions_aggregate::string_agg::string_agg_udaf;
use datafusion_functions_aggregate::sum::sum_udaf;
use proptest::prelude::*;
use spotmill_kernels::grouped;

use crate::definition::{Row, Window, any_window, bound, frames, row};
use crate::support::*;

/// The values in the frame of each row of the input.
fn values_by_definition(window: &Window, rows: &[Row]) -> Vec<Vec<i64>> {
    let values = |frame: Vec<usize>| {
        let reached = frame.iter().map(|row| rows[*row]).filter(|row| !window.filtered || row.kept == Some(true));
        let mut values: Vec<i64> = reached.filter_map(|row| row.value).collect();
        if window.distinct {
            values.sort();
            values.dedup();
        }
        values
    };
    frames(window, rows).into_iter().map(values).collect()
}

fn integers(rows: &[Row]) -> ArrayRef {
    ints(&rows.iter().map(|row| row.value).collect::<Vec<_>>())
}

fn reals(rows: &[Row]) -> ArrayRef {
    floats(&rows.iter().map(|row| row.value.map(|value| value as f64)).collect::<Vec<_>>())
}

fn strings(rows: &[Row]) -> ArrayRef {
    let texts_of_values: Vec<_> = rows.iter().map(|row| row.value.map(|value| value.to_string())).collect();
    texts(&texts_of_values.iter().map(|text| text.as_deref()).collect::<Vec<_>>())
}

fn filter(rows: &[Row]) -> BooleanArray {
    rows.iter().map(|row| row.kept).collect()
}

fn kernel(
    function: &Arc<AggregateUDF>,
    argument: &ArrayRef,
    literals: &[ScalarValue],
    window: &Window,
    rows: &[Row],
) -> ArrayRef {
    let mut call = aggregate(function, only(argument), literals);
    call.partition_by = vec![ints(&rows.iter().map(|row| row.partition).collect::<Vec<_>>())];
    call.order_by = vec![(ints(&rows.iter().map(|row| row.key).collect::<Vec<_>>()), window.options)];
    let (start, end) = (bound(window.start, FIRST, window.units), bound(window.end, LAST, window.units));
    call.frame = frame(window.units, start, end);
    call.filter = window.filtered.then(|| filter(rows));
    call.distinct = window.distinct;
    answer(&call, rows.len())
}

/// The value of the function over the rows of each frame only.
fn isolated(
    function: &Arc<AggregateUDF>,
    argument: &ArrayRef,
    literals: &[ScalarValue],
    window: &Window,
    rows: &[Row],
) -> Vec<String> {
    let each = frames(window, rows).into_iter().map(|frame| {
        let indices = UInt64Array::from(frame.iter().map(|row| *row as u64).collect::<Vec<_>>());
        let argument = take(argument, &indices, None).unwrap();
        let reached: Vec<Row> = frame.iter().map(|row| rows[*row]).collect();
        let mut call = group_call(function, only(&argument), literals);
        call.filter = window.filtered.then(|| filter(&reached));
        call.distinct = window.distinct;
        let whole = 0..argument.len();
        as_texts(&grouped(&call, std::slice::from_ref(&whole)).unwrap()).remove(0)
    });
    each.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_frame_is_evaluated_as_if_isolated(window in any_window(), rows in prop::collection::vec(row(), 0..24)) {
        let (frames, integers, reals) = (values_by_definition(&window, &rows), integers(&rows), reals(&rows));
        let each = |value: &dyn Fn(&Vec<i64>) -> Option<i64>| frames.iter().map(value).collect::<Vec<_>>();
        let kernel = |function: Arc<AggregateUDF>, argument: &ArrayRef| {
            kernel(&function, argument, &[], &window, &rows)
        };
        let sum = |values: &Vec<i64>| (!values.is_empty()).then(|| values.iter().sum::<i64>());

        prop_assert_eq!(as_ints(&kernel(sum_udaf(), &integers)), each(&sum));
        prop_assert_eq!(as_ints(&kernel(sum_udaf(), &decimals(&integers, 38, 0))), each(&sum));
        prop_assert_eq!(as_ints(&kernel(sum_udaf(), &reals)), each(&sum));
        prop_assert_eq!(as_ints(&kernel(count_udaf(), &integers)), each(&|values| Some(values.len() as i64)));
        let least = each(&|values| values.iter().min().copied());
        prop_assert_eq!(as_ints(&kernel(min_udaf(), &integers)), least.clone());
        prop_assert_eq!(as_ints(&kernel(min_udaf(), &reals)), least);
        let greatest = each(&|values| values.iter().max().copied());
        prop_assert_eq!(as_ints(&kernel(max_udaf(), &integers)), greatest);
        let mean = |values: &Vec<i64>| sum(values).map(|sum| sum as f64 / values.len() as f64);
        prop_assert_eq!(as_floats(&kernel(avg_udaf(), &reals)), frames.iter().map(mean).collect::<Vec<_>>());
    }

    #[test]
    fn every_function_sees_its_frame_only(window in any_window(), rows in prop::collection::vec(row(), 0..16)) {
        let (integers, strings) = (integers(&rows), strings(&rows));
        let same = |function: Arc<AggregateUDF>, argument: &ArrayRef, literals: &[ScalarValue]| {
            let values = as_texts(&kernel(&function, argument, literals, &window, &rows));
            prop_assert_eq!(values, isolated(&function, argument, literals, &window, &rows));
            Ok(())
        };
        same(array_agg_udaf(), &strings, &[])?;
        same(string_agg_udaf(), &strings, &["+".into()])?;
        same(first_value_udaf(), &strings, &[])?;
        same(last_value_udaf(), &strings, &[])?;
        same(max_udaf(), &strings, &[])?;
        same(median_udaf(), &integers, &[])?;
        same(bit_xor_udaf(), &integers, &[])?;
        same(avg_udaf(), &decimals(&integers, 5, 1), &[])?;
    }
}
