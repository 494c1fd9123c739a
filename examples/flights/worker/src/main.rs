//! The flights pipeline's own worker: one function for its SQL and one transform.

use serde::Deserialize;
use spotmill_worker::polars::prelude::*;
use spotmill_worker::{TransformContext, TransformResult, Worker};
use std::process::ExitCode;

fn main() -> ExitCode {
    Worker::new()
        .version("1")
        .udf("minute_of_day", |hhmm: i16| hhmm / 100 * 60 + hhmm % 100) // NULL in, NULL out
        .transform("daily_summary", daily_summary)
        .main()
}

/// `with = { decimals = 1 }`
#[derive(Deserialize)]
struct With {
    decimals: u32,
}

/// The day in one row, from the rows of its routes. Sums merge; the average is taken last.
fn daily_summary(context: TransformContext) -> TransformResult {
    let With { decimals } = context.with_as()?;
    let total = |name: &str| col(name).sum();
    let average = total("arr_delay_sum").cast(DataType::Float64) / total("arr_known").cast(DataType::Float64);
    Ok(context.input.group_by([col("flight_date")]).agg([
        total("flights").alias("flights"),
        total("cancelled").alias("cancelled"),
        total("late").alias("late"),
        average.round(decimals, RoundMode::HalfAwayFromZero).alias("avg_arr_delay"),
    ]))
}
