//! Events that a supervisor emits to observers. Events inform; nothing depends on them.

use spotmill_core::ids::{AttemptId, Generation, ItemIndex, RunId, StepName};
use spotmill_core::item::{FailureClass, RowCounts, Usage};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemId {
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    pub item: ItemIndex,
    pub attempt: AttemptId,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WorkerEvent {
    ItemStarted {
        id: ItemId,
        worker: String,
        pid: u32,
    },
    /// Now and then while the child runs.
    ChildMemory {
        id: ItemId,
        bytes: u64,
        limit_bytes: u64,
    },
    /// This attempt's receipt stands.
    ItemDone {
        id: ItemId,
        rows: RowCounts,
        files: u64,
        bytes: u64,
        notes: Vec<String>,
        usage: Usage,
    },
    /// Another attempt's receipt (`id.attempt`) was there already.
    ItemCommittedByAnother {
        id: ItemId,
    },
    /// The attempt failed; with `retry_in_ms` another follows, else the item has failed in this epoch.
    ItemFailed {
        id: ItemId,
        class: FailureClass,
        message: String,
        remedy: Option<String>,
        /// Counted failures of this epoch, this one included.
        attempts: u32,
        retry_in_ms: Option<u64>,
    },
    /// For the next round, with twice the memory.
    ItemNeedsMemory {
        id: ItemId,
        message: String,
        peak_bytes: u64,
    },
    /// Handed back because the machine goes away or the run was stopped.
    ItemLost {
        id: ItemId,
        message: String,
    },
    /// A message that means nothing (another epoch's, malformed) was removed.
    MessageDropped {
        why: String,
    },
    /// A moment of this machine's life, counted from its boot.
    Milestone {
        what: &'static str,
        since_boot_ms: u64,
    },
    /// An error of a store or a queue that is being retried, and the like.
    Note {
        message: String,
    },
}

/// Called from the supervisor's tasks; it must return quickly.
pub type EventSink = Arc<dyn Fn(WorkerEvent) + Send + Sync>;

pub fn no_events() -> EventSink {
    Arc::new(|_| {})
}
