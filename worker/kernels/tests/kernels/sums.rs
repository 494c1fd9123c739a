//! Sums at the ends of their types: exact, or an error.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Decimal256Array, DurationSecondArray, IntervalYearMonthArray, UInt64Array,
};
use arrow::datatypes::{DataType, i256};
use datafusion_expr::WindowFrameUnits::Rows;
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::sum::sum_udaf;
use spotmill_kernels::grouped;

use crate::support::*;

/// Ten to the 38th less one, the greatest decimal.
const GREATEST: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

fn wide(values: &[i128]) -> ArrayRef {
    Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(38, 0).unwrap())
}

fn sum(values: &ArrayRef) -> Result<Vec<String>, String> {
    let call = group_call(&sum_udaf(), &[Arc::clone(values)], &[]);
    let whole = 0..values.len();
    grouped(&call, std::slice::from_ref(&whole)).map(|sums| as_texts(&sums)).map_err(|error| error.strip_backtrace())
}

#[test]
fn decimals_beyond_38_digits() {
    let beyond = Err("Execution error: the sum is beyond 38 digits".to_owned());
    assert_eq!(sum(&wide(&[GREATEST, 1])), beyond);
    // The sum of four wraps around to a number of 38 digits.
    assert_eq!(sum(&wide(&[GREATEST; 4])), beyond);
    assert_eq!(sum(&wide(&[-GREATEST, -1])), beyond);
    assert_eq!(sum(&wide(&[GREATEST, 1, -1])), Ok(vec![GREATEST.to_string()]));
    assert_eq!(sum(&wide(&[GREATEST, GREATEST, -GREATEST])), Ok(vec![GREATEST.to_string()]));
    assert_eq!(sum(&decimals(&ints(&[999, 999]), 3, 0)), Ok(vec!["1998".to_owned()]));
}

#[test]
fn a_frame_that_fits_is_answered_though_all_rows_would_not() {
    let mut call = aggregate(&sum_udaf(), &[wide(&[GREATEST, -1, GREATEST, -GREATEST, 5])], &[]);
    call.order_by = vec![(ints(&[1, 2, 3, 4, 5]), ASCENDING)];
    call.frame = frame(Rows, before(1_u64), CURRENT);
    let less = (GREATEST - 1).to_string();
    let least = (5 - GREATEST).to_string();
    assert_eq!(as_texts(&answer(&call, 5)), [&GREATEST.to_string(), &less, &less, "0", &least]);
    call.frame = frame(Rows, FIRST, CURRENT);
    assert_eq!(error(&call, 5), "Execution error: the sum is beyond 38 digits");
}

#[test]
fn whole_numbers_durations_and_76_digits() {
    assert_eq!(sum(&ints(&[i64::MAX, 1])), Err("Execution error: the sum is beyond the type Int64".to_owned()));
    assert_eq!(sum(&ints(&[i64::MAX, 1, -1])), Ok(vec![i64::MAX.to_string()]));
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1]));
    assert_eq!(sum(&unsigned), Err("Execution error: the sum is beyond the type UInt64".to_owned()));

    let durations: ArrayRef = Arc::new(DurationSecondArray::from(vec![i64::MAX, 1]));
    assert!(sum(&durations).unwrap_err().contains("the sum is beyond the type Duration"));
    let mean = group_call(&avg_udaf(), &[durations], &[]);
    assert!(grouped(&mean, &[0..2, 2..2]).unwrap_err().to_string().contains("the sum is beyond the type Duration"));
    let durations: ArrayRef = Arc::new(DurationSecondArray::from(vec![1, 3]));
    assert_eq!(sum(&durations), Ok(vec!["PT4S".to_owned()]));

    let greatest = i256::from_string(&"9".repeat(76)).unwrap();
    let widest = Decimal256Array::from(vec![greatest, i256::from_i128(1)]).with_precision_and_scale(76, 0).unwrap();
    assert!(sum(&(Arc::new(widest) as ArrayRef)).unwrap_err().contains("the sum is beyond"));
}

#[test]
fn sums_that_cannot_be_checked_are_refused() {
    let intervals: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![1, 2]));
    assert!(sum(&intervals).unwrap_err().contains("sum over values of type Interval"));
}

#[test]
fn the_scale_counts() {
    let values: ArrayRef =
        Arc::new(Decimal128Array::from(vec![GREATEST, GREATEST]).with_precision_and_scale(38, 37).unwrap());
    assert_eq!(sum(&values), Err("Execution error: the sum is beyond 38 digits".to_owned()));
    let values: ArrayRef =
        Arc::new(Decimal128Array::from(vec![1, GREATEST - 1]).with_precision_and_scale(38, 38).unwrap());
    assert_eq!(sum(&values), Ok(vec![format!("0.{GREATEST}")]));
    assert_eq!(values.data_type(), &DataType::Decimal128(38, 38));
}
