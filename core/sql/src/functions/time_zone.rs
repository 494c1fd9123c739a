//! `AT TIME ZONE`: what a clock in a zone shows at an instant, and the instant at which it shows a time. A time that the
//! clocks skip or show twice is read by the offset before the change, as PostgreSQL and DuckDB do.

use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Duration, NaiveDateTime, Offset, TimeZone};
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

pub const NAME: &str = "spotmill_at_time_zone";

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct AtTimeZone {
    signature: Signature,
}

impl Default for AtTimeZone {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for AtTimeZone {
    fn name(&self) -> &str {
        NAME
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(format!("{} AT TIME ZONE {}", args[0], args[1]))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Timestamp(_, zone), text] if text.is_string() => {
                Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, zone.clone()), DataType::Utf8View])
            }
            [DataType::Date32, text] if text.is_string() => {
                Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Utf8View])
            }
            _ => plan_err!("AT TIME ZONE takes a timestamp and the name of a zone: CAST the value to TIMESTAMP"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let zone = match types.first() {
            Some(DataType::Timestamp(_, Some(_))) => None,
            _ => Some("UTC".into()),
        };
        Ok(DataType::Timestamp(TimeUnit::Microsecond, zone))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, ColumnarValue::Scalar(zone)] = args.args.as_slice() else {
            return exec_err!("AT TIME ZONE takes the name of a zone as a literal");
        };
        let (ScalarValue::Utf8View(Some(name)) | ScalarValue::Utf8(Some(name))) = zone else {
            return exec_err!("AT TIME ZONE takes the name of a zone");
        };
        let Ok(zone) = name.parse::<Tz>() else {
            return exec_err!("there is no time zone `{name}`: write one such as 'America/New_York' or '+01:00'");
        };
        let array = value.to_array(args.number_rows.max(1))?;
        let out = shift(&array, &zone)?;
        match value {
            ColumnarValue::Scalar(_) => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?)),
            ColumnarValue::Array(_) => Ok(ColumnarValue::Array(out)),
        }
    }
}

fn shift(array: &ArrayRef, zone: &Tz) -> Result<ArrayRef> {
    let instant = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    let micros: &PrimitiveArray<TimestampMicrosecondType> = array.as_primitive();
    let moved = micros.try_unary::<_, TimestampMicrosecondType, _>(|at| {
        let time = DateTime::from_timestamp_micros(at).map(|t| t.naive_utc());
        let moved = time.and_then(|t| if instant { local(t, zone) } else { utc(t, zone) });
        moved
            .map(|t| t.and_utc().timestamp_micros())
            .ok_or_else(|| arrow::error::ArrowError::ComputeError(format!("the time {at} µs has no place in the zone")))
    })?;
    let zone = (!instant).then(|| Arc::from("UTC"));
    Ok(Arc::new(moved.with_timezone_opt(zone)))
}

fn local(instant: NaiveDateTime, zone: &Tz) -> Option<NaiveDateTime> {
    let offset = zone.offset_from_utc_datetime(&instant).fix().local_minus_utc();
    instant.checked_add_signed(Duration::seconds(offset.into()))
}

/// The instant at which a clock in the zone shows the time.
pub fn utc(time: NaiveDateTime, zone: &Tz) -> Option<NaiveDateTime> {
    let offset = match zone.offset_from_local_datetime(&time) {
        chrono::LocalResult::Single(offset) | chrono::LocalResult::Ambiguous(offset, _) => offset,
        // Skipped: by the offset of three hours before.
        chrono::LocalResult::None => {
            let before = time.checked_sub_signed(Duration::hours(3))?;
            zone.offset_from_local_datetime(&before).earliest()?
        }
    };
    time.checked_sub_signed(Duration::seconds(offset.fix().local_minus_utc().into()))
}
