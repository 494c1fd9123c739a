//! Parts of events that are too large for a line of `Event`.

use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::ids::RunId;
use spotmill_core::item::RowCounts;
use spotmill_core::types::Column;
use spotmill_ec2::prices::SpotPrices;
use spotmill_ledger::bill::{Others, Source};
use spotmill_ledger::{Compared, Elsewhere, Line, Summary, Unmatched};
use std::collections::BTreeMap;

/// The end of a run.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct RunEnded {
    pub run: String,
    /// `succeeded`, `warned`, `failed`, `interrupted`; `waiting`, `late` or `skipped` where its input was not there.
    pub outcome: String,
    /// All was complete and published before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nothing_to_do: bool,
    /// It was refused before anything was begun: the run's records are unchanged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    pub wall_ms: u64,
    pub steps: Vec<StepSummary>,
    pub published: Vec<Published>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StepSummary {
    pub step: String,
    pub generation: u32,
    pub items: u32,
    /// With a receipt, from now or from before.
    pub committed: u32,
    #[serde(flatten)]
    pub rows: RowCounts,
    pub peak_bytes: u64,
    pub warnings: Vec<String>,
    /// Inputs that changed, a publication that a later one replaced: worth reporting, and no error.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Published {
    pub step: String,
    pub destination: String,
    pub files: Vec<String>,
    pub rows: u64,
    /// Of all files together; no part of a line.
    #[serde(skip)]
    pub bytes: u64,
}

/// How a part of a step's definition changed, or a param.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DefinitionChange {
    pub what: String,
    pub old: String,
    pub new: String,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StepColumns {
    pub step: String,
    pub columns: Vec<Column>,
}

/// A machine as AWS reports it at this moment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MachineNow {
    pub id: String,
    #[serde(rename = "type")]
    pub instance_type: String,
    pub zone: String,
    pub architecture: String,
    pub state: String,
    pub vcpus: u32,
    pub step: String,
    pub started_ms: u64,
}

/// The machines that a step asks for. A step without work asks for none (`asks`); a request that no machine fits has a
/// `problem`. What is unknown is absent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FleetAsked {
    pub step: String,
    pub asks: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(flatten)]
    pub request: Option<FleetSize>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FleetSize {
    pub slots: u32,
    pub slot_vcpus: u32,
    pub memory_bytes: u64,
    pub vcpus: u32,
    pub because: String,
    /// Items to do and the bytes they read.
    pub items: Option<u32>,
    pub bytes: u64,
    /// Items and bytes are those of the last runs.
    pub foreseen: bool,
    /// Machine types by architecture.
    pub types: BTreeMap<String, Vec<String>>,
    pub min_vcpus: u32,
    pub max_vcpus: u32,
    pub zones: usize,
    pub pools: usize,
    pub left_out: Vec<LeftOut>,
    pub spot: Option<SpotPrices>,
    /// Why no spot price is known.
    pub spot_unknown: Option<String>,
    pub limit_usd_per_vcpu_hour: Option<f64>,
    pub on_demand_usd_per_vcpu_hour_guessed: Option<f64>,
    pub secs: Option<u64>,
    pub vcpu_hours: Option<f64>,
    pub usd: Option<f64>,
}

/// Machines that could have been asked for and are not.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LeftOut {
    pub what: String,
    pub why: String,
}

/// What a run or a month cost. Dollars are integer nano-dollars: the lines sum to the total.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CostReport {
    /// The run, or the month.
    pub of: String,
    /// What the lines are: `run`, `step`, `item`, `pool`, `class`.
    pub by: String,
    pub total: Summary,
    pub lines: Vec<Line>,
    /// With `--compare`: formulas over the hours of these machines, no measurements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
    /// What the records do not hold.
    pub notes: Vec<String>,
}

/// How the estimates of machines compare with what AWS billed for them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reconciliation {
    /// The run, or the month.
    pub of: String,
    pub source: Source,
    /// What the lines are: `run`, `day`, `month`.
    pub by: String,
    /// Nothing where no line says how far it goes.
    pub billed_until_ms: Option<u64>,
    pub lines: Vec<Compared>,
    pub total: Compared,
    /// Machines that the bill has come past and does not have.
    pub missing: Vec<MissingMachine>,
    /// Machines that are billed for these runs and that their records do not have.
    pub leaked: Vec<Unmatched>,
    /// The same of runs that are not on record here: of another stack, or expired.
    pub of_unknown_runs: Vec<Unmatched>,
    /// What is billed for these runs beside machines' hours.
    pub beside: Vec<Beside>,
    /// Of runs that were not asked for.
    pub of_other_runs: Others,
    /// Of no run.
    pub of_nobody: Others,
    /// Lines that were delivered more than once.
    pub repeated: u64,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingMachine {
    pub machine: String,
    pub run: RunId,
    pub began_ms: u64,
    pub estimate_usd_nanos: u64,
}

/// A type of usage.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Beside {
    pub usage: String,
    pub usd_nanos: i64,
}
