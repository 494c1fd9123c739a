//! The functions that the state machines call: each loads records, asks `spotmill_core` for a decision, and applies
//! it. They hold nothing between calls, run anywhere the ports do, and may be killed at any line: the next call finds
//! records, not promises.

pub mod after_publish;
mod apart;
mod arrow_schema;
pub mod attempts;
pub mod await_input;
#[cfg(feature = "aws")]
pub mod aws;
pub mod begin;
mod capacity;
mod carry;
pub mod columns;
mod contract;
mod create;
pub mod dead_letters;
pub mod deploy;
pub mod destination;
pub mod dispatch_work;
pub mod error;
pub mod explain;
pub mod fleet_events;
pub mod fleet_preview;
mod footer;
pub mod foreseen;
pub mod forget;
pub mod functions;
pub mod gc;
mod glue;
pub mod history;
mod inputs;
pub mod inspect;
pub mod kill_fleet;
pub mod launch_fleet;
mod lease;
pub mod ledger;
mod leftovers;
pub mod lineage;
pub mod lineage_columns;
pub mod machines;
pub mod openlineage;
pub mod page;
mod pins;
pub mod plan_work;
pub mod preview;
mod program;
pub mod publish;
pub mod reap;
pub mod renew;
pub mod report;
mod round;
mod several;
pub mod standing;
mod step;
mod summary;
mod table;
mod tail;
pub mod tally;
mod update;
pub mod verdict;
mod watch;
mod work;

pub use error::HandlerError;
pub use functions::{CalledBy, FUNCTIONS, Function, invoke};
pub use program::Program;

use spotmill_core::command::Caller;
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Catalogs, Clock, Executions, Fleets, Hooks, Queue, Store};
use std::sync::Arc;

/// Everything a function may touch.
#[derive(Clone)]
pub struct Ctx {
    /// The state root: a bucket, or `.spotmill` on one machine.
    pub root: Uri,
    pub store: Arc<dyn Store>,
    pub queues: Arc<dyn Queue>,
    pub fleets: Arc<dyn Fleets>,
    pub executions: Arc<dyn Executions>,
    pub clock: Arc<dyn Clock>,
    /// Tables of Glue; None where nothing can be told to them.
    pub catalogs: Option<Arc<dyn Catalogs>>,
    /// Commands of this machine; None where there are none.
    pub hooks: Option<Arc<dyn Hooks>>,
    pub settings: Settings,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// The queue that workers call back on.
    pub callbacks: String,
    /// The target whose overrides of params apply when the input names none: `aws`, `local`.
    pub target: String,
    /// What relative paths of a pipeline are relative to; none where all are `s3://`.
    pub base: Option<Uri>,
    /// The caller whose commands messages name.
    pub caller: Caller,
    /// Seconds after which files under `scratch/` may be gone; none: they stay.
    pub scratch_secs: Option<u64>,
    /// Files a call of publish copies or deletes.
    pub publish_page: usize,
    /// Messages between two writes of dispatch's cursor.
    pub dispatch_page: u32,
    /// vCPUs that all fleets may have together; none: no limit but the account's.
    pub max_vcpus: Option<u32>,
    /// Seconds that a machine takes to its first item; none: the machines exist already, and a fleet of more slots
    /// costs nothing.
    pub boot_secs: Option<u64>,
    /// Requests to a store or queue under way at once.
    pub parallel: usize,
    /// The namespace of this place's jobs in lineage events.
    pub job_namespace: String,
    /// An input that is not there is checked once and not waited for.
    pub checks_once: bool,
    /// When this call is ended from outside, in milliseconds since 1970; none: never.
    pub deadline_ms: Option<u64>,
}

impl Ctx {
    /// Returns whether too little of this call's time is left to begin anything long.
    pub fn must_hand_over(&self) -> bool {
        let left = |end: u64| end.saturating_sub(self.clock.now_ms());
        self.settings.deadline_ms.is_some_and(|end| left(end) < spotmill_core::bounds::HAND_OVER_SECS * 1000)
    }
}

impl Settings {
    /// Default settings; what has no default is an argument.
    pub fn new(callbacks: impl Into<String>) -> Self {
        Self {
            callbacks: callbacks.into(),
            target: "aws".to_owned(),
            base: None,
            caller: Caller { anywhere: true, ..Caller::new("aws") },
            scratch_secs: None,
            publish_page: spotmill_core::bounds::PUBLISH_PAGE,
            dispatch_page: spotmill_core::bounds::DISPATCH_PAGE,
            max_vcpus: None,
            boot_secs: None,
            parallel: 64,
            job_namespace: "spotmill".to_owned(),
            checks_once: false,
            deadline_ms: None,
        }
    }
}

/// An empty reply: the work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Nothing {}
