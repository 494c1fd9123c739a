//! An execution: where it stands, what it waits for, what it remembers and what happened so far. Plain data that can be
//! kept and compared; only `step` changes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::machine::Integration;
use crate::messages::TaskId;

/// One run through a machine. The default one has not started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) input: Value,
    pub(crate) status: Status,
    /// When the machine's own time-out strikes.
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) state: String,
    pub(crate) state_input: Value,
    pub(crate) variables: BTreeMap<String, Value>,
    /// Retries made so far on this visit of the state, by retrier.
    pub(crate) retries: Vec<u64>,
    pub(crate) waiting: Waiting,
    pub(crate) tasks_started: u64,
    pub(crate) history: Vec<Record>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Status {
    #[default]
    NotStarted,
    Running,
    Succeeded {
        output: Value,
    },
    Failed {
        error: String,
        cause: String,
    },
    TimedOut,
    Aborted {
        error: String,
        cause: String,
    },
}

/// What a running execution waits for between two steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Waiting {
    #[default]
    Nothing,
    Task {
        task: TaskId,
        integration: Integration,
        deadline_ms: u64,
        heartbeat_deadline_ms: Option<u64>,
    },
    Retry {
        due_ms: u64,
    },
    /// In a state that waits: then it goes on.
    Pause {
        due_ms: u64,
    },
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub at_ms: u64,
    pub state: String,
    pub what: Happened,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Happened {
    Entered,
    Exited,
    Retrying { error: String, wait_ms: u64 },
    Caught { error: String },
    Ended,
}

impl Execution {
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn status(&self) -> &Status {
        &self.status
    }

    pub fn has_ended(&self) -> bool {
        !matches!(self.status, Status::NotStarted | Status::Running)
    }

    /// The state it is in, or ended in.
    pub fn current_state(&self) -> &str {
        &self.state
    }

    pub fn variables(&self) -> &BTreeMap<String, Value> {
        &self.variables
    }

    pub fn history(&self) -> &[Record] {
        &self.history
    }

    /// The states entered, in order; a retried state counts once a visit.
    pub fn states_visited(&self) -> Vec<&str> {
        let entered = self.history.iter().filter(|record| record.what == Happened::Entered);
        entered.map(|record| record.state.as_str()).collect()
    }

    /// The token of a try: whose it is and which, so that a stale one differs from a false one.
    pub(crate) fn token(&self, task: TaskId) -> String {
        format!("{}#{}", self.id, task.0)
    }
}
