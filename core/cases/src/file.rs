//! A file of tests as users write it: every key there is, its type and a line of help. What is optional stays optional
//! here; `read` says what it means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotmill_spec::Any;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(title = "Tests of a Spotmill pipeline")]
pub struct File {
    #[schemars(required)]
    pub test: Option<Vec<TestTable>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct TestTable {
    /// What holds, in a few words; no two tests of a project have one name.
    #[schemars(required)]
    pub name: Option<String>,
    /// The step that is tested.
    #[schemars(required)]
    pub step: Option<String>,
    /// Values of params; those that are not here have their defaults.
    #[serde(default)]
    pub params: BTreeMap<String, Any>,
    #[serde(default)]
    pub given: GivenTable,
    #[schemars(required)]
    pub expect: Option<ExpectTable>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct GivenTable {
    /// The input of one item: rows, CSV text with a header, or the name of a file. Columns that are not here are NULL.
    pub input: Option<RowsEntry>,
    /// Instead of `input`: files that the step reads as it reads its own, row check included.
    pub file: Option<FileEntry>,
    /// Side tables, as `input`; those that are not here have no rows.
    #[serde(default)]
    pub tables: BTreeMap<String, RowsEntry>,
    /// The item's value, where the step's input has `values`.
    pub value: Option<Any>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RowsEntry {
    /// CSV text if it has a line end, else a file's name.
    Text(String),
    Rows(Vec<BTreeMap<String, Any>>),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FileEntry {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct ExpectTable {
    /// The rows that the step makes.
    pub rows: Option<Vec<BTreeMap<String, Any>>>,
    /// `exact` by default: these rows and no others, and a column that is missing in a row is NULL there. `subset`: the step
    /// may make other rows as well, and only the columns that a row names are compared.
    #[serde(rename = "match")]
    pub matching: Option<Matching>,
    /// `any` by default; `listed` where the step's order matters.
    pub order: Option<Order>,
    /// The columns that are compared; by default all.
    pub columns: Option<Vec<String>>,
    /// How far two floats may be apart besides their rounding; 0 by default.
    pub tolerance: Option<f64>,
    /// The step fails so, instead of making rows.
    pub error: Option<ExpectedError>,
    /// A text that stands in the error's message.
    pub message: Option<String>,
    /// The rows of the input that are rejected; by default none.
    pub rejected: Option<Vec<RejectedTable>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    #[default]
    Exact,
    Subset,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    Any,
    Listed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedError {
    // A row or a file that is not what the step's input declares.
    BadData,
    // The query or the function fails, or `rows` of the step does not hold.
    Transform,
    // A rule of [step.expect] does not hold of the rows.
    Expectation,
}

/// A row that is put aside; each key that is given must hold of it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct RejectedTable {
    /// Where the row begins in its file, from 1.
    pub line: Option<u64>,
    /// The column whose value is wrong.
    pub column: Option<String>,
    /// A text that stands in the reason.
    pub reason: Option<String>,
}
