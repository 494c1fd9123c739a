//! Calls of which some arguments are one value for all rows: a call of only constants makes one value, any other makes
//! one for each row, of which there may be none.

use arrow::array::ArrayRef;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::ColumnarValue;

/// Whether every argument is a constant.
pub fn are_all<'a>(args: impl IntoIterator<Item = &'a ColumnarValue>) -> bool {
    args.into_iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
}

/// How many values a call makes.
pub fn values<'a>(args: impl IntoIterator<Item = &'a ColumnarValue>, rows: usize) -> usize {
    if are_all(args) { 1 } else { rows }
}

/// What a call gives whose values are `out`.
pub fn made<'a>(out: ArrayRef, args: impl IntoIterator<Item = &'a ColumnarValue>) -> Result<ColumnarValue> {
    match are_all(args) {
        true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?)),
        false => Ok(ColumnarValue::Array(out)),
    }
}
