//! Instances: processes of this machine that pass for machines. What they are; `life.rs` lives them.

mod actions;
mod birth;
pub mod imds;
mod instance;
pub mod life;
pub mod sessions;
pub mod watchdog;

pub use actions::{console_output, describe, run, terminate};
pub use birth::{Birth, birth};
pub use instance::{Instance, InstanceState, Order};
