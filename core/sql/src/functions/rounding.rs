//! `round`, `trunc`, `ceil` and `floor` by DataFusion, mended where its answer is not the number's: floats too large to
//! have decimal places stay what they are, integers are cut as integers, and a decimal may gain a digit.

use super::constants;
use super::kinds::{Kind, kind, word};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Float32Type, Float64Type, Int64Type};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub const NAMES: [&str; 4] = ["round", "trunc", "ceil", "floor"];

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Rounding {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl Rounding {
    pub fn of(function: &Arc<ScalarUDF>) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::from(Self { inner: function.clone(), signature }))
    }

    fn has_places(&self) -> bool {
        matches!(self.name(), "round" | "trunc")
    }

    /// What a decimal of this type is rounded to; the next whole number may have a digit more.
    fn grown(&self, ty: &DataType) -> Option<DataType> {
        match ty {
            DataType::Decimal128(precision, scale) if !self.has_places() && *scale > 0 => {
                Some(DataType::Decimal128((precision + 1).min(DECIMAL128_MAX_PRECISION), *scale))
            }
            _ => None,
        }
    }
}

impl ScalarUDFImpl for Rounding {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (number, places) = match types {
            [number] => (number, None),
            [number, places] if self.has_places() => (number, Some(places)),
            _ => {
                return plan_err!(
                    "{} takes a number{}",
                    self.name(),
                    if self.has_places() { " and places" } else { "" }
                );
            }
        };
        let number = match kind(number) {
            Kind::Integer if self.name() == "trunc" => DataType::Int64,
            Kind::Integer if self.name() == "round" => number.clone(),
            Kind::Integer | Kind::Null => DataType::Float64,
            Kind::Decimal | Kind::Float => number.clone(),
            _ => return plan_err!("{} takes a number, not {}: CAST it", self.name(), word(number)),
        };
        let places = match places.map(kind) {
            None => return Ok(vec![number]),
            Some(Kind::Integer | Kind::Null) if self.name() == "round" => DataType::Int32,
            Some(Kind::Integer | Kind::Null) => DataType::Int64,
            Some(_) => return plan_err!("the places of {} are a whole number: CAST them", self.name()),
        };
        Ok(vec![number, places])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let Some(number) = args.arg_fields.first().map(|f| f.data_type()) else { return plan_err!("no argument") };
        let ty = match (self.grown(number), number) {
            (Some(grown), _) => grown,
            (None, DataType::Int64) if self.name() == "trunc" => DataType::Int64,
            _ => return self.inner.return_field_from_args(args),
        };
        Ok(Arc::new(Field::new(self.name(), ty, true)))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(given) = args.args.first().cloned() else { return exec_err!("no argument") };
        let rows = args.number_rows;
        if self.name() == "trunc" && given.data_type() == DataType::Int64 {
            return cut(&args.args, rows);
        }
        if let Some(grown) = self.grown(&given.data_type()) {
            args.args[0] = given.cast_to(&grown, None)?;
            args.arg_fields = vec![Arc::new(Field::new("number", grown, true))];
            return self.inner.invoke_with_args(args);
        }
        let made = self.inner.invoke_with_args(args)?;
        match kind(&made.data_type()) {
            Kind::Float if given.data_type() == made.data_type() => kept(given, made, rows),
            _ => Ok(made),
        }
    }
}

/// Integers without their last digits, as many as the places are below zero.
fn cut(args: &[ColumnarValue], rows: usize) -> Result<ColumnarValue> {
    let rows = constants::values(args, rows);
    let [numbers, places @ ..] = args else { return exec_err!("no argument") };
    let Some(places) = places.first() else { return Ok(numbers.clone()) };
    let (numbers, places) = (numbers.to_array(rows)?, cast(&places.to_array(rows)?, &DataType::Int64)?);
    let (numbers, places) = (numbers.as_primitive::<Int64Type>(), places.as_primitive::<Int64Type>());
    let cut = |number: i64, places: i64| match places {
        0.. => number,
        _ => u32::try_from(-places.max(-64)).ok().and_then(|n| 10i64.checked_pow(n)).map_or(0, |p| number / p * p),
    };
    let out: arrow::array::Int64Array =
        numbers.iter().zip(places.iter()).map(|(n, p)| n.zip(p).map(|(n, p)| cut(n, p))).collect();
    constants::made(Arc::new(out), args)
}

/// What was made, but what was given where only that is finite.
fn kept(given: ColumnarValue, made: ColumnarValue, rows: usize) -> Result<ColumnarValue> {
    let rows = constants::values([&given, &made], rows);
    let (number, rounded) = (given.to_array(rows)?, made.to_array(rows)?);
    let keep: BooleanArray = finite(&number).into_iter().zip(finite(&rounded)).map(|(a, b)| Some(a && !b)).collect();
    constants::made(zip(&keep, &number, &rounded)?, [&given, &made])
}

/// A row without a value counts as finite.
fn finite(array: &ArrayRef) -> Vec<bool> {
    match array.data_type() {
        DataType::Float32 => array.as_primitive::<Float32Type>().iter().map(|v| v.is_none_or(f32::is_finite)).collect(),
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().map(|v| v.is_none_or(f64::is_finite)).collect(),
        _ => vec![true; array.len()],
    }
}
