//! The pipeline file as users write it: every key there is, its type and a line of help. The JSON Schema for
//! editors and the check for unknown keys both come from these types. What is optional stays optional here;
//! `lower` fills in defaults.

mod read;
mod step;
mod wait;

pub use read::*;
pub use step::*;
pub use wait::*;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value as Json;
use spotmill_core::fleet::Architecture;
use spotmill_core::model::{ItemProcesses, ParamType};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A value of any TOML type.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "toml::Value")]
pub struct Any(pub Json);

/// Dates and times become text, and so do the numbers that JSON does not have.
pub fn json(value: &toml::Value) -> Json {
    match value {
        toml::Value::String(s) => Json::from(s.as_str()),
        toml::Value::Integer(i) => Json::from(*i),
        toml::Value::Float(f) if f.is_finite() => Json::from(*f),
        toml::Value::Float(f) => Json::from(f.to_string()),
        toml::Value::Boolean(b) => Json::from(*b),
        toml::Value::Datetime(d) => Json::from(d.to_string()),
        toml::Value::Array(items) => items.iter().map(json).collect(),
        toml::Value::Table(entries) => entries.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
    }
}

impl From<toml::Value> for Any {
    fn from(value: toml::Value) -> Any {
        Any(json(&value))
    }
}

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
    #[schemars(required)]
    pub step: Option<Vec<StepTable>>,
    /// What a work item gets, in every step that does not say otherwise.
    pub resources: Option<ResourcesTable>,
    pub fleet: Option<FleetTable>,
    pub budget: Option<BudgetTable>,
    /// Prices and assumptions of `cost`, `report` and `explain` by name (docs/cost.md), such as `vcpu_hour`: dollars of a
    /// vCPU-hour of this machine.
    #[serde(default)]
    pub rates: BTreeMap<String, f64>,
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
    /// IANA name; UTC by default.
    pub timezone: Option<String>,
    /// The run's date, in that time zone; by default `yesterday`.
    pub date: Option<ScheduleDate>,
    /// Each start is of an hour, which param `hour` gets, 0 to 23, and its date is that hour's. In UTC, whose hours are never
    /// put back.
    pub hour: Option<ScheduleHour>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleHour {
    This,
    Previous,
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
    Type(ParamType),
    Table(Box<ParamTable>),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ParamTable {
    #[serde(rename = "type")]
    #[schemars(required)]
    pub ty: Option<ParamType>,
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
    /// Whether transforms and functions of your worker may open connections; false by default.
    pub network: Option<bool>,
    /// `"reuse"` by default: one start of the worker serves many items, each a process forked from it. `"item"`: the worker is
    /// started for each item, for a worker whose `main` starts threads.
    pub processes: Option<ItemProcesses>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct FleetTable {
    /// vCPUs of one step's machines together.
    pub max_vcpus: Option<u32>,
    /// Both by default.
    pub architectures: Option<Vec<Architecture>>,
    /// Classes of machines (`"c"`, `"m"`, `"r"`: 2, 4, 8 GiB a vCPU) or single families (`"r7g"`); all by default.
    pub families: Option<Vec<String>>,
    /// Generations of machines, `[6, 7, 8]`; all by default.
    pub generations: Option<Vec<u32>>,
    /// US dollars; pools above it are left out.
    pub max_price_per_vcpu_hour: Option<f64>,
    /// What spot has not brought after this long comes on demand; never by default.
    pub on_demand_after: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct BudgetTable {
    /// What the machines of a run may cost, over all its starts. Above it none is launched; a start then asks first.
    pub usd_per_run: Option<f64>,
}
