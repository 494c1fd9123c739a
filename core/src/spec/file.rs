//! The pipeline file as users write it: every key there is, its type and a line of help. The JSON Schema for
//! editors and the check for unknown keys both come from these types. What is optional stays optional here;
//! `lower` fills in defaults.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A value of any TOML type.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Any(pub toml::Value);

impl JsonSchema for Any {
    fn schema_name() -> Cow<'static, str> {
        "Any".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(title = "Spotmill pipeline")]
pub struct File {
    /// Version of this format: 1.
    #[schemars(required)]
    pub format: Option<i64>,
    #[schemars(required)]
    pub pipeline: Option<PipelineTable>,
    /// Values a run is given, typed.
    #[serde(default)]
    pub params: BTreeMap<String, ParamEntry>,
    /// Other defaults of params for a place to run at: `local` (`run`), `aws` (`start`).
    #[serde(default)]
    pub target: BTreeMap<String, TargetTable>,
    pub worker: Option<WorkerTable>,
    #[serde(default)]
    #[schemars(required)]
    pub step: Vec<StepTable>,
    /// What a work item gets, in every step that does not say otherwise.
    pub resources: Option<ResourcesTable>,
    pub fleet: Option<FleetTable>,
    pub budget: Option<BudgetTable>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct PipelineTable {
    #[schemars(required)]
    pub name: Option<String>,
    /// Params that identify a run; by default `["date"]`.
    pub key: Option<Vec<String>>,
    pub schedule: Option<ScheduleTable>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ScheduleTable {
    /// Five fields: minute, hour, day of month, month, day of week.
    #[schemars(required)]
    pub cron: Option<String>,
    /// IANA name; UTC if not said.
    pub timezone: Option<String>,
    /// The run's date, in that time zone; by default `yesterday`.
    pub date: Option<ScheduleDate>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleDate {
    Today,
    Yesterday,
}

/// A type's name, or a table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ParamEntry {
    Type(ParamKind),
    Table(Box<ParamTable>),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Float64,
    String,
    Path,
    Date,
    Timestamp,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ParamTable {
    #[serde(rename = "type")]
    #[schemars(required)]
    pub ty: Option<ParamKind>,
    /// Without it the param must be given.
    pub default: Option<Any>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The values allowed.
    pub one_of: Option<Vec<Any>>,
    pub help: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct TargetTable {
    #[serde(default)]
    pub params: BTreeMap<String, Any>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct WorkerTable {
    /// Directory of the crate with your functions and transforms.
    #[serde(rename = "crate")]
    pub crate_dir: Option<String>,
}

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
    pub rows: Option<RowsKind>,
    #[schemars(required)]
    pub input: Option<InputTable>,
    /// Side tables, by the name SQL knows them under.
    #[serde(default)]
    pub tables: BTreeMap<String, SideTable>,
    pub output: Option<OutputTable>,
    pub expect: Option<ExpectTable>,
    pub resources: Option<ResourcesTable>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowsKind {
    /// As many as were read and not rejected.
    Same,
    /// At most as many.
    Fewer,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct InputTable {
    /// Files: a template with `*` and `**`.
    pub path: Option<String>,
    /// Another step.
    pub step: Option<String>,
    /// What one item reads of that step.
    pub by: Option<ByKind>,
    /// The name in SQL; `input` if not said.
    #[serde(rename = "as")]
    pub alias: Option<String>,
    /// One item a value, over the whole input.
    pub values: Option<ValuesTable>,
    /// Small files are packed up to this much an item, `"256 MB"` if not said.
    pub item_bytes: Option<String>,
    pub on_empty: Option<OnEmptyKind>,
    /// With `on_bad_rows = "reject"`: a share (`"0.1%"`) or a count.
    pub max_bad_rows: Option<BadRows>,
    #[serde(flatten)]
    pub read: ReadKeys,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ByKind {
    Partition,
    File,
    All,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ValuesTable {
    #[schemars(required)]
    pub column: Option<String>,
    /// First and last of a range of integers.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// Or the values one by one.
    pub list: Option<Vec<ListValue>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ListValue {
    Int(i64),
    Text(String),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnEmptyKind {
    Fail,
    Skip,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BadRows {
    Count(u64),
    Share(String),
}

/// How files are read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct ReadKeys {
    /// By the path's ending if not said.
    pub format: Option<FormatKind>,
    /// `"name type"`, in the order of the file.
    pub columns: Option<Vec<ColumnEntry>>,
    /// Whether the first line names the columns; true if not said.
    pub header: Option<bool>,
    pub delimiter: Option<String>,
    /// Fields that mean NULL.
    pub null_values: Option<Vec<String>>,
    pub compression: Option<CompressionKind>,
    /// What to do with a row that does not parse; `fail` if not said.
    pub on_bad_rows: Option<OnBadRowsKind>,
    /// `all` checks every declared column of every row; `used` only those the transform reads.
    pub row_check: Option<RowCheckKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatKind {
    Csv,
    Ndjson,
    Parquet,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ColumnEntry {
    /// `"name type"`.
    Text(String),
    Table(ColumnTable),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ColumnTable {
    #[schemars(required)]
    pub name: Option<String>,
    #[serde(rename = "type")]
    #[schemars(required)]
    pub ty: Option<String>,
    /// strftime pattern of a date or timestamp.
    pub parse: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompressionKind {
    Auto,
    None,
    Gzip,
    Zstd,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRowsKind {
    Fail,
    Reject,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowCheckKind {
    All,
    Used,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SideTable {
    /// Files: a template with `*` and `**`.
    pub path: Option<String>,
    /// Another step.
    pub step: Option<String>,
    /// `all` (if not said), or `partition`: the same bucket as the item.
    pub by: Option<ByKind>,
    #[serde(flatten)]
    pub read: ReadKeys,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct OutputTable {
    /// Parquet if not said; the others only to a destination.
    pub format: Option<FormatKind>,
    /// One partition a combination of values.
    pub partition_by: Option<Vec<String>>,
    /// Or a fixed number of buckets by a hash of these columns.
    pub bucket_by: Option<Vec<String>>,
    pub buckets: Option<u32>,
    /// Order within a file: `"column"`, `"-column"`.
    pub sort_by: Option<Vec<SortEntry>>,
    pub compression: Option<OutputCompressionKind>,
    /// A new file after about this much, `"128 MB"`.
    pub file_bytes: Option<String>,
    /// A new file after this many rows.
    pub file_rows: Option<u64>,
    /// Where finished files are published; without it the output is only for later steps.
    pub destination: Option<String>,
    /// What a run replaces there: its own `key` (if not said), or `all`.
    pub replace: Option<ReplaceKind>,
    /// CSV only: whether to write the names; true if not said.
    pub header: Option<bool>,
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

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputCompressionKind {
    Zstd,
    Snappy,
    Lz4,
    Gzip,
    None,
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
    /// `fail` if not said.
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

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct ResourcesTable {
    pub vcpus: Option<u32>,
    /// `"2 GiB"`.
    pub memory: Option<String>,
    /// An item that needs more memory is tried again with twice as much, up to this.
    pub max_memory: Option<String>,
    /// `"90s"`, `"10m"`, `"2h"`.
    pub timeout: Option<String>,
    /// Failures of an item before its step fails.
    pub max_attempts: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct FleetTable {
    pub max_vcpus: Option<u32>,
    pub architectures: Option<Vec<ArchitectureKind>>,
    /// US dollars; pools above it are left out.
    pub max_price_per_vcpu_hour: Option<f64>,
    /// On-demand machines once spot has failed this long; never if not said.
    pub on_demand_after: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArchitectureKind {
    #[serde(rename = "x86_64")]
    X86_64,
    Arm64,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct BudgetTable {
    /// Starting above it asks first.
    pub usd_per_run: Option<f64>,
}
