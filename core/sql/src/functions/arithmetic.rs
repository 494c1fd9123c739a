//! `+ - * / // %` with the meaning that `docs/sql.md` gives them: integers in 64 bits and checked, decimals exact and
//! checked, `/` a float64. A value that does not fit is an error with its operands, never another number.

use super::constants;
use super::kinds::{Kind, decimal_of, kind};
use super::nearest;
use arrow::array::{Array, ArrayRef, AsArray, Datum, PrimitiveArray, Scalar};
use arrow::compute::kernels::numeric;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Date32Type, Decimal128Type, Int64Type, IntervalUnit, TimeUnit,
};
use arrow::error::ArrowError;
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    IntegerDivide,
    Modulo,
}

impl Op {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::IntegerDivide => "//",
            Self::Modulo => "%",
        }
    }
}

/// One operator as a function of two arguments.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Arithmetic {
    pub op: Op,
    signature: Signature,
}

impl Arithmetic {
    pub fn call(op: Op, left: Expr, right: Expr) -> Expr {
        let function = ScalarUDF::from(Self { op, signature: Signature::user_defined(Volatility::Immutable) });
        Arc::new(function).call(vec![left, right])
    }
}

/// The planner asks every operation of a sum for its name repeatedly: the name of a long one is its beginning and
/// a digest of all of it.
fn bounded(name: String) -> String {
    const LONGEST: usize = 200;
    if name.len() <= LONGEST {
        return name;
    }
    let head: String = name.chars().take(LONGEST / 2).collect();
    format!("{head}… #{:032x}", xxhash_rust::xxh3::xxh3_128(name.as_bytes()))
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.op {
            Op::Add => "spotmill_add",
            Op::Subtract => "spotmill_subtract",
            Op::Multiply => "spotmill_multiply",
            Op::Divide => "spotmill_divide",
            Op::IntegerDivide => "spotmill_integer_divide",
            Op::Modulo => "spotmill_modulo",
        }
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(format!("{} {} {}", args[0], self.op.symbol(), args[1]))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(bounded(format!("({} {} {})", args[0].schema_name(), self.op.symbol(), args[1].schema_name())))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = types else { return plan_err!("`{}` takes two operands", self.op.symbol()) };
        let (left, right) = operands(self.op, left, right)?;
        Ok(vec![left, right])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [left, right] = types else { return plan_err!("`{}` takes two operands", self.op.symbol()) };
        let (left, right) = operands(self.op, left, right)?;
        result(self.op, &left, &right)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ScalarFunctionArgs { args, arg_fields: _, number_rows: _, return_field, config_options: _ } = args;
        let [left, right] = args.as_slice() else {
            return exec_err!("`{}` takes two operands", self.op.symbol());
        };
        let (left, right) = (Operand::new(left)?, Operand::new(right)?);
        constants::made(compute(self.op, &left, &right, return_field.data_type())?, &args)
    }
}

/// A column, or one value for all rows.
enum Operand {
    Array(ArrayRef),
    Scalar(Scalar<ArrayRef>),
}

impl Operand {
    fn new(value: &ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Array(array) => Self::Array(array.clone()),
            ColumnarValue::Scalar(value) => Self::Scalar(value.to_scalar()?),
        })
    }

    fn datum(&self) -> &dyn Datum {
        match self {
            Self::Array(array) => array,
            Self::Scalar(scalar) => scalar,
        }
    }

    fn cast(&self, ty: &DataType) -> Result<Self> {
        let options = CastOptions { safe: false, ..Default::default() };
        Ok(match self {
            Self::Array(array) => Self::Array(nearest::cast(array, ty, &options)?),
            Self::Scalar(scalar) => Self::Scalar(Scalar::new(nearest::cast(scalar.get().0, ty, &options)?)),
        })
    }

    fn values(&self) -> &dyn Array {
        self.datum().get().0
    }
}

fn compute(op: Op, left: &Operand, right: &Operand, ty: &DataType) -> Result<ArrayRef> {
    let (l, r) = (left.datum(), right.datum());
    let out = match op {
        Op::Add if is_days(left) => days(left, right, 1)?,
        Op::Subtract if is_days(left) && kind(right.values().data_type()) == Kind::Integer => days(left, right, -1)?,
        Op::Subtract if is_days(left) && is_days(right) => {
            let (l, r) = (left.cast(&DataType::Int32)?, right.cast(&DataType::Int32)?);
            numeric::sub(l.cast(&DataType::Int64)?.datum(), r.cast(&DataType::Int64)?.datum())?
        }
        Op::Add => numeric::add(l, r)?,
        Op::Subtract => numeric::sub(l, r)?,
        Op::Multiply => numeric::mul(l, r)?,
        Op::Divide => numeric::div(l, r)?,
        Op::IntegerDivide => numeric::div(l, r).map_err(|e| by_zero(op, e))?,
        Op::Modulo => modulo(left, right)?,
    };
    match (out.data_type(), ty) {
        (DataType::Decimal128(..), DataType::Decimal128(precision, scale)) => fitted(&out, *precision, *scale),
        (found, wanted) if found == wanted => Ok(out),
        _ => Ok(cast_with_options(&out, ty, &CastOptions { safe: false, ..Default::default() })?),
    }
}

/// The remainder has the sign of the dividend.
fn modulo(left: &Operand, right: &Operand) -> Result<ArrayRef> {
    // The one quotient that does not fit has the remainder 0, but the kernel calls it an overflow.
    if right.values().data_type() == &DataType::Int64 {
        let divisors = right.values().as_primitive::<Int64Type>();
        if divisors.iter().any(|v| v == Some(-1)) {
            let positive: PrimitiveArray<Int64Type> = divisors.unary(|v| if v == -1 { 1 } else { v });
            let positive: ArrayRef = Arc::new(positive);
            let positive = match right {
                Operand::Array(_) => Operand::Array(positive),
                Operand::Scalar(_) => Operand::Scalar(Scalar::new(positive)),
            };
            return modulo(left, &positive);
        }
    }
    Ok(numeric::rem(left.datum(), right.datum()).map_err(|e| by_zero(Op::Modulo, e))?)
}

fn by_zero(op: Op, error: ArrowError) -> ArrowError {
    match error {
        ArrowError::DivideByZero => {
            let text = format!("division by zero in `{}`: write NULLIF(divisor, 0) to get NULL", op.symbol());
            ArrowError::ComputeError(text)
        }
        other => other,
    }
}

fn is_days(operand: &Operand) -> bool {
    operand.values().data_type() == &DataType::Date32
}

/// A date and a number of days.
fn days(date: &Operand, count: &Operand, sign: i64) -> Result<ArrayRef> {
    let date = date.cast(&DataType::Int32)?.cast(&DataType::Int64)?;
    let moved = match sign {
        1 => numeric::add(date.datum(), count.datum())?,
        _ => numeric::sub(date.datum(), count.datum())?,
    };
    let options = CastOptions { safe: false, ..Default::default() };
    let narrow = cast_with_options(&moved, &DataType::Int32, &options)?;
    Ok(Arc::new(narrow.as_primitive::<arrow::datatypes::Int32Type>().reinterpret_cast::<Date32Type>()))
}

/// Holds a decimal to its type: the kernel checks 128 bits, not digits.
fn fitted(out: &ArrayRef, precision: u8, scale: i8) -> Result<ArrayRef> {
    let decimals = out.as_primitive::<Decimal128Type>();
    if decimals.scale() != scale {
        return exec_err!("a decimal of scale {} where {scale} was planned", decimals.scale());
    }
    decimals.validate_decimal_precision(precision)?;
    Ok(Arc::new(decimals.clone().with_precision_and_scale(precision, scale)?))
}

/// The types that both operands are brought to.
fn operands(op: Op, left: &DataType, right: &DataType) -> Result<(DataType, DataType)> {
    use DataType::{Date32, Float32, Float64, Int64, Interval};
    let (left, right) = match (left, right) {
        (DataType::Null, DataType::Null) => (&Int64, &Int64),
        (DataType::Null, other) | (other, DataType::Null) if kind(other) != Kind::Interval => (other, other),
        both => both,
    };
    let month_day_nano = Interval(IntervalUnit::MonthDayNano);
    let micros = |ty: &DataType| match ty {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    };
    Ok(match (op, kind(left), kind(right)) {
        (Op::IntegerDivide, Kind::Integer, Kind::Integer) => (Int64, Int64),
        (Op::IntegerDivide, _, _) => return refused(op, left, right),
        (Op::Divide, l, r) if l.is_number() && r.is_number() => match (left, right) {
            (Float32, Float32) => (Float32, Float32),
            _ => (Float64, Float64),
        },
        (_, Kind::Integer, Kind::Integer) => (Int64, Int64),
        (_, Kind::Decimal | Kind::Integer, Kind::Decimal | Kind::Integer) => (decimal_of(left), decimal_of(right)),
        (_, Kind::Float, Kind::Float) if left == right => (left.clone(), right.clone()),
        (_, l, r) if l.is_number() && r.is_number() => match (left, right) {
            (Float32, other) | (other, Float32) if !matches!(other, Float64) => (Float32, Float32),
            _ => (Float64, Float64),
        },
        (Op::Add | Op::Subtract, Kind::Date, Kind::Integer) => (Date32, Int64),
        (Op::Subtract, Kind::Date, Kind::Date) => (Date32, Date32),
        (Op::Add | Op::Subtract, Kind::Date, Kind::Interval) => {
            (DataType::Timestamp(TimeUnit::Microsecond, None), month_day_nano)
        }
        (Op::Add | Op::Subtract, Kind::Timestamp, Kind::Interval) => (micros(left), month_day_nano),
        (Op::Subtract, Kind::Timestamp | Kind::Date, Kind::Timestamp | Kind::Date) => {
            let zone = match (left, right) {
                (DataType::Timestamp(_, zone), DataType::Timestamp(_, other)) if zone == other => zone.clone(),
                (DataType::Timestamp(_, zone), Date32) | (Date32, DataType::Timestamp(_, zone)) => zone.clone(),
                _ => return refused(op, left, right),
            };
            let ty = DataType::Timestamp(TimeUnit::Microsecond, zone);
            (ty.clone(), ty)
        }
        (Op::Add | Op::Subtract, Kind::Interval, Kind::Interval) => (month_day_nano.clone(), month_day_nano),
        _ => return refused(op, left, right),
    })
}

fn refused<T>(op: Op, left: &DataType, right: &DataType) -> Result<T> {
    let (l, r) = (super::kinds::word(left), super::kinds::word(right));
    plan_err!("`{}` takes no {l} and {r}: CAST one of them", op.symbol())
}

fn result(op: Op, left: &DataType, right: &DataType) -> Result<DataType> {
    use DataType::{Date32, Decimal128, Duration, Int64, Timestamp};
    Ok(match (left, right) {
        (Decimal128(p1, s1), Decimal128(p2, s2)) => decimal_result(op, (*p1, *s1), (*p2, *s2))?,
        (Date32, Date32) => Int64,
        (Timestamp(unit, _), Timestamp(..)) => Duration(*unit),
        _ => left.clone(),
    })
}

/// As DuckDB: the digits that the result may need, at most 38; past them a value is an error.
fn decimal_result(op: Op, (p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> Result<DataType> {
    let whole = (p1 as i8 - s1).max(p2 as i8 - s2);
    let (precision, scale) = match op {
        Op::Multiply => (i16::from(p1) + i16::from(p2), i16::from(s1) + i16::from(s2)),
        Op::Modulo => ((p1 as i8 - s1).min(p2 as i8 - s2) as i16 + i16::from(s1.max(s2)), i16::from(s1.max(s2))),
        _ => (i16::from(whole) + i16::from(s1.max(s2)) + 1, i16::from(s1.max(s2))),
    };
    let most = i16::from(DECIMAL128_MAX_PRECISION);
    if scale > most {
        return plan_err!(
            "`{}` of these decimals has {scale} digits after the point, more than {most}: CAST one of them to fewer",
            op.symbol()
        );
    }
    // A remainder may need the digits of either operand.
    let precision = if op == Op::Modulo { i16::from(p1.max(p2)).max(precision) } else { precision };
    Ok(DataType::Decimal128(precision.clamp(scale.max(1), most) as u8, scale as i8))
}
