//! Makers of requests and of lines of a fleet's history.

use spotmill_core::bounds::FLEET_LIFE_SECS;
use spotmill_core::fleet::{FleetEvent, FleetRequest};
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

pub fn event(at_secs: u64, kind: &str, sub_kind: &str, text: &str) -> FleetEvent {
    FleetEvent { at_ms: at_secs * 1000, kind: kind.into(), sub_kind: sub_kind.into(), text: text.into() }
}
