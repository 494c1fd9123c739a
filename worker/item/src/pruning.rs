//! Files of which no row can satisfy the query's condition on the keys of their path. Such a file is held to everything
//! that is promised of it, and counted; only its values are not read. Whether a row satisfies the condition is decided by
//! the engine, over one row of the file's keys, so that it means what it means of any row.

use crate::engine::Query;
use crate::types::schema;
use polars::prelude::{Column as PlColumn, DataFrame, Engine, Expr, IntoLazy, LazyFrame};
use spotmill_core::types::Column;
use std::collections::BTreeMap;

pub struct Pruning {
    /// The rows that satisfy the condition.
    query: Query,
    /// The name of the input in it.
    alias: String,
    /// A row of NULLs.
    row: LazyFrame,
    /// The keys that the condition reads, for the report.
    pub keys: Vec<String>,
}

impl Pruning {
    /// Of an input of these columns.
    pub fn new(query: Query, alias: &str, columns: &[Column]) -> Option<Self> {
        let schema = schema(columns);
        let nulls = schema.iter().map(|(name, ty)| PlColumn::full_null(name.clone(), 1, ty)).collect();
        let row = DataFrame::new(1, nulls).ok()?.lazy();
        let keys = query.conditioned().into_iter().collect();
        Some(Self { query, alias: alias.to_owned(), row, keys })
    }

    /// Whether no row with these keys satisfies the condition. An error is none of this file's alone: the query makes it.
    pub fn excludes(&self, keys: &[Expr]) -> bool {
        let row = self.row.clone().with_columns(keys);
        let rows = self.query.frame(&BTreeMap::from([(self.alias.clone(), row)]));
        let found = rows.and_then(|frame| frame.collect_with_engine(Engine::Streaming));
        found.is_ok_and(|found| found.unwrap_single().height() == 0)
    }
}
