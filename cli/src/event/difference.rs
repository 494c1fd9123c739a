//! What `diff` answers.

use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::types::Column;

/// How two results differ. `A` is the first that was named.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    pub a: String,
    pub b: String,
    /// Columns, types and rows are the same.
    pub same: bool,
    /// What identifies a row; empty: rows were compared as a whole.
    pub key: Vec<String>,
    pub rows_a: u64,
    pub rows_b: u64,
    pub rows_same: u64,
    /// Of one key and with other values.
    pub rows_changed: u64,
    pub rows_only_a: u64,
    pub rows_only_b: u64,
    pub columns_only_a: Vec<Column>,
    pub columns_only_b: Vec<Column>,
    pub columns_retyped: Vec<Retyped>,
    /// The compared columns beside the key.
    pub columns: Vec<ColumnDifference>,
    pub examples: Vec<Example>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Retyped {
    pub name: String,
    pub a: String,
    pub b: String,
    /// The type they were compared as; absent where no type holds the values of both, and nothing was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_as: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ColumnDifference {
    pub name: String,
    /// Rows of one key whose values differ.
    pub changed: u64,
    /// Between two numbers; absent where none differ, and without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<f64>,
    pub nulls_a: u64,
    pub nulls_b: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Example {
    /// `only_a`, `only_b`, `changed`.
    pub kind: String,
    /// Names and values: of the key, or of all columns where there is none.
    pub row: Vec<Field>,
    /// Of a changed row, what differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Change>,
    /// Without a key: how often each side has the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Field {
    pub name: String,
    pub value: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    pub name: String,
    pub a: Option<String>,
    pub b: Option<String>,
}
