//! The ports on AWS. The only place that names the SDKs.

pub mod config;
mod endpoint;
mod error;
#[cfg(feature = "fleets")]
pub mod executions;
#[cfg(feature = "fleets")]
mod filter;
#[cfg(feature = "fleets")]
pub mod fleets;
pub mod glue;
pub mod instance;
mod lazy_glue;
mod patience;
mod pause;
pub mod post;
pub mod queue;
#[cfg(feature = "fleets")]
mod quotas;
mod record;
mod signed;
#[cfg(feature = "fleets")]
mod spot;
#[cfg(feature = "stacks")]
pub mod stacks;
pub mod store;

pub use config::{Aws, this_instance};
#[cfg(feature = "fleets")]
pub use executions::SfnExecutions;
#[cfg(feature = "fleets")]
pub use fleets::{Ec2Fleets, FleetSettings};
pub use glue::Glue;
pub use instance::ImdsInstance;
pub use lazy_glue::LazyGlue;
pub use queue::{QueueSettings, SqsQueues};
pub use store::{S3Store, Unusable};
