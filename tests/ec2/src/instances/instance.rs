//! What is kept of an instance.

use crate::fleets::Pool;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio::sync::mpsc::UnboundedSender;

pub struct Instance {
    pub number: u64,
    pub id: String,
    pub fleet: String,
    pub pool: Pool,
    /// What it counts towards the fleet's target.
    pub weight: u32,
    pub on_demand: bool,
    pub spot_request: String,
    pub reservation: String,
    pub ip: String,
    pub state: InstanceState,
    /// Why it ended: code and message.
    pub reason: Option<(String, String)>,
    pub launched_ms: u64,
    pub running_ms: Option<u64>,
    pub ended_ms: Option<u64>,
    /// When it will be taken away, once a notice was given.
    pub notice_ms: Option<u64>,
    pub rebalance_ms: Option<u64>,
    pub pid: Option<u32>,
    pub imds_port: Option<u16>,
    pub dir: PathBuf,
    /// Whether its template lets it see its tags.
    pub metadata_tags: bool,
    pub(super) orders: UnboundedSender<Order>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
}

impl InstanceState {
    pub fn name(self) -> &'static str {
        match self {
            InstanceState::Pending => "pending",
            InstanceState::Running => "running",
            InstanceState::ShuttingDown => "shutting-down",
            InstanceState::Terminated => "terminated",
        }
    }

    pub fn code(self) -> u32 {
        match self {
            InstanceState::Pending => 0,
            InstanceState::Running => 16,
            InstanceState::ShuttingDown => 32,
            InstanceState::Terminated => 48,
        }
    }

    /// Towards a fleet's target.
    pub fn counts(self) -> bool {
        matches!(self, InstanceState::Pending | InstanceState::Running)
    }
}

/// The orders that a living instance takes.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// SIGTERM, then SIGKILL after the grace.
    Terminate { code: &'static str, message: &'static str },
    /// Spot interruption: the notice now, SIGKILL at this time.
    Interrupt { at_ms: u64 },
    /// SIGKILL without a word.
    Kill,
}
