//! Numbers whose answer DataFusion refuses or gives otherwise.

use super::super::rowwise::{Made, RowWise, Step, Takes, Value};
use super::{INTEGER, Named, shape, unexpected};
use arrow::datatypes::DataType;
use datafusion_common::Result;

use Takes::{Integer, Number};

pub fn all() -> Vec<Named> {
    let of_number = |name: &'static [&'static str], returns: DataType, step: fn() -> Step| {
        (name, RowWise::function(name[0], vec![shape(&[Number], returns, step)]))
    };
    vec![
        of_number(&["sqrt"], DataType::Float64, || Box::new(|row| number(row, f64::sqrt))),
        of_number(&["asinh"], DataType::Float64, || Box::new(|row| number(row, asinh))),
        of_number(&["acosh"], DataType::Float64, || Box::new(|row| number(row, acosh))),
        of_number(&["even"], DataType::Float64, || Box::new(|row| number(row, even))),
        of_number(&["sign"], DataType::Int8, || Box::new(sign)),
        of_number(&["isinf"], DataType::Boolean, || Box::new(|row| test(row, f64::is_infinite))),
        of_number(&["isfinite"], DataType::Boolean, || Box::new(|row| test(row, f64::is_finite))),
        (&["xor"], RowWise::function("xor", vec![shape(&[Integer, Integer], INTEGER, || Box::new(xor))])),
    ]
}

fn number(row: &[Value<'_>], of: impl Fn(f64) -> f64) -> Result<Made> {
    let [Value::Number(x)] = row else { return unexpected(row) };
    Ok(Made::Number(of(*x)))
}

fn test(row: &[Value<'_>], holds: impl Fn(f64) -> bool) -> Result<Made> {
    let [Value::Number(x)] = row else { return unexpected(row) };
    Ok(Made::Bool(holds(*x)))
}

/// Above this the square of a number is infinite, and its root the number itself.
const LARGE: f64 = 1e150;

fn asinh(x: f64) -> f64 {
    match x.abs() > LARGE {
        true => (x.abs().ln() + std::f64::consts::LN_2).copysign(x),
        false => x.asinh(),
    }
}

fn acosh(x: f64) -> f64 {
    if x > LARGE { x.ln() + std::f64::consts::LN_2 } else { x.acosh() }
}

/// The next even number away from zero.
fn even(x: f64) -> f64 {
    let up = x.abs().ceil();
    let even = if up % 2.0 == 0.0 { up } else { up + 1.0 };
    if x < 0.0 { -even } else { even }
}

/// NaN is neither above nor below zero.
fn sign(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Number(x)] = row else { return unexpected(row) };
    Ok(Made::Integer(i64::from(*x > 0.0) - i64::from(*x < 0.0)))
}

fn xor(row: &[Value<'_>]) -> Result<Made> {
    let [Value::Integer(a), Value::Integer(b)] = row else { return unexpected(row) };
    Ok(Made::Integer(a ^ b))
}
