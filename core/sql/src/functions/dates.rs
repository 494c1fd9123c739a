//! `date_part` and `date_trunc`: every part that DuckDB has, over every year that a timestamp has. DataFusion's own go
//! by nanoseconds, which end in 1677 and 2262.

use super::clock::{DAY, Part, SECOND, julian, micros, moment_at};
use super::constants;
use super::kinds::{Kind, kind, word};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion_common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

const UNZONED: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct DatePart {
    signature: Signature,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct DateTrunc {
    signature: Signature,
}

impl Default for DatePart {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl Default for DateTrunc {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

/// The types of a part's name and of a time; intervals only where they have parts.
fn coerced(name: &str, types: &[DataType], intervals: bool) -> Result<Vec<DataType>> {
    let [part, time] = types else { return plan_err!("{name} takes the name of a part and a time") };
    let time = match (kind(time), time) {
        (Kind::Timestamp, DataType::Timestamp(_, zone)) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        (Kind::Date, _) => DataType::Date32,
        // A text passes only as a literal.
        (Kind::Null | Kind::Text, _) => UNZONED,
        (_, DataType::Duration(_)) if intervals => DataType::Duration(TimeUnit::Microsecond),
        _ => return plan_err!("{name} takes a date or a timestamp, not {}: CAST it", word(time)),
    };
    if !matches!(kind(part), Kind::Text | Kind::Null) {
        return plan_err!("{name} takes the name of a part as text, not {}", word(part));
    }
    Ok(vec![part.clone(), time])
}

/// The part that a literal names.
fn literal_part(name: &str, value: Option<&ScalarValue>) -> Result<Option<Part>> {
    match value.map(ScalarValue::try_as_str) {
        Some(Some(Some(text))) => Part::named(text).map(Some),
        Some(Some(None)) => Ok(None),
        _ => plan_err!("{name} takes the name of the part as a literal: write one such as 'year'"),
    }
}

fn times(array: &ArrayRef) -> Result<PrimitiveArray<TimestampMicrosecondType>> {
    let array = match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.clone(),
        _ => cast(array, &UNZONED)?,
    };
    Ok(array.as_primitive::<TimestampMicrosecondType>().clone())
}

/// A part of what lies between two timestamps: whole days, and hours, minutes and seconds of the rest.
fn between(array: &ArrayRef, part: Part) -> Result<ArrayRef> {
    let array = cast(&cast(array, &DataType::Duration(TimeUnit::Microsecond))?, &DataType::Int64)?;
    let micros = array.as_primitive::<Int64Type>();
    let (of, unit) = match part {
        Part::Epoch => return Ok(Arc::new(micros.unary::<_, Float64Type>(|at| at as f64 / SECOND as f64))),
        Part::Day => (i64::MAX, DAY),
        Part::Hour => (DAY, 3600 * SECOND),
        Part::Minute => (3600 * SECOND, 60 * SECOND),
        Part::Second => (60 * SECOND, SECOND),
        Part::Millisecond => (60 * SECOND, 1000),
        Part::Microsecond => (60 * SECOND, 1),
        _ => return exec_err!("the time between two timestamps has days, hours, minutes, seconds, and an epoch"),
    };
    Ok(Arc::new(micros.unary::<_, Int64Type>(|at| at % of / unit)))
}

/// What the function makes of an array, of a constant too.
fn over(value: &ColumnarValue, make: impl Fn(&ArrayRef) -> Result<ArrayRef>) -> Result<ColumnarValue> {
    constants::made(make(&value.to_array(1)?)?, [value])
}

fn first_literal(args: &[ColumnarValue]) -> Option<&ScalarValue> {
    match args.first() {
        Some(ColumnarValue::Scalar(value)) => Some(value),
        _ => None,
    }
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        "date_part"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerced(self.name(), types, true)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("date_part's type depends on the part")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let part = literal_part(self.name(), args.scalar_arguments.first().copied().flatten())?;
        let ty = if part.is_some_and(Part::is_float) { DataType::Float64 } else { DataType::Int64 };
        Ok(Arc::new(Field::new(self.name(), ty, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let part = literal_part(self.name(), first_literal(&args.args))?;
        let Some(value) = args.args.get(1) else { return exec_err!("date_part takes two arguments") };
        let Some(part) = part else {
            return over(value, |a| Ok(arrow::array::new_null_array(&DataType::Int64, a.len())));
        };
        if let DataType::Duration(_) = value.data_type() {
            return over(value, |array| between(array, part));
        }
        over(value, |array| {
            let times = times(array)?;
            Ok(match part {
                Part::Epoch => Arc::new(times.unary::<_, Float64Type>(|at| at as f64 / SECOND as f64)) as ArrayRef,
                Part::Julian => Arc::new(Float64Array::from_iter(times.iter().map(|at| at.map(julian)))),
                part => {
                    let of = |at: Option<i64>| at.map(|at| moment_at(at).map(|t| part.of(&t))).transpose();
                    Arc::new(times.iter().map(of).collect::<Result<Int64Array>>()?)
                }
            })
        })
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerced(self.name(), types, false)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types.get(1) {
            Some(DataType::Timestamp(_, zone)) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            _ => UNZONED,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let part = literal_part(self.name(), first_literal(&args.args))?;
        let Some(value) = args.args.get(1) else { return exec_err!("date_trunc takes two arguments") };
        over(value, |array| {
            let times = times(array)?;
            let zone = times.timezone().map(Arc::from);
            let Some(part) = part else { return Ok(arrow::array::new_null_array(times.data_type(), times.len())) };
            if part.start(&moment_at(0)?).is_none() {
                return exec_err!("nothing is truncated to `{part:?}`: write year, month, day, hour and the like");
            }
            let start = |at: i64| {
                let start = part.start(&moment_at(at)?).map(|t| micros(&t));
                start.ok_or_else(|| exec_datafusion_err!("the start of the {part:?} is out of range"))
            };
            let made = times.iter().map(|at| at.map(start).transpose());
            let made = made.collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?;
            Ok(Arc::new(made.with_timezone_opt(zone)) as ArrayRef)
        })
    }
}
