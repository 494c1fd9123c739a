//! The settings a supervisor starts with. The caller has chosen every value: nothing in them is optional.

use crate::fork_server::ForkServers;
use crate::own_user::Users;
use spotmill_core::bounds::{AHEAD_SECS, ALIVE_SECS, EXTENSIONS, LIFE_SECS, VISIBILITY_SECS};
use spotmill_core::ids::Uri;
use spotmill_core::life::InstanceRecord;
use spotmill_platform::ports::{Clock, Queue, Store};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

/// The machine this process is on, or the part of it that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    pub vcpus: u32,
    pub memory_bytes: u64,
}

impl Machine {
    /// What the system reports, a container's limit included.
    pub fn this() -> Machine {
        let vcpus = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        Machine { vcpus, memory_bytes: crate::memory::machine_bytes() }
    }
}

/// The worker binary, called as `path args… item --spec FILE --outcome FILE`: reads an `ItemSpec`, writes an
/// `ItemOutcome`.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    pub args: Vec<String>,
    /// What a child is given besides PATH, HOME, TMPDIR, LANG and POLARS_MAX_THREADS: on AWS the region, for example.
    pub env: BTreeMap<String, String>,
    /// From which children are forked; none for a program that is started for each.
    pub fork_servers: Option<Arc<ForkServers>>,
}

impl Program {
    /// Of a worker, whose items are forked from a fork server that all who hold this program share.
    pub fn of_worker(path: PathBuf) -> Program {
        let fork_servers = Some(Arc::new(ForkServers::new(path.clone())));
        Program { path, args: Vec::new(), env: BTreeMap::new(), fork_servers }
    }
}

/// How the machine is divided; items of a round are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub vcpus_per_item: u32,
    pub memory_bytes_per_item: u64,
    /// Never more slots than this.
    pub max_slots: u32,
}

impl Share {
    /// As many items as fit; one runs even where the machine is smaller than the step asks for.
    pub fn slots(&self, machine: Machine) -> u32 {
        let by_vcpus = machine.vcpus / self.vcpus_per_item.max(1);
        let by_memory = machine.memory_bytes / self.memory_bytes_per_item.max(1);
        by_vcpus.min(u32::try_from(by_memory).unwrap_or(u32::MAX)).min(self.max_slots).max(1)
    }
}

/// Waits, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A received message is invisible this long, and every extension renews it.
    pub visibility_ms: u64,
    pub extend_ms: u64,
    /// Longest wait of one receive.
    pub poll_ms: u64,
    /// Between two samples of the children's memory.
    pub sample_ms: u64,
    /// Between SIGTERM and SIGKILL.
    pub term_wait_ms: u64,
    /// A child killed by a signal that is not ours waits this long for a notice before it is a crash.
    pub notice_wait_ms: u64,
    /// Before a notice's deadline children are killed, so that there is time to hand their items back.
    pub notice_margin_ms: u64,
    /// Back-off before the second attempt of a failed item; each further one is four times as long.
    pub retry_ms: u64,
    /// Back-off after errors of stores and queues: doubled each time, at most the second number.
    pub infra_ms: u64,
    pub infra_most_ms: u64,
    /// Between two `alive` callbacks of a running attempt.
    pub alive_ms: u64,
    /// Where items take less than this, one is made ready for each slot while the slot's own still runs; it waits no
    /// longer than this.
    pub ahead_ms: u64,
    /// Between two writes of the machine's own record.
    pub life_ms: u64,
    /// How long a read of the run's lease is believed.
    pub lease_ms: u64,
    /// Requests to a store that does not answer are retried this long before another machine gets the item.
    pub hold_ms: u64,
    /// After `stop_now` what is being committed has this long.
    pub stop_grace_ms: u64,
    /// Time for each last message of an item that is handed back: its record, its callback.
    pub last_word_ms: u64,
    /// From `stop_now` to the end, whatever is still under way.
    pub stop_ms: u64,
}

impl Times {
    /// On spot machines.
    pub const AWS: Times = Times {
        visibility_ms: VISIBILITY_SECS * 1_000,
        extend_ms: VISIBILITY_SECS * 1_000 / EXTENSIONS,
        poll_ms: 20_000,
        sample_ms: 100,
        term_wait_ms: 1_000,
        notice_wait_ms: 10_000,
        notice_margin_ms: 10_000,
        retry_ms: 1_000,
        infra_ms: 1_000,
        infra_most_ms: 3_600_000,
        alive_ms: ALIVE_SECS * 1_000,
        ahead_ms: AHEAD_SECS * 1_000,
        life_ms: LIFE_SECS * 1_000,
        lease_ms: 5_000,
        hold_ms: 900_000,
        stop_grace_ms: 10_000,
        last_word_ms: 3_000,
        // systemd waits 90 s.
        stop_ms: 30_000,
    };
    /// On this machine, which gets no notices: a child that was killed is retried at once, and somebody waits for the
    /// end.
    pub const LOCAL: Times = Times {
        notice_wait_ms: 0,
        lease_ms: 1_000,
        stop_grace_ms: 800,
        last_word_ms: 300,
        stop_ms: 1_800,
        ..Times::AWS
    };

    /// The same times with received items invisible for `secs` seconds.
    pub fn visible_after(self, secs: u64) -> Times {
        Times { visibility_ms: secs * 1_000, extend_ms: secs * 1_000 / EXTENSIONS, ..self }
    }
}

#[derive(Clone, Debug)]
pub struct SupervisorConfig {
    /// The state root.
    pub root: Uri,
    /// The round's work queue.
    pub queue: String,
    pub callbacks: String,
    /// Who this is, in records: an instance id, or a name on this machine.
    pub worker: String,
    /// Digest of the worker binary, for receipts.
    pub worker_digest: String,
    pub program: Program,
    /// Whom children run as; none: as this process. With users, state and data must be in another place than files of
    /// this machine: only copies are handed over.
    pub users: Option<Users>,
    pub machine: Machine,
    pub share: Share,
    /// A directory of its own: specs, logs and the children's temporary files. Removed at the end.
    pub tmp: PathBuf,
    pub times: Times,
    /// Where it writes its own record, and under which identity; none where nobody pays by the hour.
    pub life: Option<(Uri, InstanceRecord)>,
}

/// The place it runs in.
#[derive(Clone)]
pub struct Ports {
    pub store: Arc<dyn Store>,
    pub queue: Arc<dyn Queue>,
    pub clock: Arc<dyn Clock>,
    pub chance: Chance,
}

/// Numbers that nobody else draws; a simulation brings its own.
pub type Chance = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Of this process and the kernel's random numbers.
pub fn chance() -> Chance {
    Arc::new(|| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.finish()
    })
}
