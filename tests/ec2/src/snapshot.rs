//! Everything that is and was, as data: what a test reads to find leaks.

use crate::fleets::{Event, FleetState};
use crate::instances::InstanceState;
use crate::world::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub templates: Vec<TemplateView>,
    pub fleets: Vec<FleetView>,
    pub instances: Vec<InstanceView>,
    /// Calls that were only asked about, oldest first.
    #[serde(default)]
    pub dry_runs: Vec<DryRun>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    pub action: String,
    /// As the form had them: `TargetCapacitySpecification.TotalTargetCapacity`.
    pub parameters: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateView {
    pub id: String,
    pub name: String,
    pub default: u64,
    /// Numbers of the versions that stand.
    pub versions: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FleetView {
    pub id: String,
    pub state: FleetState,
    pub target: u32,
    #[serde(default)]
    pub on_demand: bool,
    pub fulfilled: u32,
    pub created_ms: u64,
    pub ended_ms: Option<u64>,
    pub tags: BTreeMap<String, String>,
    pub history: Vec<Event>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceView {
    pub id: String,
    pub fleet: String,
    pub template: String,
    pub version: u64,
    pub kind: String,
    pub vcpus: u32,
    #[serde(default)]
    pub on_demand: bool,
    pub zone: String,
    pub state: InstanceState,
    /// Why it ended, `code: message`.
    pub reason: Option<String>,
    pub launched_ms: u64,
    pub running_ms: Option<u64>,
    pub ended_ms: Option<u64>,
    pub notice_ms: Option<u64>,
    pub pid: Option<u32>,
    pub imds_port: Option<u16>,
    /// Holds `console.log` and whatever the user data wrote.
    pub dir: PathBuf,
    pub tags: BTreeMap<String, String>,
}

impl Snapshot {
    pub fn of(state: &State) -> Snapshot {
        Snapshot {
            templates: state.templates.iter().map(template).collect(),
            fleets: state.fleets.iter().map(|f| fleet(state, f)).collect(),
            instances: state.instances.iter().map(|i| instance(state, i)).collect(),
            dry_runs: state
                .dry_runs
                .iter()
                .map(|(action, asked)| DryRun { action: action.clone(), parameters: asked.leaves() })
                .collect(),
        }
    }

    /// Instances that have not ended.
    pub fn living(&self) -> impl Iterator<Item = &InstanceView> {
        self.instances.iter().filter(|i| i.ended_ms.is_none())
    }

    pub fn running(&self) -> Vec<&InstanceView> {
        self.instances.iter().filter(|i| i.state == InstanceState::Running).collect()
    }

    /// Fleets that have not ended.
    pub fn living_fleets(&self) -> impl Iterator<Item = &FleetView> {
        self.fleets.iter().filter(|f| f.ended_ms.is_none())
    }
}

fn template(template: &crate::templates::Template) -> TemplateView {
    TemplateView {
        id: template.id.clone(),
        name: template.name.clone(),
        default: template.default,
        versions: template.versions.keys().copied().collect(),
    }
}

fn fleet(state: &State, fleet: &crate::fleets::Fleet) -> FleetView {
    FleetView {
        id: fleet.id.clone(),
        state: fleet.state,
        target: fleet.target,
        on_demand: fleet.on_demand,
        fulfilled: state.fulfilled(&fleet.id),
        created_ms: fleet.created_ms,
        ended_ms: fleet.ended_ms,
        tags: state.tags_of(&fleet.id).0,
        history: fleet.history.clone(),
    }
}

fn instance(state: &State, instance: &crate::instances::Instance) -> InstanceView {
    InstanceView {
        id: instance.id.clone(),
        fleet: instance.fleet.clone(),
        template: instance.pool.template.0.clone(),
        version: instance.pool.template.1,
        kind: instance.pool.instance_type.name.clone(),
        vcpus: instance.pool.instance_type.vcpus,
        on_demand: instance.on_demand,
        zone: state.network.zones[instance.pool.zone].name.clone(),
        state: instance.state,
        reason: instance.reason.as_ref().map(|(code, message)| format!("{code}: {message}")),
        launched_ms: instance.launched_ms,
        running_ms: instance.running_ms,
        ended_ms: instance.ended_ms,
        notice_ms: instance.notice_ms,
        pid: instance.pid,
        imds_port: instance.imds_port,
        dir: instance.dir.clone(),
        tags: state.tags_of(&instance.id).0,
    }
}
