//! `greatest` and `least` by DataFusion, which orders floats by their bits: a NaN with a sign, as 0/0 makes one, would be
//! the least of all. Here every NaN is the greatest, as in comparisons and in ORDER BY.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};
use std::sync::Arc;

pub const NAMES: [&str; 2] = ["greatest", "least"];

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OneNan(Arc<ScalarUDF>);

impl OneNan {
    pub fn of(function: &Arc<ScalarUDF>) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Self(function.clone())))
    }
}

impl ScalarUDFImpl for OneNan {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.0.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.0.return_field_from_args(args)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        for value in &mut args.args {
            match value {
                ColumnarValue::Array(array) => *array = positive(array),
                ColumnarValue::Scalar(ScalarValue::Float64(Some(number))) if number.is_nan() => *number = f64::NAN,
                ColumnarValue::Scalar(ScalarValue::Float32(Some(number))) if number.is_nan() => *number = f32::NAN,
                ColumnarValue::Scalar(_) => {}
            }
        }
        self.0.invoke_with_args(args)
    }
}

/// Floats without a sign on NaN; any other array as it is.
fn positive(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float32 => Arc::new(
            array.as_primitive::<Float32Type>().unary::<_, Float32Type>(|v| if v.is_nan() { f32::NAN } else { v }),
        ),
        DataType::Float64 => Arc::new(
            array.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| if v.is_nan() { f64::NAN } else { v }),
        ),
        _ => Arc::clone(array),
    }
}

#[cfg(test)]
mod tests {
    use crate::functions::registry::built_in;
    use arrow::array::{ArrayRef, AsArray, Float64Array};
    use arrow::datatypes::{DataType, Field, Float64Type};
    use datafusion_common::config::ConfigOptions;
    use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
    use std::sync::Arc;

    #[test]
    fn a_nan_with_a_sign_is_greater_than_every_number() {
        let field = Arc::new(Field::new("v", DataType::Float64, true));
        let columns: [ArrayRef; 2] = [
            Arc::new(Float64Array::from(vec![Some(-f64::NAN), Some(f64::NAN), Some(1.0), None])),
            Arc::new(Float64Array::from(vec![f64::INFINITY, 0.5, -f64::NAN, -f64::NAN])),
        ];
        let call = |name: &str| {
            let args = ScalarFunctionArgs {
                args: columns.iter().cloned().map(ColumnarValue::Array).collect(),
                arg_fields: vec![field.clone(), field.clone()],
                number_rows: 4,
                return_field: field.clone(),
                config_options: Arc::new(ConfigOptions::default()),
            };
            let out = built_in().scalars[name].invoke_with_args(args).expect("a value").to_array(4).expect("rows");
            out.as_primitive::<Float64Type>().values().to_vec()
        };
        let greatest = call("greatest");
        assert!(greatest.iter().all(|v| v.is_nan()), "{greatest:?}");
        let least = call("least");
        assert_eq!(least[..3], [f64::INFINITY, 0.5, 1.0]);
        assert!(least[3].is_nan());
    }
}
