//! Which columns of a source of text are parsed: all, until a plan has stated which it reads. The engine pushes no
//! projection into a source that is not its own.

use polars::prelude::{PlSmallStr, Schema};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

#[derive(Clone)]
pub struct Wanted {
    /// Of the source in plans.
    source: PlSmallStr,
    columns: Arc<OnceLock<BTreeSet<PlSmallStr>>>,
}

impl Wanted {
    /// `source` is a distinct name for each source of an item.
    pub fn new(source: &str) -> Self {
        Self { source: format!("rows of {source}").into(), columns: Arc::default() }
    }

    pub fn source(&self) -> &PlSmallStr {
        &self.source
    }

    /// Has the source parse these columns only. Set once: what runs later reads no column that the first query did not.
    pub fn narrow(&self, columns: BTreeSet<PlSmallStr>) {
        let _ = self.columns.set(columns);
    }

    /// The places of what is parsed, in order.
    pub fn places(&self, schema: &Schema) -> Vec<usize> {
        let wanted = |name: &PlSmallStr| self.columns.get().is_none_or(|columns| columns.contains(name));
        schema.iter_names().enumerate().filter(|(_, name)| wanted(name)).map(|(i, _)| i).collect()
    }
}
