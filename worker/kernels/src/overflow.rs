//! Sums that do not fit. DataFusion's sums wrap around; this promises that a wrapped one is never answered: sums that
//! may leave their type are added in 76 digits, and one that does leave it is an error. It never checks floats, whose
//! sums cannot wrap.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL256_MAX_PRECISION, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, FieldRef,
    Float64Type,
};
use datafusion_common::{DataFusionError, Result, exec_datafusion_err, exec_err, not_impl_err};
use datafusion_functions_aggregate::average::Avg;
use datafusion_functions_aggregate::sum::Sum;

use crate::accumulator::Aggregate;
use crate::aggregate::as_type;

/// Whether the values are sums, to be checked.
pub(crate) struct Guard {
    is_sum: bool,
}

impl Guard {
    /// Widens the argument and the answer of a sum that might not fit.
    pub(crate) fn new(aggregate: &mut Aggregate) -> Result<Guard> {
        let function = aggregate.function.inner();
        let is_sum = function.downcast_ref::<Sum>().is_some();
        let argument = aggregate.args[0].data_type().clone();
        let is_mean_of_durations =
            function.downcast_ref::<Avg>().is_some() && matches!(argument, DataType::Duration(_));
        if (!is_sum && !is_mean_of_durations) || argument.is_floating() || argument.is_null() {
            return Ok(Guard { is_sum: false });
        }
        let Some(limit) = limit(&argument) else {
            return not_impl_err!("{} over values of type {argument}", aggregate.function.name());
        };
        if magnitude(&aggregate.args[0])? > limit * 0.99 {
            let Some(wide) = wide(&argument) else {
                return exec_err!("the sum is beyond the type {argument}");
            };
            aggregate.args[0] = cast(&aggregate.args[0], &wide)?;
            aggregate.arg_fields[0] = retyped(&aggregate.arg_fields[0], &wide);
            aggregate.return_field = retyped(&aggregate.return_field, &wide);
        }
        Ok(Guard { is_sum })
    }

    /// The values in the type of the answer, in which every sum fits.
    pub(crate) fn checked(&self, values: ArrayRef, return_type: &DataType) -> Result<ArrayRef> {
        if !self.is_sum {
            return Ok(values);
        }
        let values = as_type(values, return_type).map_err(|_| beyond(return_type))?;
        let fits = match return_type {
            DataType::Decimal32(digits, _) => {
                values.as_primitive::<Decimal32Type>().validate_decimal_precision(*digits)
            }
            DataType::Decimal64(digits, _) => {
                values.as_primitive::<Decimal64Type>().validate_decimal_precision(*digits)
            }
            DataType::Decimal128(digits, _) => {
                values.as_primitive::<Decimal128Type>().validate_decimal_precision(*digits)
            }
            DataType::Decimal256(digits, _) => {
                values.as_primitive::<Decimal256Type>().validate_decimal_precision(*digits)
            }
            _ => Ok(()),
        };
        fits.map_err(|_| beyond(return_type))?;
        Ok(values)
    }
}

fn beyond(return_type: &DataType) -> DataFusionError {
    match return_type {
        DataType::Decimal32(digits, _)
        | DataType::Decimal64(digits, _)
        | DataType::Decimal128(digits, _)
        | DataType::Decimal256(digits, _) => exec_datafusion_err!("the sum is beyond {digits} digits"),
        other => exec_datafusion_err!("the sum is beyond the type {other}"),
    }
}

/// The greatest value that the numbers of this type are kept in, to a float's precision.
fn limit(data_type: &DataType) -> Option<f64> {
    let scaled = |greatest: f64, scale: i8| Some(greatest / 10_f64.powi(scale.into()));
    match data_type {
        DataType::Int64 | DataType::Duration(_) => Some(i64::MAX as f64),
        DataType::UInt64 => Some(u64::MAX as f64),
        DataType::Decimal32(_, scale) => scaled(i32::MAX.into(), *scale),
        DataType::Decimal64(_, scale) => scaled(i64::MAX as f64, *scale),
        DataType::Decimal128(_, scale) => scaled(i128::MAX as f64, *scale),
        // Half of two to the 256th.
        DataType::Decimal256(_, scale) => scaled(2_f64.powi(255), *scale),
        _ => None,
    }
}

/// The type to add in, if there is a wider one.
fn wide(data_type: &DataType) -> Option<DataType> {
    let scale = match data_type {
        DataType::Int64 | DataType::UInt64 => 0,
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
        _ => return None,
    };
    Some(DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale))
}

/// The sum of the values without their signs. No sum of some of them is greater.
fn magnitude(array: &ArrayRef) -> Result<f64> {
    let array = match array.data_type() {
        DataType::Duration(_) => &cast(array, &DataType::Int64)?,
        _ => array,
    };
    let floats = cast(array, &DataType::Float64)?;
    Ok(floats.as_primitive::<Float64Type>().iter().flatten().map(f64::abs).sum())
}

fn retyped(field: &FieldRef, data_type: &DataType) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(data_type.clone()))
}
