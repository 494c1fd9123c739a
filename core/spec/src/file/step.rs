//! The keys of a `[[step]]`: what it reads, how files are read, what it writes and what must hold.

use super::{Any, ReadKeys, ResourcesTable, WaitTable};
use schemars::JsonSchema;
use serde::Deserialize;
use spotmill_core::model::{By, Format, ItemValue, OnEmpty, OutputCompression, RowsRule};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct StepTable {
    #[schemars(required)]
    pub name: Option<String>,
    /// A SELECT, or the path of a `.sql` file that holds one.
    pub sql: Option<String>,
    /// A Rust transform of your worker, by name, instead of `sql`.
    pub transform: Option<String>,
    /// Settings for the transform.
    pub with: Option<BTreeMap<String, Any>>,
    /// Rows written against rows read.
    pub rows: Option<RowsRule>,
    #[schemars(required)]
    pub input: Option<InputTable>,
    /// Side tables, by the name SQL knows them under.
    #[serde(default)]
    pub tables: BTreeMap<String, SideTable>,
    pub output: Option<OutputTable>,
    pub expect: Option<ExpectTable>,
    pub resources: Option<ResourcesTable>,
    /// How long the step may take, `"2h"`: once a run was measured, its fleet has as many machines as that takes.
    pub deadline: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct InputTable {
    /// Files: a template with `*` and `**`.
    pub path: Option<String>,
    /// Another step.
    pub step: Option<String>,
    /// What one item reads of that step.
    pub by: Option<By>,
    /// The name in SQL; `input` by default.
    #[serde(rename = "as")]
    pub alias: Option<String>,
    /// One item a value, over the whole input.
    pub values: Option<ValuesTable>,
    /// Small files are packed up to this much an item. By default `"256 MB"`, or less where the last runs show that
    /// as much would outgrow the step's memory.
    pub item_bytes: Option<String>,
    pub on_empty: Option<OnEmpty>,
    /// With `on_bad_rows = "reject"`: a share (`"0.1%"`) or a count.
    pub max_bad_rows: Option<BadRows>,
    /// What must lie there before anything of a run is launched.
    pub wait_for: Option<WaitTable>,
    #[serde(flatten)]
    pub read: ReadKeys,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ValuesTable {
    #[schemars(required)]
    pub column: Option<String>,
    /// First and last of a range of integers.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// Or the values one by one.
    pub list: Option<Vec<ItemValue>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BadRows {
    Count(u64),
    Share(String),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SideTable {
    /// Files: a template with `*` and `**`.
    pub path: Option<String>,
    /// Another step.
    pub step: Option<String>,
    /// `all` (the default), or `partition`: the same bucket as the item.
    pub by: Option<By>,
    #[serde(flatten)]
    pub read: ReadKeys,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct OutputTable {
    /// Parquet by default; CSV and NDJSON only to a destination. Arrow is read and not written.
    pub format: Option<Format>,
    /// One partition a combination of values.
    pub partition_by: Option<Vec<String>>,
    /// Or a fixed number of buckets by a hash of these columns.
    pub bucket_by: Option<Vec<String>>,
    pub buckets: Option<u32>,
    /// Order within a file: `"column"`, `"-column"`.
    pub sort_by: Option<Vec<SortEntry>>,
    pub compression: Option<OutputCompression>,
    /// A new file after about this much, `"128 MB"`.
    pub file_bytes: Option<String>,
    /// A new file after this many rows.
    pub file_rows: Option<u64>,
    /// Where finished files are published; without it the output is only for later steps.
    pub destination: Option<String>,
    /// What a run replaces there: its own `key` (the default), or `all`: then the run of the latest date stays, and
    /// where the key has no date the last that was published.
    pub replace: Option<ReplaceKind>,
    /// Whether columns may differ from those of the last publication: `refuse` (the default), or `allow`.
    pub schema_change: Option<SchemaChangeKind>,
    /// The table of AWS Glue that names what is published.
    pub catalog: Option<CatalogTable>,
    /// A command that this machine runs once it has published.
    pub after_publish: Option<HookTable>,
    /// CSV only: whether to write the names; true by default.
    pub header: Option<bool>,
    /// CSV only: `"\t"` divides the fields by tabs, and the files end in `.tsv`; a comma by default.
    pub delimiter: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct CatalogTable {
    /// `"database.table"`.
    #[schemars(required)]
    pub glue: Option<String>,
    /// Params of the key that the table is partitioned by: those that the destination has; none with `replace = "all"`.
    pub partition: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct HookTable {
    /// The program and its arguments. It gets the publication as JSON on stdin.
    #[schemars(required)]
    pub command: Option<Vec<String>>,
    /// How long it may take, `"1m"` by default.
    pub timeout: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaChangeKind {
    Refuse,
    Allow,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SortEntry {
    Text(String),
    Table(SortTable),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SortTable {
    #[schemars(required)]
    pub column: Option<String>,
    #[serde(default)]
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplaceKind {
    Key,
    All,
}

/// What must hold before anything is published.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct ExpectTable {
    #[serde(default)]
    pub not_null: Vec<String>,
    /// Columns whose combination occurs once.
    #[serde(default)]
    pub unique: Vec<String>,
    /// SQL conditions on every row.
    #[serde(default)]
    pub check: Vec<String>,
    pub rows: Option<RowsTable>,
    /// `fail` by default.
    pub on_fail: Option<OnFailKind>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct RowsTable {
    pub min: Option<u64>,
    /// Against the run before, `"40%"`.
    pub max_change: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailKind {
    Fail,
    Warn,
}
