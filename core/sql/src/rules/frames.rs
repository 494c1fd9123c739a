//! Frames of windows by RANGE: an offset is a distance between values of the one key of ORDER BY. Of keys with fewer
//! digits than the offset the rest of its digits decides nothing, and rounding them would let other rows in.

use crate::functions::cast::Conversion;
use crate::functions::kinds::{Kind, kind, word};
use crate::rules::last::at;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::expr::WindowFunction;
use datafusion_expr::{Expr, ExprSchemable, WindowFrameBound, WindowFrameUnits};

/// The call with offsets that the key can have, or why there are none.
pub fn exact(mut call: WindowFunction, schema: &DFSchema) -> Result<WindowFunction> {
    let frame = &call.params.window_frame;
    if let (WindowFrameBound::Following(_), WindowFrameBound::Preceding(_) | WindowFrameBound::CurrentRow)
    | (WindowFrameBound::CurrentRow, WindowFrameBound::Preceding(_)) = (&frame.start_bound, &frame.end_bound)
    {
        let message = "a frame ends where it begins or later: exchange its bounds".to_owned();
        return Err(at(&Expr::WindowFunction(Box::new(call)), message));
    }
    if frame.units != WindowFrameUnits::Range || !(moves(&frame.start_bound) || moves(&frame.end_bound)) {
        return Ok(call);
    }
    let [key] = call.params.order_by.as_slice() else { return Ok(call) };
    let ty = key.expr.get_type(schema)?;
    let digits = match (kind(&ty), &ty) {
        (Kind::Integer, _) => 0,
        (Kind::Decimal, DataType::Decimal128(_, scale)) => usize::try_from(*scale).unwrap_or(0),
        (Kind::Date | Kind::Timestamp, _) if counts(&frame.start_bound) || counts(&frame.end_bound) => {
            let message = "RANGE moves a time by an INTERVAL: write INTERVAL '1 day'".to_owned();
            return Err(at(&Expr::WindowFunction(Box::new(call)), message));
        }
        (Kind::Decimal | Kind::Float | Kind::Date | Kind::Timestamp | Kind::Null, _) => return Ok(call),
        _ => {
            let message =
                format!("RANGE cannot move a key of type {}: write ROWS, or order by a number or a time", word(&ty));
            return Err(at(&Expr::WindowFunction(Box::new(call)), message));
        }
    };
    if let DataType::Decimal128(precision, scale) = ty {
        let most = [&frame.start_bound, &frame.end_bound].into_iter().map(whole_digits).max().unwrap_or(0);
        let needed = u8::try_from(digits + most + 1).unwrap_or(u8::MAX);
        if needed > DECIMAL128_MAX_PRECISION {
            let message = "the offset of RANGE has more digits than its key can have: write UNBOUNDED".to_owned();
            return Err(at(&Expr::WindowFunction(Box::new(call)), message));
        }
        if needed > precision {
            // Room for the key and its offset: what is cast is the same number.
            let wide = DataType::Decimal128(needed, scale);
            let narrow = call.params.order_by[0].expr.clone();
            call.params.order_by[0].expr = Conversion::call(narrow, wide, false);
        }
    }
    let frame = &mut call.params.window_frame;
    for bound in [&mut frame.start_bound, &mut frame.end_bound] {
        *bound = cut(bound.clone(), digits);
    }
    Ok(call)
}

/// Whether the bound is an offset; one without a bound is NULL.
fn moves(bound: &WindowFrameBound) -> bool {
    match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => !value.is_null(),
        WindowFrameBound::CurrentRow => false,
    }
}

/// Whether the bound is a number and no interval.
fn counts(bound: &WindowFrameBound) -> bool {
    let number = |value: &ScalarValue| value.try_as_str().flatten().is_some_and(|text| text.parse::<f64>().is_ok());
    match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => number(value),
        WindowFrameBound::CurrentRow => false,
    }
}

/// Of an offset, before its point and without leading zeros.
fn whole_digits(bound: &WindowFrameBound) -> usize {
    let text = match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => value.try_as_str().flatten(),
        WindowFrameBound::CurrentRow => None,
    };
    text.and_then(|text| text.split('.').next()).map_or(0, |whole| whole.trim_start_matches('0').len())
}

/// The bound without digits after the point past so many.
fn cut(bound: WindowFrameBound, digits: usize) -> WindowFrameBound {
    let shortened = |value: ScalarValue| match value.try_as_str() {
        Some(Some(text)) => ScalarValue::Utf8(Some(shortened(text, digits))),
        _ => value,
    };
    match bound {
        WindowFrameBound::Preceding(value) => WindowFrameBound::Preceding(shortened(value)),
        WindowFrameBound::Following(value) => WindowFrameBound::Following(shortened(value)),
        WindowFrameBound::CurrentRow => WindowFrameBound::CurrentRow,
    }
}

fn shortened(text: &str, digits: usize) -> String {
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) if is_number(whole) && is_number(fraction) => {
            let whole = if whole.is_empty() { "0" } else { whole };
            match fraction.get(..digits.min(fraction.len())) {
                Some("") | None => whole.to_owned(),
                Some(kept) => format!("{whole}.{kept}"),
            }
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn an_offset_loses_the_digits_that_its_key_does_not_have() {
        let check =
            |text: &str, digits: usize, want: &str| assert_eq!(shortened(text, digits), want, "{text} {digits}");
        check("0.749", 2, "0.74");
        check("0.7", 2, "0.7");
        check("1.5", 0, "1");
        check(".5", 0, "0");
        check("3", 2, "3");
        check("1 day", 0, "1 day");
    }
}
