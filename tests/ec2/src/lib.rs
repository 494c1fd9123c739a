#![doc = include_str!("../README.md")]

mod adopt;
mod catalogue;
mod config;
mod control;
mod experiments;
mod faults;
mod fleets;
mod handle;
mod ids;
mod instances;
mod listener;
mod network;
mod prices;
mod requirements;
mod server;
mod snapshot;
mod tags;
mod templates;
mod wire;
mod world;

pub use adopt::{Adopt, AdoptSubnet, AdoptTemplate};
pub use catalogue::Arch;
pub use config::LocalEc2Config;
pub use faults::{Capacity, Fault, LaunchError, Spelling};
pub use fleets::FleetState;
pub use handle::LocalEc2;
pub use instances::InstanceState;
pub use snapshot::{DryRun, InstanceView, Snapshot};
