//! Makers of fleets and machines, in one line each.

use spotmill_core::fleet::{FleetNow, MachineNow, Target};

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
