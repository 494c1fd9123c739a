//! `sum` and `avg`, exact where the values are: integers and decimals add up in 128 bits, a sum that does not fit its
//! type is an error, and the average of exact values is their exact sum divided once.

use super::fold::{Fold, Folded};
use super::kinds::{Kind, kind};
use super::nearest;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{Accumulator, AggregateUDFImpl, ReversedUDAF, Signature, Volatility};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sums {
    Sum,
    Average,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SumFunction {
    pub what: Sums,
    signature: Signature,
    aliases: Vec<String>,
}

impl SumFunction {
    pub fn new(what: Sums) -> Self {
        let aliases = match what {
            Sums::Sum => vec!["total".to_owned()],
            Sums::Average => vec!["mean".to_owned()],
        };
        Self { what, signature: Signature::user_defined(Volatility::Immutable), aliases }
    }
}

/// The type that values are added up in.
fn added(ty: &DataType) -> Option<DataType> {
    Some(match kind(ty) {
        Kind::Null | Kind::Integer | Kind::Bool => DataType::Int64,
        Kind::Decimal => ty.clone(),
        Kind::Float => DataType::Float64,
        _ => return None,
    })
}

impl AggregateUDFImpl for SumFunction {
    fn name(&self) -> &str {
        match self.what {
            Sums::Sum => "sum",
            Sums::Average => "avg",
        }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [ty] = types else { return plan_err!("{} takes one argument: add the others up with +", self.name()) };
        let refused = self.what == Sums::Average && kind(ty) == Kind::Bool;
        match added(ty) {
            // Unsigned 64 bits and narrow integers both become int64, checked.
            Some(added) if !refused => Ok(vec![added]),
            _ => plan_err!("{} takes numbers, not {}: CAST it", self.name(), super::kinds::word(ty)),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match (self.what, types.first()) {
            (Sums::Average, _) => DataType::Float64,
            (Sums::Sum, Some(DataType::Decimal128(_, scale))) => DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale),
            (Sums::Sum, Some(DataType::Float32 | DataType::Float64)) => DataType::Float64,
            (Sums::Sum, _) => DataType::Int64,
        })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let from = args.expr_fields[0].data_type().clone();
        Ok(match kind(&from) {
            Kind::Float => Box::new(Folded(Floats { what: self.what, sum: 0.0, count: 0 })),
            _ => Box::new(Folded(Exact {
                what: self.what,
                to: args.return_field.data_type().clone(),
                scale: scale(&from),
                sum: 0,
                count: 0,
            })),
        })
    }
}

fn scale(ty: &DataType) -> i8 {
    match ty {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

#[derive(Debug)]
struct Exact {
    what: Sums,
    to: DataType,
    scale: i8,
    sum: i128,
    count: u64,
}

impl Exact {
    fn each(values: &ArrayRef, mut take: impl FnMut(i128) -> Result<()>) -> Result<()> {
        match values.data_type() {
            DataType::Decimal128(..) => values.as_primitive::<Decimal128Type>().iter().flatten().try_for_each(take),
            _ => {
                let values = cast(values, &DataType::Int64)?;
                values.as_primitive::<Int64Type>().iter().flatten().try_for_each(|v| take(v.into()))
            }
        }
    }
}

impl Fold for Exact {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Self { sum, count, .. } = self;
        Self::each(&values[0], |v| {
            *count += 1;
            match sum.checked_add(v) {
                Some(more) => *sum = more,
                None => return exec_err!("the sum has more than 38 digits"),
            }
            Ok(())
        })
    }

    fn take_back(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Self { sum, count, .. } = self;
        Self::each(&values[0], |v| {
            *count -= 1;
            *sum -= v;
            Ok(())
        })
    }

    fn takes_back(&self) -> bool {
        true
    }

    fn value(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return ScalarValue::try_from(&self.to);
        }
        Ok(match (self.what, &self.to) {
            (Sums::Average, _) => ScalarValue::Float64(Some(nearest::ratio(self.sum, self.count, self.scale))),
            (Sums::Sum, DataType::Decimal128(precision, scale)) => {
                if self.sum.unsigned_abs() >= 10u128.pow(38) {
                    return exec_err!("the sum has more than 38 digits");
                }
                ScalarValue::Decimal128(Some(self.sum), *precision, *scale)
            }
            (Sums::Sum, _) => match i64::try_from(self.sum) {
                Ok(sum) => ScalarValue::Int64(Some(sum)),
                Err(_) => return exec_err!("{}", too_large(self.sum)),
            },
        })
    }
}

/// The message for a sum that int64 does not hold.
pub fn too_large(sum: impl std::fmt::Display) -> String {
    format!("the sum {sum} does not fit int64: CAST the argument to DECIMAL(38, 0)")
}

#[derive(Debug)]
struct Floats {
    what: Sums,
    sum: f64,
    count: u64,
}

impl Fold for Floats {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = nearest::cast(&values[0], &DataType::Float64, &CastOptions::default())?;
        for v in values.as_primitive::<Float64Type>().iter().flatten() {
            self.count += 1;
            self.sum += v;
        }
        Ok(())
    }

    fn value(&mut self) -> Result<ScalarValue> {
        let value = match self.what {
            Sums::Sum => self.sum,
            Sums::Average => self.sum / self.count as f64,
        };
        Ok(ScalarValue::Float64((self.count > 0).then_some(value)))
    }
}
