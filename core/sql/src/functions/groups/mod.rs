//! Aggregates that DataFusion does not have, or has with another meaning. None merges states: the rows of a group are in
//! one place.

use super::fold::Folded;
use super::kinds::{Kind, kind, word};
use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use std::sync::Arc;

mod counts;
mod extremes;
mod quantiles;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    /// The first argument where the second is greatest, or least.
    Extreme {
        greatest: bool,
    },
    Mode,
    QuantileDisc,
    QuantileCont,
    CountIf,
    Product,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OfGroup {
    name: &'static str,
    what: What,
    signature: Signature,
}

/// Each with the names that it has.
pub fn all() -> Vec<(&'static [&'static str], Arc<AggregateUDF>)> {
    const ALL: &[(&[&str], What)] = &[
        (&["arg_max", "argmax", "max_by"], What::Extreme { greatest: true }),
        (&["arg_min", "argmin", "min_by"], What::Extreme { greatest: false }),
        (&["mode"], What::Mode),
        (&["quantile_disc", "quantile"], What::QuantileDisc),
        (&["quantile_cont"], What::QuantileCont),
        (&["count_if", "countif"], What::CountIf),
        (&["product"], What::Product),
    ];
    let function = |(names, what): &(&'static [&'static str], What)| {
        let signature = Signature::user_defined(Volatility::Immutable);
        (*names, Arc::new(AggregateUDF::from(OfGroup { name: names[0], what: *what, signature })))
    };
    ALL.iter().map(function).collect()
}

impl AggregateUDFImpl for OfGroup {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let number = |ty: &DataType| kind(ty).is_number() || kind(ty) == Kind::Null;
        let ordered = |ty: &DataType| !ty.is_nested() && kind(ty) != Kind::Interval;
        let given: Vec<String> = types.iter().map(word).collect();
        match (self.what, types) {
            (What::Extreme { .. }, [x, key]) if ordered(x) && ordered(key) => Ok(types.to_vec()),
            (What::Mode, [x]) if ordered(x) => Ok(types.to_vec()),
            (What::QuantileDisc, [x, part]) if ordered(x) && number(part) => Ok(vec![x.clone(), DataType::Float64]),
            (What::QuantileCont, [x, part]) if number(x) && number(part) => Ok(vec![DataType::Float64; 2]),
            (What::CountIf, [x]) if matches!(kind(x), Kind::Bool | Kind::Null) => Ok(vec![DataType::Boolean]),
            (What::Product, [x]) if number(x) => Ok(vec![DataType::Float64]),
            _ => plan_err!("{} takes {}, not ({})", self.name, self.takes(), given.join(", ")),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match self.what {
            What::Extreme { .. } | What::Mode | What::QuantileDisc => types.first().cloned().unwrap_or(DataType::Null),
            What::QuantileCont | What::Product => DataType::Float64,
            What::CountIf => DataType::Int64,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let ty = args.return_field.data_type().clone();
        Ok(match self.what {
            What::Extreme { greatest } => Box::new(Folded(extremes::Extreme::new(greatest, ty))),
            What::Mode => Box::new(Folded(counts::Mode::new(ty))),
            What::QuantileDisc => Box::new(Folded(quantiles::Quantile::new(self.name, ty, quantiles::Between::Lower))),
            What::QuantileCont => Box::new(Folded(quantiles::Quantile::new(self.name, ty, quantiles::Between::Both))),
            What::CountIf => Box::new(Folded(counts::CountIf::default())),
            What::Product => Box::new(Folded(counts::Product::default())),
        })
    }
}

impl OfGroup {
    fn takes(&self) -> &'static str {
        match self.what {
            What::Extreme { .. } => "(a value, what it is ordered by)",
            What::Mode => "(a value)",
            What::QuantileDisc => "(a value, a number from 0 to 1)",
            What::QuantileCont => "(a number, a number from 0 to 1): QUANTILE_DISC takes other values",
            What::CountIf => "(a condition)",
            What::Product => "(a number)",
        }
    }
}

/// Floats as they are ordered and compared: one zero, and one NaN above all numbers.
fn one_float(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float32 => {
            let one = |v: f32| if v.is_nan() { f32::NAN } else { v + 0.0 };
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(one)) as Arc<Float32Array>
        }
        DataType::Float64 => {
            let one = |v: f64| if v.is_nan() { f64::NAN } else { v + 0.0 };
            Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(one)) as Arc<Float64Array>
        }
        _ => array.clone(),
    }
}

/// The value of a row of an array.
fn value(array: &ArrayRef, row: usize) -> Result<ScalarValue> {
    ScalarValue::try_from_array(array, row)
}

fn first_of(values: &[ArrayRef]) -> Result<&ArrayRef> {
    match values.first() {
        Some(first) => Ok(first),
        None => exec_err!("an aggregate without an argument"),
    }
}

/// Whether a row has both values.
fn both(a: &ArrayRef, b: &ArrayRef, row: usize) -> bool {
    a.is_valid(row) && b.is_valid(row)
}
