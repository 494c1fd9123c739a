//! Where the columns of a step's output come from: for each of them the columns of the tables that it is made of, and
//! how, and the columns that decide which rows there are. It is found of the step's query alone (core/sql) and informs:
//! no result depends on it. What cannot be traced is never left out; it is `Untraced`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a column that is read is to one that is made, or to the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dependence {
    /// The value itself.
    Identity,
    /// A value that is computed of it.
    Transformation,
    /// A value that is computed of it over several rows.
    Aggregation,
    /// How is not known: the query has a part that is not traced, and any column that it reads may be in the value.
    Untraced,
    /// It chooses among values.
    Conditional,
    Filter,
    GroupBy,
    Join,
    Sort,
    Window,
}

/// A column of a table that the query reads, under the table's name in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputColumn {
    pub table: String,
    pub column: String,
    pub how: Vec<Dependence>,
}

/// Of one query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnLineage {
    /// By the column that is made.
    pub columns: BTreeMap<String, Vec<InputColumn>>,
    /// What decides which rows there are and in which order: conditions, groups, keys of joins, ORDER BY.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<InputColumn>,
}

impl Dependence {
    /// Whether the value that is made holds something of the value that is read.
    pub fn is_direct(self) -> bool {
        matches!(self, Self::Identity | Self::Transformation | Self::Aggregation | Self::Untraced)
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "as it is",
            Self::Transformation => "computed",
            Self::Aggregation => "aggregated",
            Self::Untraced => "not traced",
            Self::Conditional => "condition",
            Self::Filter => "filter",
            Self::GroupBy => "group by",
            Self::Join => "join",
            Self::Sort => "sort",
            Self::Window => "window",
        }
    }
}

impl ColumnLineage {
    /// Adds a column that decides which rows there are.
    pub fn add_rows(&mut self, table: &str, column: &str, how: Dependence) {
        match self.rows.iter_mut().find(|input| input.table == table && input.column == column) {
            Some(input) if input.how.contains(&how) => {}
            Some(input) => {
                input.how.push(how);
                input.how.sort();
            }
            None => self.rows.push(InputColumn { table: table.to_owned(), column: column.to_owned(), how: vec![how] }),
        }
    }
}
