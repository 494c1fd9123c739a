//! Queries over frames: planned, translated, and separated from what failed. The text arrives with params bound.

use crate::engine::Query;
use crate::failure::root;
use crate::functions::Functions;
use polars::prelude::{LazyFrame, PlSmallStr, PolarsError, PolarsResult, Schema};
use spotmill_core::lineage::ColumnLineage;
use spotmill_core::types::{Column, ColumnType};
use spotmill_spec::sql::parse_condition;
use spotmill_sql::Refusal;
use std::collections::{BTreeMap, BTreeSet};

/// Why there are no rows.
#[derive(Debug)]
pub enum SqlError {
    Refused(Refusal),
    Engine(PolarsError),
}

impl From<PolarsError> for SqlError {
    fn from(error: PolarsError) -> Self {
        Self::Engine(error)
    }
}

/// A query's rows, and the columns that they need of each table.
pub struct Prepared {
    pub frame: LazyFrame,
    pub reads: BTreeMap<String, BTreeSet<PlSmallStr>>,
    /// By name, the columns that hold a table's column unchanged: (table, column).
    pub origins: BTreeMap<String, (String, String)>,
}

pub fn prepare(text: &str, tables: &BTreeMap<String, LazyFrame>, functions: &Functions) -> Result<Prepared, SqlError> {
    let mut schemas: BTreeMap<String, Schema> = BTreeMap::new();
    for (name, frame) in tables {
        schemas.insert(name.clone(), frame.clone().collect_schema()?.as_ref().clone());
    }
    let functions = functions.planned();
    let query = Query::plan(text, &schemas, &functions).map_err(SqlError::Refused)?;
    let frame = query.frame(tables).map_err(|error| match root(&error) {
        // Our own errors, and those of constants.
        PolarsError::SQLInterface(message) | PolarsError::ComputeError(message) => {
            let span = Query::place(text, &schemas, &functions);
            SqlError::Refused(Refusal { span, ..Refusal::other(message.trim().to_owned()) })
        }
        _ => SqlError::Engine(error),
    })?;
    Ok(Prepared { frame, reads: query.reads(), origins: query.origins() })
}

/// Has the planner make what it makes once a process, without the engine, which starts threads: children that are forked
/// afterwards find it made.
pub fn warm(functions: &Functions) {
    let id = Column { name: "id".to_owned(), ty: ColumnType::Int64, parse: None };
    let schemas = BTreeMap::from([("input".to_owned(), crate::types::schema(&[id]))]);
    let _ = Query::plan("SELECT id, COUNT(*) AS n FROM input WHERE id > 0 GROUP BY id", &schemas, &functions.planned());
}

/// What a query asks of a table's rows first, of `keys` alone.
pub fn first_condition(
    text: &str,
    tables: &BTreeMap<String, LazyFrame>,
    functions: &Functions,
    (table, keys): (&str, &BTreeSet<String>),
) -> Option<Query> {
    Query::plan(text, &schemas(tables)?, &functions.planned()).ok()?.first_condition(table, keys)
}

/// Where the columns of a query come from; nothing of one that is refused.
pub fn lineage(text: &str, tables: &BTreeMap<String, LazyFrame>, functions: &Functions) -> Option<ColumnLineage> {
    Query::lineage(text, &schemas(tables)?, &functions.planned()).ok()
}

fn schemas(tables: &BTreeMap<String, LazyFrame>) -> Option<BTreeMap<String, Schema>> {
    let schema = |(name, frame): (&String, &LazyFrame)| {
        Some((name.clone(), frame.clone().collect_schema().ok()?.as_ref().clone()))
    };
    tables.iter().map(schema).collect()
}

/// The result of `text` over `tables`.
pub fn run(text: &str, tables: &BTreeMap<String, LazyFrame>, functions: &Functions) -> Result<LazyFrame, SqlError> {
    Ok(prepare(text, tables, functions)?.frame)
}

/// One expression, and nothing after it.
fn condition(text: &str) -> Result<(), SqlError> {
    parse_condition(text).map(drop).map_err(|complaints| SqlError::Refused(Refusal::complaint(&complaints)))
}

/// The type of a condition over the output's columns, for checking that it is one.
pub fn condition_frame(text: &str, frame: &LazyFrame, functions: &Functions) -> Result<LazyFrame, SqlError> {
    condition(text)?;
    run(&format!("SELECT ({text}\n) AS condition FROM output"), &output(frame), functions)
}

/// Rows of `frame` for which each condition is false, as one query's columns, in order.
pub fn false_counts(conditions: &[String], frame: &LazyFrame, functions: &Functions) -> Result<LazyFrame, SqlError> {
    conditions.iter().try_for_each(|c| condition(c))?;
    let counts: Vec<String> =
        conditions.iter().enumerate().map(|(i, c)| format!("COUNT(*) FILTER (WHERE NOT ({c}\n)) AS c{i}")).collect();
    run(&format!("SELECT {} FROM output", counts.join(", ")), &output(frame), functions)
}

/// The first row for which a condition is false.
pub fn first_false(condition: &str, frame: &LazyFrame, functions: &Functions) -> Result<LazyFrame, SqlError> {
    run(&format!("SELECT * FROM output WHERE NOT ({condition}\n) LIMIT 1"), &output(frame), functions)
}

fn output(frame: &LazyFrame) -> BTreeMap<String, LazyFrame> {
    BTreeMap::from([("output".to_owned(), frame.clone())])
}

impl SqlError {
    /// As an error of the engine, for callers that report only a sentence.
    pub fn flat(self) -> PolarsError {
        match self {
            Self::Engine(error) => error,
            Self::Refused(refusal) => PolarsError::SQLInterface(refusal.message.into()),
        }
    }
}

/// `PolarsResult` of a query.
pub fn flat<T>(result: Result<T, SqlError>) -> PolarsResult<T> {
    result.map_err(SqlError::flat)
}
