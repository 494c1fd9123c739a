//! Checks what a step promises about its output on the rows it wrote, as Parquet. `unique` is checked within the item;
//! across items it is checked where all of them are seen.

use crate::failure::{Outcome, engine_failure, transform};
use crate::functions::Functions;
use crate::loaded::scan_parquet;
use crate::sql;
use polars::prelude::*;
use spotmill_core::item::Violation;
use spotmill_core::model::Expect;
use spotmill_core::seal::expectation;
use spotmill_core::types::Column as Declared;
use std::path::PathBuf;

const COUNT: &str = "\u{1}rows";

/// Is nothing promised that the rows could break?
pub fn is_nothing(expect: &Expect) -> bool {
    expect.not_null.is_empty() && expect.unique.is_empty() && expect.check.is_empty()
}

/// Of Parquet files that hold the rows.
pub fn violations(
    expect: &Expect,
    files: &[PathBuf],
    columns: &[Declared],
    functions: &Functions,
) -> Outcome<Vec<Violation>> {
    if is_nothing(expect) || files.is_empty() {
        return Ok(Vec::new());
    }
    let frame = scan_parquet(files)?;
    let as_failure = |e: PolarsError| engine_failure(&e, "`expect`");
    let mut out = Vec::new();
    not_null(&expect.not_null, columns, &frame, &mut out)?;
    if !expect.unique.is_empty() {
        check_names(&expect.unique, columns, "unique")?;
        out.extend(unique(&expect.unique, &frame).map_err(as_failure)?);
    }
    checks(&expect.check, &frame, functions, &mut out).map_err(as_failure)?;
    Ok(out)
}

fn check_names(names: &[String], columns: &[Declared], key: &str) -> Outcome<()> {
    match names.iter().find(|n| !columns.iter().any(|c| c.name == **n)) {
        Some(name) => Err(transform(format!("`expect.{key}` names `{name}`, which the step does not make"))),
        None => Ok(()),
    }
}

fn collect(frame: LazyFrame) -> PolarsResult<DataFrame> {
    Ok(frame.collect_with_engine(Engine::Streaming)?.unwrap_single())
}

fn number(column: &Column) -> PolarsResult<u64> {
    Ok(column.cast(&DataType::UInt64)?.u64()?.get(0).unwrap_or(0))
}

fn not_null(names: &[String], columns: &[Declared], frame: &LazyFrame, out: &mut Vec<Violation>) -> Outcome<()> {
    check_names(names, columns, "not_null")?;
    if names.is_empty() {
        return Ok(());
    }
    let as_failure = |e: PolarsError| engine_failure(&e, "`expect`");
    let counts: Vec<Expr> = names.iter().map(|n| col(n.as_str()).null_count()).collect();
    let counts = collect(frame.clone().select(counts)).map_err(as_failure)?;
    for (name, count) in names.iter().zip(counts.columns()) {
        let rows = number(count).map_err(as_failure)?;
        if rows > 0 {
            let first = frame.clone().filter(col(name.as_str()).is_null()).limit(1);
            let example = collect(first).map(|df| json_row(&df)).map_err(as_failure)?;
            out.push(Violation { expectation: expectation::not_null(name), rows, example });
        }
    }
    Ok(())
}

fn unique(names: &[String], frame: &LazyFrame) -> PolarsResult<Option<Violation>> {
    let keys: Vec<Expr> = names.iter().map(|n| col(n.as_str())).collect();
    let repeated = frame.clone().group_by(keys).agg([len().alias(COUNT)]).filter(col(COUNT).gt(lit(1)));
    let excess = (col(COUNT) - lit(1)).sum();
    let rows = number(&collect(repeated.clone().select([excess]))?.columns()[0])?;
    if rows == 0 {
        return Ok(None);
    }
    let key = collect(repeated.limit(1).select([all().exclude_cols([COUNT]).as_expr()]))?;
    Ok(Some(Violation { expectation: expectation::unique(names), rows, example: json_row(&key) }))
}

fn checks(
    conditions: &[String],
    frame: &LazyFrame,
    functions: &Functions,
    out: &mut Vec<Violation>,
) -> PolarsResult<()> {
    if conditions.is_empty() {
        return Ok(());
    }
    let counts = collect(sql::flat(sql::false_counts(conditions, frame, functions))?)?;
    for (condition, count) in conditions.iter().zip(counts.columns()) {
        let rows = number(count)?;
        if rows > 0 {
            let first = collect(sql::flat(sql::first_false(condition, frame, functions))?)?;
            out.push(Violation { expectation: expectation::check(condition), rows, example: json_row(&first) });
        }
    }
    Ok(())
}

/// The first row as a JSON object, values as the engine prints them.
fn json_row(df: &DataFrame) -> Option<String> {
    let mut object = serde_json::Map::new();
    for column in df.columns() {
        let value = match column.get(0).ok()? {
            AnyValue::Null => serde_json::Value::Null,
            AnyValue::Boolean(v) => v.into(),
            v if v.get_str().is_some() => v.get_str().into(),
            v if v.dtype().is_integer() => v.extract::<i64>().map_or(serde_json::Value::Null, Into::into),
            v if v.dtype().is_float() => v.extract::<f64>().into(),
            v => crate::shown::shown(&v).into(),
        };
        object.insert(column.name().to_string(), value);
    }
    Some(serde_json::Value::Object(object).to_string())
}
