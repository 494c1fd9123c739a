//! Columns that something depends on, and how.

use spotmill_core::lineage::{Dependence, InputColumn};
use std::collections::{BTreeMap, BTreeSet};

/// By table and column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deps(BTreeMap<(String, String), BTreeSet<Dependence>>);

impl Deps {
    /// A table's column itself.
    pub fn column(table: &str, column: &str) -> Self {
        let own = (table.to_owned(), column.to_owned());
        Self(BTreeMap::from([(own, BTreeSet::from([Dependence::Identity]))]))
    }

    pub fn all<'d>(many: impl IntoIterator<Item = &'d Deps>) -> Self {
        let mut all = Self::default();
        many.into_iter().for_each(|deps| all.add(deps));
        all
    }

    pub fn add(&mut self, other: &Deps) {
        for (column, how) in &other.0 {
            self.0.entry(column.clone()).or_default().extend(how);
        }
    }

    /// Of a value that is computed of these.
    pub fn computed(self) -> Self {
        self.each(|how| match how {
            Dependence::Identity => Dependence::Transformation,
            other => other,
        })
    }

    /// Of a value that is computed of these over several rows.
    pub fn aggregated(self) -> Self {
        self.each(|how| match how {
            Dependence::Identity | Dependence::Transformation => Dependence::Aggregation,
            other => other,
        })
    }

    /// Of something for which the values only decide.
    pub fn only(self, indirect: Dependence) -> Self {
        self.each(|_| indirect)
    }

    /// Of a value that may hold any of these.
    pub fn untraced(self) -> Self {
        self.each(|_| Dependence::Untraced)
    }

    fn each(self, change: impl Fn(Dependence) -> Dependence) -> Self {
        Self(self.0.into_iter().map(|(column, how)| (column, how.into_iter().map(&change).collect())).collect())
    }

    pub fn into_columns(self) -> Vec<InputColumn> {
        let named = |((table, column), how): ((String, String), BTreeSet<Dependence>)| InputColumn {
            table,
            column,
            how: how.into_iter().collect(),
        };
        self.0.into_iter().map(named).collect()
    }
}
