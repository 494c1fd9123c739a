//! One file a command. Each takes what it needs and returns an exit code or a `Stop` with the reason why not.

pub mod author;
pub mod deploy;
pub mod destroy;
pub mod doctor;
pub mod gc;
pub mod init;
pub mod item;
pub mod manual;
pub mod next;
pub mod plan;
pub mod plan_fleet;
pub mod run;
pub mod runs;
pub mod show;
pub mod sql;
pub mod start;
pub mod status;
pub mod stop;
pub mod version;
