//! Makers of fleets, machines and histories, in one line each.

use spotmill_core::bounds::FLEET_LIFE_SECS;
use spotmill_core::fleet::{FleetEvent, FleetNow, FleetRequest, MachineNow, Target};
use spotmill_core::model;

/// Asked for at 0, for 16 slots of 2 vCPUs.
pub fn request() -> FleetRequest {
    FleetRequest {
        v: 1,
        name: "f".into(),
        queue: "f".into(),
        callbacks: "callbacks".into(),
        run: "p/1".into(),
        step: "s".into(),
        vcpus_per_item: 2,
        memory_bytes_per_item: 1 << 30,
        max_slots: 16,
        execution: "arn:e".into(),
        workers: Default::default(),
        instances: None,
        because: String::new(),
        valid_until_ms: FLEET_LIFE_SECS * 1000,
        knobs: model::Fleet::default(),
    }
}

/// `i-1`, `i-2:gone`, `i-3@600` (launched at that second), `i-4:Client.InstanceInitiatedShutdown`; 4 vCPUs each.
pub fn machine(text: &str) -> MachineNow {
    let (text, reason) = text.split_once(':').unwrap_or((text, ""));
    let (id, at) = text.split_once('@').unwrap_or((text, "0"));
    MachineNow {
        id: id.into(),
        kind: "r7g.xlarge".into(),
        zone: "us-east-1a".into(),
        vcpus: 4,
        on_demand: id.starts_with("od-"),
        launched_ms: at.parse::<u64>().unwrap() * 1000,
        works: reason.is_empty(),
        reason: reason.into(),
    }
}

/// A fleet of 32 vCPUs with these machines.
pub fn fleet(machines: &str) -> FleetNow {
    FleetNow {
        target: Target { vcpus: 32, on_demand: 0 },
        machines: machines.split_whitespace().map(machine).collect(),
        types: 29,
        zones: 5,
    }
}

pub fn event(at_secs: u64, kind: &str, sub_kind: &str, text: &str) -> FleetEvent {
    FleetEvent { at_ms: at_secs * 1000, kind: kind.into(), sub_kind: sub_kind.into(), text: text.into() }
}
