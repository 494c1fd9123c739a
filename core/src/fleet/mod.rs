//! A round's machines in words of no cloud: what is asked for (`FleetRequest`, also the record `fleet-{round}.json`), what
//! stands, what its machines cost, and which of them may end.

pub mod capacity;
pub mod life;
pub mod notice;
mod now;
pub mod remarks;
pub mod tail;

pub use crate::architecture::Architecture;
pub use notice::{Notice, Subject};
pub use now::{FleetEvent, FleetNow, MachineNow, Resize, Target};

use crate::bounds::FLEET_LIFE_SECS;
use crate::ids::{ExecutionId, RunId, StepName, Uri};
use crate::model;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is asked of a round's fleet; also the record `fleet-{round}.json`, written before the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FleetRequest {
    pub v: u32,
    /// hash(run, step, generation, epoch, round): names the fleet, its queue and the idempotency token.
    pub name: String,
    pub queue: String,
    pub callbacks: String,
    pub run: RunId,
    pub step: StepName,
    pub vcpus_per_item: u32,
    pub memory_bytes_per_item: u64,
    /// Never more slots than items.
    pub max_slots: u32,
    /// The child execution whose end lets a reaper end the fleet.
    pub execution: ExecutionId,
    /// The worker's digest (sha256) by architecture, `x86_64` and `aarch64`: what machines fetch and run.
    #[serde(default)]
    pub workers: BTreeMap<String, String>,
    /// Where its machines write down their lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Uri>,
    /// When the machines end whatever happens, in milliseconds since 1970.
    pub valid_until_ms: u64,
    /// The pipeline's `[fleet]`: which machines it allows, and at what price.
    #[serde(default)]
    pub knobs: model::Fleet,
    /// Why it has as many slots, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

impl FleetRequest {
    /// When it was asked for.
    pub fn asked_ms(&self) -> u64 {
        self.valid_until_ms.saturating_sub(FLEET_LIFE_SECS * 1000)
    }

    /// As it is seen once it lives, with its vCPUs.
    pub fn living(&self, vcpus: u32) -> LivingFleet {
        LivingFleet {
            name: self.name.clone(),
            run: self.run.clone(),
            step: self.step.clone(),
            execution: self.execution.clone(),
            vcpus,
        }
    }
}

/// A fleet as its tags describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct LivingFleet {
    pub name: String,
    pub run: RunId,
    pub step: StepName,
    pub execution: ExecutionId,
    /// vCPUs that it is to have, as far as EC2 shows: less once it was made smaller, 0 before it is launched.
    pub vcpus: u32,
}

/// Why no fleet can be asked for, and what to do: waiting does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FleetProblem(pub String);
