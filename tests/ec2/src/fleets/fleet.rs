//! What is kept of a fleet.

use crate::catalogue::InstanceType;
use crate::ids::now_ms;
use crate::wire::Tree;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug)]
pub struct Fleet {
    pub number: u64,
    pub id: String,
    /// As it came; what does not change is answered from it.
    pub request: Tree,
    pub state: FleetState,
    pub created_ms: u64,
    pub ended_ms: Option<u64>,
    /// In the unit of the request.
    pub target: u32,
    /// All on demand, or all spot.
    pub on_demand: bool,
    pub unit: Unit,
    pub terminate_excess: bool,
    pub valid_until_ms: Option<u64>,
    pub terminate_on_expiry: bool,
    pub pools: Vec<Pool>,
    pub history: Vec<Event>,
    /// No launch before.
    pub next_launch_ms: u64,
    /// The error of the last attempt to launch, and when it was last recorded.
    pub last_error: Option<(String, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FleetState {
    Active,
    /// Deleted or expired; its instances are being terminated.
    DeletedTerminating,
    /// Deleted or expired; its instances live on.
    DeletedRunning,
    Deleted,
}

impl FleetState {
    pub fn name(self) -> &'static str {
        match self {
            FleetState::Active => "active",
            FleetState::DeletedTerminating => "deleted_terminating",
            FleetState::DeletedRunning => "deleted_running",
            FleetState::Deleted => "deleted",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Vcpu,
    MemoryMib,
    Units,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at_ms: u64,
    /// `instance-change`, `fleet-change`, `service-error`.
    pub kind: String,
    pub sub_kind: String,
    pub description: String,
    pub instance: Option<String>,
}

impl Fleet {
    pub fn record(&mut self, kind: &str, sub_kind: &str, description: impl Into<String>, instance: Option<&str>) {
        self.history.push(Event {
            at_ms: now_ms(),
            kind: kind.to_owned(),
            sub_kind: sub_kind.to_owned(),
            description: description.into(),
            instance: instance.map(str::to_owned),
        });
    }

    /// What the deletion or expiry of a fleet leaves to do.
    pub fn end(&mut self, terminate: bool, sub_kind: &str) {
        self.state = if terminate { FleetState::DeletedTerminating } else { FleetState::DeletedRunning };
        let description = format!("the fleet is {}", self.state.name());
        self.record("fleet-change", sub_kind, description, None);
    }
}

/// A type in a zone, from a template of the request.
#[derive(Clone, Debug)]
pub struct Pool {
    pub instance_type: InstanceType,
    pub subnet: String,
    /// Index into the zones.
    pub zone: usize,
    pub image: String,
    /// Launch template and version.
    pub template: (String, u64),
    /// What one instance counts towards the target.
    pub weight: u32,
    /// Dollars an hour, of one unit of weight.
    pub price: f64,
    /// At most this for a unit.
    pub max_price: Option<f64>,
}
