//! One attempt at one item: what was received, and what was made ready for the child.

use crate::cache::Cache;
use crate::config::{Ports, SupervisorConfig};
use crate::events::{EventSink, ItemId, WorkerEvent};
use crate::post_mortem::OUTCOME;
use crate::state::budget::Waits;
use spotmill_core::digest::short;
use spotmill_core::ids::{AttemptId, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::StepKeys;
use spotmill_core::model::ItemProcesses;
use spotmill_core::records::WorkMessage;
use spotmill_platform::ports::Message;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What every part of the shell works with.
pub struct Context {
    pub config: SupervisorConfig,
    pub ports: Ports,
    pub events: EventSink,
    pub cache: Cache,
}

impl Context {
    pub fn emit(&self, event: WorkerEvent) {
        (self.events)(event);
    }

    /// How long is waited before a try.
    pub fn waits(&self) -> Waits {
        let times = &self.config.times;
        Waits { retry_ms: times.retry_ms, infra_ms: times.infra_ms, infra_most_ms: times.infra_most_ms }
    }

    pub fn note(&self, message: impl Into<String>) {
        self.emit(WorkerEvent::Note { message: message.into() });
    }
}

/// A message that was understood, with the attempt that answers it.
#[derive(Clone, Debug)]
pub struct Claim {
    pub message: Message,
    pub work: WorkMessage,
    pub keys: StepKeys,
    pub attempt: AttemptId,
    pub max_attempts: u32,
    /// Holds spec, copies, log, and the child's own: `answer`, `out` and `tmp`.
    pub directory: PathBuf,
}

impl Claim {
    pub fn id(&self) -> ItemId {
        ItemId {
            run: self.work.run.clone(),
            step: self.work.step.clone(),
            generation: self.work.generation,
            item: self.work.item,
            attempt: self.attempt.clone(),
        }
    }
}

/// Ready to start.
#[derive(Clone, Debug)]
pub struct Job {
    pub claim: Claim,
    pub item_digest: String,
    /// Everything the child reads, side tables too, as it was pinned.
    pub reads: Vec<InputFile>,
    /// Nothing explains how earlier receives ended, so nothing else may run beside it.
    pub isolated: bool,
    pub threads: u32,
    pub memory_bytes: u64,
    pub timeout_ms: u64,
    pub processes: ItemProcesses,
    /// What the item writes goes into one object.
    pub is_bundled: bool,
}

impl Job {
    pub fn spec(&self) -> PathBuf {
        self.claim.directory.join("spec.json")
    }
    pub fn outcome(&self) -> PathBuf {
        self.answer().join(OUTCOME)
    }
    /// A folder of its own, which the child may write to: the spec and the copies beside it are not its to change.
    pub fn answer(&self) -> PathBuf {
        self.claim.directory.join("answer")
    }
    pub fn log(&self) -> PathBuf {
        self.claim.directory.join("log.txt")
    }
    /// What the child wrote, as one file.
    pub fn bundle(&self) -> PathBuf {
        self.claim.directory.join("bundle")
    }
    pub fn tmp(&self) -> PathBuf {
        self.claim.directory.join("tmp")
    }
}

/// Unlike any other: the machine's name, the moment, and chance.
pub fn new_attempt(worker: &str, now_ms: u64, chance: u64) -> AttemptId {
    AttemptId::new(short(format!("{worker} {now_ms} {chance}").as_bytes(), 16))
}

/// Objects that must match their pins before a receipt may state that they were read: each once, with a file that it
/// holds.
pub fn objects(files: &[InputFile]) -> Vec<(Uri, &InputFile)> {
    let by_object: BTreeMap<_, _> = files.iter().map(|f| (f.object(), f)).collect();
    by_object.into_iter().collect()
}
