//! What sorts and partitions: nulls, floats, nested keys, and the order of ties.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, StructArray};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, Field, Float64Type};
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_window::row_number::row_number_udwf;

use crate::support::*;

fn order(keys: &[(ArrayRef, SortOptions)]) -> Vec<u64> {
    let rows = keys[0].0.len();
    let mut call = windowed(&row_number_udwf(), &[], &[], rows);
    call.order_by = keys.to_vec();
    let numbers = as_ints(&answer(&call, rows)).into_iter().flatten().zip(0..).collect::<BTreeMap<i64, u64>>();
    numbers.into_values().collect()
}

fn partition_sizes(key: ArrayRef) -> Vec<Option<i64>> {
    let rows = key.len();
    let mut call = aggregate(&count_udaf(), &[ints(&vec![1; rows])], &[]);
    call.partition_by = vec![key];
    as_ints(&answer(&call, rows))
}

#[test]
fn a_sort_keeps_ties() {
    assert_eq!(order(&[(ints(&[2, 1, 2, 1]), ASCENDING)]), [1, 3, 0, 2]);
    assert_eq!(order(&[(ints(&[2, 1, 2, 1]), DESCENDING)]), [0, 2, 1, 3]);
    assert_eq!(order(&[(ints(&[1, 1, 1, 1]), ASCENDING), (texts(&["b", "a", "b", "a"]), DESCENDING)]), [0, 2, 1, 3]);
    assert_eq!(order(&[(ints(&[Some(2), None, Some(1)]), ASCENDING)]), [2, 0, 1]);
    assert_eq!(order(&[(ints(&[Some(2), None, Some(1)]), NULLS_FIRST)]), [1, 2, 0]);
    assert_eq!(order(&[(ints::<i64>(&[]), ASCENDING)]), Vec::<u64>::new());
}

#[test]
fn nan_is_the_greatest_and_zeros_tie() {
    let key = floats(&[f64::NAN, 0.0, -0.0, f64::INFINITY, -f64::NAN, -1.0]);
    assert_eq!(order(&[(Arc::clone(&key), ASCENDING)]), [5, 1, 2, 3, 0, 4]);
    assert_eq!(order(&[(Arc::clone(&key), DESCENDING)]), [0, 4, 3, 1, 2, 5]);
    for data_type in [DataType::Float32, DataType::Float16] {
        assert_eq!(order(&[(cast(&key, &data_type).unwrap(), ASCENDING)]), [5, 1, 2, 3, 0, 4]);
    }
}

#[test]
fn partitions_by_null_nan_and_zero() {
    let key = floats(&[Some(f64::NAN), None, Some(0.0), Some(-f64::NAN), Some(-0.0), None, Some(-0.0)]);
    assert_eq!(partition_sizes(key), some(&[2, 2, 3, 2, 3, 2, 3]));
}

#[test]
fn partitions_by_dictionaries_lists_and_structs() {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let key = cast(&texts(&[Some("a"), Some("b"), Some("a"), None]), &dictionary).unwrap();
    assert_eq!(partition_sizes(key), some(&[2, 1, 2, 1]));

    let lists = [Some(vec![Some(0.0), None]), None, Some(vec![Some(-0.0), None]), Some(vec![]), None];
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists));
    assert_eq!(partition_sizes(Arc::clone(&lists)), some(&[2, 2, 2, 1, 2]));
    let large = cast(&lists, &DataType::LargeList(Field::new_list_field(DataType::Float64, true).into())).unwrap();
    assert_eq!(partition_sizes(large), some(&[2, 2, 2, 1, 2]));

    let field = Arc::new(Field::new("x", DataType::Float64, true));
    let structs = StructArray::from(vec![(field, floats(&[f64::NAN, 1.0, -f64::NAN]))]);
    assert_eq!(partition_sizes(Arc::new(structs)), some(&[2, 1, 2]));
}
