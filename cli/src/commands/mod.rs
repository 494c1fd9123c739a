//! One file a command. Each takes what it needs and returns an exit code or a `Stop` with the reason why not.

pub mod author;
pub mod cost;
#[cfg(feature = "aws")]
pub mod deploy;
#[cfg(feature = "aws")]
pub mod destroy;
pub mod diff;
#[cfg(feature = "aws")]
pub mod doctor;
pub mod explain;
pub mod gc;
pub mod init;
pub mod item;
pub mod lineage;
mod lineage_columns;
pub mod lineage_send;
pub mod manual;
pub mod next;
#[cfg_attr(not(feature = "aws"), path = "without_aws.rs")]
pub mod on_aws;
pub mod plan;
#[cfg(feature = "aws")]
pub mod plan_fleet;
pub mod range;
pub mod report;
pub mod run;
pub mod runs;
pub mod show;
#[cfg(feature = "aws")]
pub mod smoke;
pub mod sql;
#[cfg(feature = "aws")]
pub mod start;
#[cfg(feature = "aws")]
pub mod status;
#[cfg(feature = "aws")]
pub mod stop;
pub mod test;
pub mod version;
#[cfg(feature = "aws")]
pub mod worker;
