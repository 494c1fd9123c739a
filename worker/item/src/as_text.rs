//! Columns as CSV and NDJSON hold them, so that a reader, ours among them, reads the same values: timestamps with their
//! zone, whatever stands beside them; years that ISO 8601 has; no number that JSON has not.

use crate::elementwise::elementwise;
use chrono::{DateTime, Datelike, NaiveDate};
use polars::prelude::*;
use spotmill_core::model::{Format, Layout, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The columns in their order; keys of the layout stay as they are, because files are named by them.
pub fn columns(output: &Output, schema: &Schema, lone: &LoneNull) -> Vec<Expr> {
    let keys: &[String] = match &output.layout {
        Layout::Single => &[],
        Layout::Partition { by } | Layout::Bucket { by, .. } => by,
    };
    let json = output.format == Format::Ndjson;
    let one = |(name, ty): (&PlSmallStr, &DataType)| {
        let column = col(name.clone());
        let column = match ty {
            _ if keys.iter().any(|key| key == name.as_str()) => column,
            DataType::Datetime(_, zone) => instant(column, zone.is_some()),
            DataType::Date => day(column),
            DataType::Float32 | DataType::Float64 if json => finite(column, ty.clone()),
            _ => column,
        };
        if schema.len() == 1 && !json { lone.watch(column) } else { column }
    };
    schema.iter().map(one).collect()
}

/// Whether a single column had a NULL: in CSV that would be a blank line, which is no row.
#[derive(Clone, Default)]
pub struct LoneNull(Arc<AtomicBool>);

impl LoneNull {
    pub fn seen(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn watch(&self, column: Expr) -> Expr {
        let seen = self.0.clone();
        let run = move |columns: &mut [Column]| {
            if columns[0].null_count() > 0 {
                seen.store(true, Ordering::SeqCst);
            }
            Ok(columns[0].clone())
        };
        elementwise("lone", run, |_, fields| Ok(fields[0].clone())).call(vec![column])
    }
}

fn text(
    column: Expr,
    name: &'static str,
    one: impl Fn(&Column, usize) -> PolarsResult<Option<String>> + Send + Sync + 'static,
) -> Expr {
    let run = move |columns: &mut [Column]| -> PolarsResult<Column> {
        let column = &columns[0];
        let texts = (0..column.len()).map(|i| one(column, i)).collect::<PolarsResult<StringChunked>>()?;
        Ok(texts.with_name(column.name().clone()).into_column())
    };
    let fields = |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), DataType::String));
    elementwise(name, run, fields).call(vec![column])
}

fn instant(column: Expr, zoned: bool) -> Expr {
    let zone = if zoned { "Z" } else { "" };
    text(column.to_physical(), "timestamp_text", move |column, i| {
        let Some(micros) = column.i64()?.get(i) else { return Ok(None) };
        let at = DateTime::from_timestamp_micros(micros).filter(|at| (0..=9999).contains(&at.year()));
        let at = at.ok_or_else(|| no_year(column.name()))?;
        Ok(Some(format!("{}{zone}", at.format("%Y-%m-%dT%H:%M:%S%.f"))))
    })
}

fn day(column: Expr) -> Expr {
    text(column.to_physical(), "date_text", |column, i| {
        let Some(days) = column.i32()?.get(i) else { return Ok(None) };
        let day = NaiveDate::from_epoch_days(days).filter(|day| (0..=9999).contains(&day.year()));
        let day = day.ok_or_else(|| no_year(column.name()))?;
        Ok(Some(day.format("%Y-%m-%d").to_string()))
    })
}

fn no_year(column: &PlSmallStr) -> PolarsError {
    polars_err!(ComputeError: "column `{column}` has a time whose year is not of four digits, which text has no form for; publish parquet")
}

/// The column, or an error where a value is no number.
fn finite(column: Expr, ty: DataType) -> Expr {
    let run = |columns: &mut [Column]| -> PolarsResult<Column> {
        let column = &columns[0];
        let finite = column.is_finite()?;
        if !finite.all() {
            polars_bail!(
                ComputeError: "column `{}` has NaN or an infinity, for which JSON has no number: make it NULL with CASE \
                 or NULLIF, or publish parquet", column.name()
            );
        }
        Ok(column.clone())
    };
    let fields = move |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), ty.clone()));
    elementwise("finite", run, fields).call(vec![column])
}
