//! A fleet as the place that holds it shows it: what it shall have, its machines, what happened to it; and how it
//! can be changed while it lives. Data only: `tail` decides over it, and `watch` of core/ec2.

/// vCPUs that a fleet keeps, and how many of these are on demand instead of spot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub vcpus: u32,
    pub on_demand: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetNow {
    pub target: Target,
    /// Those that ended, too, as long as they are shown.
    pub machines: Vec<MachineNow>,
    /// Machine types and zones it may take; their product are its pools.
    pub types: usize,
    pub zones: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MachineNow {
    pub id: String,
    /// `r7g.2xlarge`
    pub kind: String,
    /// `us-east-1a`
    pub zone: String,
    pub vcpus: u32,
    pub on_demand: bool,
    pub launched_ms: u64,
    /// It starts or runs.
    pub works: bool,
    /// Why it ended, as the place reports it; empty while it works.
    pub reason: String,
}

impl FleetNow {
    pub fn working(&self) -> impl Iterator<Item = &MachineNow> {
        self.machines.iter().filter(|m| m.works)
    }

    /// vCPUs of machines that start or run.
    pub fn vcpus(&self) -> u32 {
        self.working().map(|m| m.vcpus).sum()
    }
}

/// A line of a fleet's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetEvent {
    pub at_ms: u64,
    /// `service-error`, `instance-change`, `fleet-change`, `information`.
    pub kind: String,
    /// `spotInstanceCountLimitExceeded`
    pub sub_kind: String,
    pub text: String,
}

/// A change of a living fleet: its target first, then these machines end, so that none is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resize {
    pub target: Target,
    pub end: Vec<String>,
}
