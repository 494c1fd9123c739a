//! Decimals, and exact sums divided by their counts, as the nearest floats. Arrow divides a rounded integer by a rounded
//! power of ten: another number wherever one of them has more than 53 bits.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};
use arrow::error::ArrowError;
use datafusion_common::{DataFusionError, ScalarValue};
use std::sync::Arc;

/// Every integer up to this is a float64, and every one up to `EXACT_SMALL` a float32.
const EXACT: u128 = 1 << 53;
const EXACT_SMALL: u128 = 1 << 24;
/// The powers of ten that are float64s; the first eleven are float32s too.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
const SMALL_POWERS: usize = 11;
/// Digits after the point that decide which of two floats is nearer to a quotient: a half between them differs from it by
/// more than one part in 10^73, if at all.
const DIGITS: usize = 80;

/// The array as the type, as arrow does it but for decimals as floats.
pub fn cast(array: &dyn Array, to: &DataType, options: &CastOptions<'_>) -> Result<ArrayRef, ArrowError> {
    let decimals = array.as_primitive_opt::<Decimal128Type>();
    Ok(match (decimals, to) {
        (Some(decimals), DataType::Float64) => {
            let scale = decimals.scale();
            Arc::new(decimals.unary::<_, Float64Type>(|value| float(value, scale)))
        }
        (Some(decimals), DataType::Float32) => {
            let scale = decimals.scale();
            Arc::new(decimals.unary::<_, Float32Type>(|value| small_float(value, scale)))
        }
        _ => cast_with_options(array, to, options)?,
    })
}

/// A constant as the type, as the planner does it but for decimals as floats.
pub fn constant(value: &ScalarValue, to: &DataType) -> Result<ScalarValue, DataFusionError> {
    if !matches!(value, ScalarValue::Decimal128(..)) || !to.is_floating() {
        return value.cast_to(to);
    }
    let options = CastOptions { safe: false, ..Default::default() };
    ScalarValue::try_from_array(&cast(&value.to_array()?, to, &options)?, 0)
}

/// `unscaled` / 10^`scale`. Of two exact operands the processor's quotient is the nearest float; any other decimal is read
/// by its digits.
pub fn float(unscaled: i128, scale: i8) -> f64 {
    match usize::try_from(scale).ok().and_then(|scale| POWERS.get(scale)) {
        Some(power) if unscaled.unsigned_abs() <= EXACT => unscaled as f64 / power,
        _ => parsed(&format!("{unscaled}e{}", -i32::from(scale))),
    }
}

fn small_float(unscaled: i128, scale: i8) -> f32 {
    match usize::try_from(scale).ok().and_then(|scale| POWERS[..SMALL_POWERS].get(scale)) {
        Some(power) if unscaled.unsigned_abs() <= EXACT_SMALL => unscaled as f32 / *power as f32,
        _ => format!("{unscaled}e{}", -i32::from(scale)).parse().unwrap_or(f32::NAN),
    }
}

/// `sum` / `count` / 10^`scale`, rounded once. `count` is not zero.
pub fn ratio(sum: i128, count: u64, scale: i8) -> f64 {
    let power = u32::try_from(scale).ok().and_then(|scale| 10u128.checked_pow(scale));
    let divisor = power.and_then(|power| power.checked_mul(count.into()));
    if let Some(divisor) = divisor.filter(|divisor| *divisor <= EXACT)
        && sum.unsigned_abs() <= EXACT
    {
        return sum as f64 / divisor as f64;
    }
    let count = u128::from(count);
    let (mut digits, mut rest) = ((sum.unsigned_abs() / count).to_string(), sum.unsigned_abs() % count);
    for _ in 0..DIGITS {
        digits.push_str(&(rest * 10 / count).to_string());
        rest = rest * 10 % count;
    }
    // What is left makes it more than a half.
    let last = if rest > 0 { '1' } else { '0' };
    let sign = if sum < 0 { "-" } else { "" };
    parsed(&format!("{sign}{digits}{last}e{}", -(DIGITS as i32) - 1 - i32::from(scale)))
}

/// Digits with an exponent always are a number.
fn parsed(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(digits: &str) -> f64 {
        digits.parse().expect("a number")
    }

    #[test]
    fn a_decimal_is_the_float_that_its_digits_are() {
        let table: [(i128, i8, &str); 9] = [
            (31_245_270_191_439_438, 15, "31.245270191439438"),
            (-8_376_441_753_532_999_338, 6, "-8376441753532.999338"),
            (i128::MAX, 0, "170141183460469231731687303715884105727"),
            (1, 38, "1e-38"),
            (99_999_999_999_999_999_999_999_999_999_999_999_999, 38, "0.99999999999999999999999999999999999999"),
            (9_007_199_254_740_993, 0, "9007199254740993"),
            (9_007_199_254_740_993, 1, "900719925474099.3"),
            (15, -1, "150"),
            (0, 10, "0"),
        ];
        for (unscaled, scale, digits) in table {
            assert_eq!(float(unscaled, scale).to_bits(), read(digits).to_bits(), "{digits}");
            let small: f32 = digits.parse().expect("a number");
            assert_eq!(small_float(unscaled, scale).to_bits(), small.to_bits(), "{digits}");
        }
        // Both ways to read it come to the same, on both sides of what the processor divides exactly.
        let mut unscaled = 1_i128;
        for scale in (0..=38).cycle().take(10_000) {
            unscaled =
                unscaled.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> (scale % 7);
            for unscaled in [unscaled, unscaled >> 75, unscaled >> 100] {
                let digits = format!("{unscaled}e-{scale}");
                assert_eq!(float(unscaled, scale).to_bits(), read(&digits).to_bits(), "{digits}");
                let small: f32 = digits.parse().expect("a number");
                assert_eq!(small_float(unscaled, scale).to_bits(), small.to_bits(), "{digits}");
            }
        }
        assert_eq!(small_float(33_554_433, 1).to_bits(), 3_355_443.3_f32.to_bits());
    }

    #[test]
    fn an_average_is_rounded_once() {
        let table: [(i128, u64, i8, &str); 8] = [
            (10, 4, 0, "2.5"),
            (-10, 4, 1, "-0.25"),
            (1, 3, 38, "3.33333333333333333333333333333333333333e-39"),
            (2, 3, 20, "6.66666666666666666666666666666666666667e-21"),
            (-2, 3, 0, "-0.66666666666666666666666666666666666667"),
            (i128::MAX, 1, 0, "170141183460469231731687303715884105727"),
            // These lie in the middle of two floats: the even one is meant.
            (9_007_199_254_740_993, 1, 0, "9007199254740992"),
            (18_014_398_509_481_990, 2, 0, "9007199254740996"),
        ];
        for (sum, count, scale, digits) in table {
            assert_eq!(ratio(sum, count, scale).to_bits(), read(digits).to_bits(), "{sum} / {count} e-{scale}");
        }
        // A half of an integer ends in its digits.
        for sum in [31_245_270_191_439_439_i128, -8_376_441_753_532_999_338, 123_456_789_012_345_678_901_235] {
            assert_eq!(ratio(sum, 2, 0).to_bits(), read(&format!("{}e-1", sum * 5)).to_bits(), "{sum}");
        }
    }
}
