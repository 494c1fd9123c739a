//! Fleets as EC2 has them: which machine types a pipeline may land on, the calls that ask for them, the words in which
//! EC2 reports what happened, and what follows for a fleet that waits. The same request in the same place always gives
//! the same calls, so that whoever lost a reply can repeat the request. Nothing here calls EC2.

mod allowed;
pub mod api;
mod catalogue;
pub mod cause;
mod console;
pub mod machines;
pub mod notice;
pub mod prices;
mod request;
#[cfg(test)]
mod tests;
mod user_data;
pub mod watch;

pub use allowed::{Allowed, Knob};
pub use catalogue::{families, generations};
pub use console::console_tail;
pub use request::{create_fleet, create_on_demand, machines_for, tags, template_versions};
pub use user_data::user_data;

use serde::{Deserialize, Serialize};
use spotmill_core::fleet::Architecture;
use spotmill_core::ids::Uri;
use std::collections::BTreeMap;

/// Tags of everything a stack owns, and of everything a round owns.
pub const STACK_TAG: &str = "spotmill:stack";
pub const FLEET_TAG: &str = "spotmill:fleet";
pub const RUN_TAG: &str = "spotmill:run";
pub const STEP_TAG: &str = "spotmill:step";
pub const EXECUTION_TAG: &str = "spotmill:execution";

/// Where a stack launches machines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FleetPlace {
    pub stack: String,
    /// The state root.
    pub root: Uri,
    pub region: String,
    /// Launch template id by architecture.
    pub templates: BTreeMap<Architecture, String>,
    /// One subnet a zone, and no zone twice.
    pub subnets: Vec<String>,
    /// Seconds that an item stays a machine's without a call from it.
    pub visibility_secs: u64,
}
