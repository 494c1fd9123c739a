//! What a supervisor and a fork server tell each other: a line of JSON a message, over the one socket that the fork server has as its
//! standard input. A fork server forks, reports and reaps; it decides nothing.

use rustix::process::WaitIdStatus;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The worker's command that serves as a fork server.
pub const COMMAND: &str = "fork-server";

/// To the fork server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Fork(Fork),
    /// The process has ended, and its group has been cleared: its number may be another's.
    Reap {
        pid: i32,
    },
}

/// A process that does what the program does when it is started this way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fork {
    /// The supervisor's number for it.
    pub id: u64,
    pub args: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub directory: PathBuf,
    /// Takes both outputs; emptied first.
    pub log: PathBuf,
    /// Whose it is, where it is not the fork server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
}

/// From the fork server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Once, when it can fork.
    Ready,
    /// Once instead of that: its process is not one that may be forked.
    Unfit(String),
    Forked {
        id: u64,
        pid: i32,
    },
    NotForked {
        id: u64,
        why: String,
    },
    /// The process has ended; it is not reaped yet.
    Ended {
        id: u64,
        end: End,
    },
}

/// How a process ended, as the system counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Code(i32),
    Signal(i32),
}

impl From<WaitIdStatus> for End {
    fn from(status: WaitIdStatus) -> End {
        status.exit_status().map_or_else(|| End::Signal(status.terminating_signal().unwrap_or_default()), End::Code)
    }
}
