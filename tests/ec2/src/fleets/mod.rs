//! Fleets: what was asked, what they hold, and what happened to them. The keeper (`keeper.rs`) makes them true.

mod actions;
mod capacity;
mod create;
mod describe;
pub mod keeper;
mod overrides;
mod pools;

pub use actions::{delete, modify};
pub use create::create;
pub use describe::{describe, history, instances};
pub use pools::Pool;

use crate::instances::Instance;
use crate::tags::Tags;
use crate::wire::Tree;
use crate::world::{State, now_ms};
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
    /// The part of the target that is on demand.
    pub on_demand: u32,
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

impl State {
    /// The fleet's instances that count towards its target.
    pub fn held<'a>(&'a self, fleet: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.instances.iter().filter(move |i| i.fleet == fleet && i.state.counts())
    }

    pub fn fulfilled(&self, fleet: &str) -> u32 {
        self.held(fleet).map(|i| i.weight).sum()
    }

    /// The weight of the instances that are on demand, or of those that are not.
    pub fn weight_of(&self, fleet: &str, on_demand: bool) -> u32 {
        self.held(fleet).filter(|i| i.on_demand == on_demand).map(|i| i.weight).sum()
    }

    pub fn activity(&self, fleet: &Fleet) -> &'static str {
        let fulfilled = self.fulfilled(&fleet.id);
        match fleet.state {
            FleetState::DeletedTerminating => "pending_termination",
            _ if fleet.last_error.is_some() && fulfilled == 0 => "error",
            _ if fulfilled >= fleet.target => "fulfilled",
            _ => "pending_fulfillment",
        }
    }

    pub fn fleet_tags(&self, fleet: &Fleet) -> Tags {
        self.tags_of(&fleet.id)
    }
}
