//! `CAST` and `TRY_CAST` as the user writes them. A value that the type does not hold is an error that shows it, or
//! NULL under TRY_CAST. Conversions that the planner adds by itself stay DataFusion's own `Cast`: those lose nothing.

use super::kinds::{Kind, kind, word};
use super::{constants, from_text, nearest};
use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::expr::{Cast, ScalarFunction};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// A conversion that somebody asked for.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Conversion {
    pub to: DataType,
    /// NULL in place of an error.
    pub lenient: bool,
    signature: Signature,
}

impl Conversion {
    pub fn call(expr: Expr, to: DataType, lenient: bool) -> Expr {
        let function = Self { to, lenient, signature: Signature::any(1, Volatility::Immutable) };
        Arc::new(ScalarUDF::from(function)).call(vec![expr])
    }
}

/// A conversion between its parse and its plan, with an expression of its type: the planner's own `Cast` has no name, and two
/// expressions that differ only in it would be one column.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Written {
    lenient: bool,
    signature: Signature,
}

impl Written {
    pub const CAST: &str = "spotmill_written_cast";
    pub const TRY_CAST: &str = "spotmill_written_try_cast";

    /// Both forms.
    pub fn all() -> [Arc<ScalarUDF>; 2] {
        let of = |lenient| Self { lenient, signature: Signature::any(2, Volatility::Immutable) };
        [Arc::new(ScalarUDF::from(of(false))), Arc::new(ScalarUDF::from(of(true)))]
    }

    /// The conversion that a call stands for.
    pub fn planned(call: &ScalarFunction) -> Option<Expr> {
        let written = call.func.inner().downcast_ref::<Self>()?;
        let [expr, ty] = call.args.as_slice() else { return None };
        Some(Conversion::call(expr.clone(), Self::to(ty)?, written.lenient))
    }

    fn to(ty: &Expr) -> Option<DataType> {
        match ty {
            Expr::Cast(Cast { field, .. }) => Some(field.data_type().clone()),
            Expr::ScalarFunction(call) => call.func.inner().downcast_ref::<Conversion>().map(|c| c.to.clone()),
            Expr::Literal(value, _) => Some(value.data_type()),
            _ => None,
        }
    }
}

impl ScalarUDFImpl for Written {
    fn name(&self) -> &str {
        if self.lenient { Self::TRY_CAST } else { Self::CAST }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let to = Self::to(&args[1]).map_or_else(|| args[1].to_string(), |ty| word(&ty));
        let word_of = if self.lenient { "TRY_CAST" } else { "CAST" };
        Ok(format!("{word_of}({} AS {to})", args[0].schema_name()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [from, to] = types else { return plan_err!("CAST takes a value and a type") };
        match convertible(from, to) {
            true => Ok(to.clone()),
            false => no_conversion(from, to),
        }
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("a CAST was not planned")
    }
}

impl ScalarUDFImpl for Conversion {
    fn name(&self) -> &str {
        if self.lenient { "spotmill_try_cast" } else { "spotmill_cast" }
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let word_of = if self.lenient { "TRY_CAST" } else { "CAST" };
        Ok(format!("{word_of}({} AS {})", args[0], word(&self.to)))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(format!("{}({} AS {})", self.name(), args[0].schema_name(), self.to))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if let [from] = types
            && !convertible(from, &self.to)
        {
            return no_conversion(from, &self.to);
        }
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [value] => {
                let out = convert(&value.to_array(1)?, &self.to, self.lenient)?;
                constants::made(out, &args.args)
            }
            _ => exec_err!("CAST takes one argument"),
        }
    }
}

fn no_conversion<T>(from: &DataType, to: &DataType) -> Result<T> {
    let instead = match (kind(from), kind(to)) {
        (Kind::Integer, Kind::Date) => "write DATE '1970-01-01' + x",
        (Kind::Integer, Kind::Timestamp) => "use make_timestamp(x) or to_timestamp(x)",
        (Kind::Date | Kind::Timestamp, k) if k.is_number() => "use epoch(x), or x - DATE '1970-01-01' for days",
        _ => "use a function that makes one of the other",
    };
    plan_err!("there is no conversion from {} to {}: {instead}", word(from), word(to))
}

fn convertible(from: &DataType, to: &DataType) -> bool {
    use Kind::{Binary, Bool, Date, Interval, Null, Text, Timestamp};
    match (kind(from), kind(to)) {
        _ if from == to => true,
        (Null | Text, Kind::Other | Binary) => from == &DataType::Null,
        (Null, _) => true,
        (Kind::Other | Binary, _) | (_, Kind::Other | Binary) => false,
        (Text, _) | (_, Text) => true,
        (f, t) if f.is_number() && t.is_number() => true,
        (Bool, t) => t.is_number(),
        (f, Bool) => f.is_number(),
        (Date | Timestamp, Date | Timestamp) => true,
        (Interval, Kind::Integer) => matches!(from, DataType::Duration(_)),
        _ => false,
    }
}

/// The array as the type.
pub fn convert(array: &ArrayRef, to: &DataType, lenient: bool) -> Result<ArrayRef> {
    let from = array.data_type();
    let options = CastOptions { safe: lenient, format_options: FormatOptions::default() };
    let cast = |array: &ArrayRef| nearest::cast(array, to, &options);
    let out = match (kind(from), kind(to)) {
        _ if from == to => return Ok(array.clone()),
        (Kind::Float, Kind::Integer) => cast(&whole(array)?),
        (Kind::Decimal, Kind::Integer) => {
            let DataType::Decimal128(precision, scale) = from else { return exec_err!("unexpected decimal") };
            let digits = (*precision as i8 - scale + 1).clamp(1, 38) as u8;
            let whole = cast_with_options(array, &DataType::Decimal128(digits, 0), &options)?;
            cast(&whole)
        }
        (Kind::Float, Kind::Text) => {
            return cast_with_options(&text_of_floats(array), to, &options).map_err(Into::into);
        }
        (Kind::Text, Kind::Text) => cast(array),
        (Kind::Text, _) => from_text::read(array, to, lenient),
        (Kind::Timestamp, Kind::Text) => return text_of_times(array),
        (Kind::Timestamp, Kind::Date) => cast(&in_micros(array)?),
        (Kind::Interval, Kind::Integer) => {
            let micros = cast_with_options(array, &DataType::Duration(TimeUnit::Microsecond), &options)?;
            let micros = cast_with_options(&micros, &DataType::Int64, &options)?;
            cast(&micros)
        }
        (Kind::Bool, Kind::Decimal) => {
            let whole = cast_with_options(array, &DataType::Int8, &options)?;
            cast(&whole)
        }
        (Kind::Decimal, Kind::Bool) => {
            let float = cast_with_options(array, &DataType::Float64, &options)?;
            cast(&float)
        }
        _ => cast(array),
    };
    out.or_else(|error| shown(array, to, &error.to_string()))
}

/// Halves go to the even neighbour, as in DuckDB.
fn whole(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Float32 => {
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::round_ties_even))
        }
        _ => Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even)),
    })
}

/// The fewest digits that restore the number; with an exponent below 1e-4 and from 1e16, as DuckDB and Python do.
fn text_of_floats(array: &ArrayRef) -> ArrayRef {
    let texts: StringViewArray = match array.data_type() {
        DataType::Float32 => array
            .as_primitive::<Float32Type>()
            .iter()
            .map(|v| v.map(|v| float_text(v.into(), format!("{v:e}"))))
            .collect(),
        _ => array.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| float_text(v, format!("{v:e}")))).collect(),
    };
    Arc::new(texts)
}

/// The number as text, from its shortest digits in scientific notation (`-1.5e-7`).
fn float_text(value: f64, scientific: String) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".to_owned() } else { scientific };
    }
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let Ok(exponent) = exponent.parse::<i32>() else { return scientific };
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let digits = digits.replace('.', "");
    let text = match usize::try_from(exponent) {
        Ok(whole) if digits.len() > whole + 1 => format!("{}.{}", &digits[..=whole], &digits[whole + 1..]),
        Ok(whole) => format!("{digits}{}.0", "0".repeat(whole + 1 - digits.len())),
        Err(_) => format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
    };
    format!("{sign}{text}")
}

fn in_micros(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.clone(),
        DataType::Timestamp(_, zone) => {
            let ty = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            cast_with_options(array, &ty, &CastOptions { safe: false, ..Default::default() })?
        }
        other => return exec_err!("{other} is no timestamp"),
    })
}

/// `2024-03-10 07:30:00.25`, and `+00` after it where the type is UTC.
fn text_of_times(array: &ArrayRef) -> Result<ArrayRef> {
    let zoned = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    let array = cast_with_options(
        &in_micros(array)?,
        &DataType::Timestamp(TimeUnit::Microsecond, None),
        &CastOptions { safe: false, ..Default::default() },
    )?;
    let format = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.6f"));
    let formatter = ArrayFormatter::try_new(&array, &format)?;
    let text = |row: usize| {
        let whole = formatter.value(row).to_string();
        let short = whole.trim_end_matches('0').trim_end_matches('.').to_owned();
        if zoned { short + "+00" } else { short }
    };
    let texts = (0..array.len()).map(|row| array.is_valid(row).then(|| text(row)));
    Ok(Arc::new(texts.collect::<StringViewArray>()))
}

/// The error, with the first value that does not fit.
fn shown(array: &ArrayRef, to: &DataType, error: &str) -> Result<ArrayRef> {
    let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())?;
    let fails = |row: &usize| array.is_valid(*row) && convert(&array.slice(*row, 1), to, false).is_err();
    let row = if array.len() == 1 { Some(0) } else { (0..array.len()).find(fails) };
    match row {
        Some(row) => exec_err!("`{}` does not fit {}: use TRY_CAST to get NULL", formatter.value(row), word(to)),
        None => exec_err!("{error}"),
    }
}
