//! The pipeline as the rest of the program uses it: normalized, defaults filled in, shorthand expanded, SQL files
//! read in. core/spec makes it from the user's TOML; it is what `pipeline-{digest}.toml` freezes. Paths and
//! destinations are still templates (`{src}/{date}`), which are resolved for a run's params.

mod catalog;
pub mod format;
mod output;
mod wait;

pub use catalog::{Catalog, Hook};
pub use format::Format;
pub use output::{Expect, Layout, Output, OutputCompression, SortKey};
pub use wait::{FileCount, LeastBytes, OnLate, WaitFor};

use crate::architecture::Architecture;
use crate::types::ColumnType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::reading::{Compression, Extra, FieldRules, Missing, OnBadRows, Read, RowCheck};

pub const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    pub format: u32,
    pub name: String,
    /// Params that identify a run, in order; by default `["date"]`.
    pub key: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    pub params: BTreeMap<String, Param>,
    /// Overrides of param defaults by target (`local`, `aws`, …).
    pub targets: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// Directory of the user's worker crate, relative to the pipeline file; none: the stock worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_crate: Option<String>,
    /// In the order they run: a step comes after the steps it reads.
    pub steps: Vec<Step>,
    pub fleet: Fleet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_usd_per_run: Option<f64>,
    /// Prices and assumptions by the names of `rates`, in place of the table's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub cron: String,
    pub timezone: String,
    /// `today` or `yesterday`, in that time zone.
    pub date: String,
    /// `this` or `previous`: each start is of an hour, and its date that hour's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    #[serde(rename = "type")]
    pub ty: ParamType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Allowed values, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    pub transform: Transform,
    pub input: Input,
    /// Side tables by their name in SQL.
    pub tables: BTreeMap<String, Table>,
    pub output: Output,
    /// Declared relation of rows written to rows read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowsRule>,
    pub expect: Expect,
    pub resources: Resources,
    /// How long the step may take; its fleet is sized by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_secs: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    Sql {
        text: String,
        /// The file it was read from, relative to the pipeline file; for messages only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    Function {
        name: String,
        with: BTreeMap<String, serde_json::Value>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowsRule {
    /// As many as were read and not rejected.
    Same,
    /// At most as many.
    Fewer,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Its name in SQL; `input` unless `as` gives another.
    pub alias: String,
    pub source: Source,
    pub read: Read,
    /// One item a value, pushed down as `column = value` over the whole input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
    /// Pack whole objects of a path up to this many bytes an item; absent: `bounds::DEFAULT_ITEM_BYTES`, or less where
    /// the last runs show that as much would outgrow the step's memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_bytes: Option<u64>,
    pub on_empty: OnEmpty,
    pub max_bad_rows: MaxBadRows,
    /// What must lie there before a run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<WaitFor>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Objects matching a template with `*` and `**` globs.
    Path(String),
    Step {
        step: String,
        by: By,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Partition,
    File,
    All,
}

/// `{ column, from, to }` (inclusive integers) or `{ column, list }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Values {
    pub column: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<ItemValue>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ItemValue {
    Int(i64),
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnEmpty {
    Fail,
    Skip,
}

/// How many rejected rows a step may have before it fails; meaningful with `on_bad_rows = "reject"`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxBadRows {
    Unlimited,
    Rows(u64),
    /// Of raw rows, 0 to 1.
    Fraction(f64),
}

/// A side table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub source: Source,
    pub read: Read,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    pub vcpus: u32,
    pub memory_bytes: u64,
    pub max_memory_bytes: u64,
    pub timeout_secs: u64,
    pub max_attempts: u32,
    /// Whether transforms and functions may open connections.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network: bool,
    #[serde(default, skip_serializing_if = "ItemProcesses::is_default")]
    pub processes: ItemProcesses,
}

/// How an item comes to its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemProcesses {
    /// It is forked from a process of the worker that has started and done nothing yet.
    #[default]
    Reuse,
    /// The worker is started for it.
    Item,
}

impl ItemProcesses {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the step's machines may come from; used by the AWS worlds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_vcpus: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<Architecture>,
    /// Classes (`r`) or families (`r7g`) of machines; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<String>,
    /// Generations of machines; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generations: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_price_per_vcpu_hour: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand_after_secs: Option<u64>,
}

impl Pipeline {
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|s| s.name == name)
    }
}

impl Step {
    /// What it reads: its input, then its side tables.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.input.source).chain(self.tables.values().map(|t| &t.source))
    }

    pub fn sources_mut(&mut self) -> impl Iterator<Item = &mut Source> {
        std::iter::once(&mut self.input.source).chain(self.tables.values_mut().map(|t| &mut t.source))
    }

    /// The steps this one reads, as input or side table.
    pub fn upstream(&self) -> impl Iterator<Item = &str> {
        self.sources().filter_map(|s| match s {
            Source::Step { step, .. } => Some(step.as_str()),
            Source::Path(_) => None,
        })
    }
}

impl ParamType {
    /// The column type a `$param` of this type has in SQL.
    pub fn column_type(self) -> ColumnType {
        match self {
            Self::Bool => ColumnType::Bool,
            Self::Int8 => ColumnType::Int8,
            Self::Int16 => ColumnType::Int16,
            Self::Int32 => ColumnType::Int32,
            Self::Int64 => ColumnType::Int64,
            Self::Float64 => ColumnType::Float64,
            Self::String | Self::Path => ColumnType::String,
            Self::Date => ColumnType::Date,
            Self::Timestamp => ColumnType::Timestamp,
        }
    }
}
