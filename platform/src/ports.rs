//! The ports. Errors state what a caller can do about them: retry, give up, or read again because the outcome is
//! unknown. Clocks are ports too, so that tests choose the time.

use async_trait::async_trait;
pub use spotmill_core::claim::ExecutionState;
pub use spotmill_core::fleet::{FleetEvent, FleetNow, FleetRequest, LivingFleet, Resize, Subject};
use spotmill_core::ids::{ExecutionId, Uri};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{0} does not exist")]
    NotFound(Uri),
    #[error("no permission for {uri}")]
    Denied {
        uri: Uri,
        #[source]
        source: BoxError,
    },
    #[error("no space left to write {0}")]
    Full(Uri),
    /// The version that was asked for is not the one that stands there.
    #[error("{0} was changed")]
    Changed(Uri),
    /// Another process holds the location, and perhaps does nothing with it: a stopped one holds it too.
    #[error("{0} is held by another process")]
    Busy(Uri),
    /// Throttling, time-outs, network: nothing happened, or nothing that matters.
    #[error("{uri}: {what}")]
    Transient {
        uri: Uri,
        what: String,
        #[source]
        source: BoxError,
    },
    /// A conditional write whose reply was lost: read again and recognise your own mark.
    #[error("{uri}: the outcome of the write is unknown")]
    Unknown {
        uri: Uri,
        #[source]
        source: BoxError,
    },
    #[error("{uri}: {what}")]
    Broken {
        uri: Uri,
        what: String,
        #[source]
        source: BoxError,
    },
}

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    pub uri: Uri,
    pub etag: String,
    pub bytes: u64,
    /// When it was written, by the clock of whoever holds it; 0 where that is not known.
    pub modified_ms: u64,
    /// Which file of this machine it is, by its device and inode, whatever its name; None in an object store.
    pub file: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
pub struct Object {
    pub etag: String,
    pub body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Now,
    /// Somebody's object stands there (perhaps our own, from a write whose reply was lost).
    Already,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// With the new ETag.
    Yes(String),
    /// Another version stands there.
    No,
}

/// What `Store::hold` gives: dropping it lets go.
#[derive(Default)]
pub struct Hold {
    _held: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl Hold {
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Some(Box::new(held)) }
    }
}

/// Objects that outlive any machine.
#[async_trait]
pub trait Store: Send + Sync {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError>;
    /// Bytes `from..to` of an object; fewer when it ends before `to`.
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError>;
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError>;
    /// Create if absent; a reader sees all of it or nothing.
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError>;
    /// Replace the version `etag`.
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError>;
    /// Write whatever stands there; for objects whose content is determined by their key, or that only inform.
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError>;
    /// `put` of what comes in pages: an object of any size. An adapter that cannot do it in little memory holds it
    /// whole.
    async fn put_pages(&self, uri: &Uri, pages: &mut (dyn Iterator<Item = Vec<u8>> + Send)) -> Result<(), StoreError> {
        self.put(uri, &pages.flatten().collect::<Vec<u8>>()).await
    }
    /// All objects whose location begins with `prefix`, in order of their names (bytewise).
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError>;
    /// Where the location is once links are followed: of what exists of it, with the rest as it stands. Where there are no
    /// links it is itself.
    async fn real(&self, location: &Uri) -> Result<Uri, StoreError> {
        Ok(location.clone())
    }
    /// Links to folders among what `list` follows, and where each leads.
    async fn links(&self, _prefix: &Uri) -> Result<Vec<(Uri, Uri)>, StoreError> {
        Ok(Vec::new())
    }
    /// Server-side copy; overwrites. It outlasts a power cut once `flush` has returned. The answer names what was copied
    /// (`digest::Content`) where this store has the bytes in its hands anyway.
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError>;
    /// `copy` of a range of an object, by the store itself. An object that ends before: `Changed`.
    async fn copy_range(&self, from: &Uri, range: Range<u64>, to: &Uri) -> Result<Option<String>, StoreError>;
    /// Absent is fine. It outlasts a power cut once `flush` has returned.
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError>;
    /// Whatever was copied, deleted or written by others below the location outlasts a power cut from now on. Nothing
    /// to do where a reply already means that.
    async fn flush(&self, _location: &Uri) -> Result<(), StoreError> {
        Ok(())
    }
    /// Keeps other processes that ask for the same location out until the answer is dropped, however this process
    /// ends; `Busy` while another has it. Where processes do not share a machine it keeps nobody out.
    async fn hold(&self, _location: &Uri) -> Result<Hold, StoreError> {
        Ok(Hold::default())
    }
    /// Removes what killed writers of this store left below a location; for whoever holds it. Returns how many.
    async fn sweep(&self, _location: &Uri) -> Result<usize, StoreError> {
        Ok(0)
    }
    /// The version `etag` of an object into a file of this machine, which is made or replaced, in little memory;
    /// returns its bytes. Another version there: `Changed`.
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError>;
    /// `download` of a range of the version. One that ends before is not what was asked for: an error.
    async fn download_range(&self, uri: &Uri, etag: &str, range: Range<u64>, to: &Path) -> Result<(), StoreError>;
    /// A file of this machine, of any size, in little memory; overwrites. A reader sees all of it or nothing.
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError>;
}

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("there is no queue {0}")]
    NoQueue(String),
    /// The message was received again, or deleted, since. Not every queue can detect it; the others return no error.
    #[error("queue {0}: the receipt is of an earlier receive")]
    Stale(String),
    #[error("queue {queue}: {what}")]
    Transient {
        queue: String,
        what: String,
        #[source]
        source: BoxError,
    },
}

#[derive(Clone, Debug)]
pub struct Message {
    pub body: String,
    /// Proof of this receive; an old one is refused or ignored, it never acts.
    pub receipt: String,
    /// 1 on the first receive.
    pub receives: u32,
}

/// Messages that are hints: at least once, unordered, invisible for a while after a receive.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Absent: made. Present: fine.
    async fn create(&self, queue: &str) -> Result<(), QueueError>;
    /// Absent is fine.
    async fn remove(&self, queue: &str) -> Result<(), QueueError>;
    /// Bodies that were not accepted, by index, to be resent.
    async fn send(&self, queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError>;
    /// Up to `most` messages (at most 10), waiting up to `wait` for the first; empty is no proof of emptiness.
    async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError>;
    /// Invisible for `visibility` from now; zero gives it back at once.
    async fn extend(&self, queue: &str, receipt: &str, visibility: Duration) -> Result<(), QueueError>;
    async fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError>;
}

#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error("fleet {name}: {what}")]
    Transient {
        name: String,
        what: String,
        #[source]
        source: BoxError,
    },
    #[error("fleet {name} was refused: {what}")]
    Refused { name: String, what: String },
}

#[async_trait]
pub trait Fleets: Send + Sync {
    /// Asking twice with the same request is one fleet.
    async fn launch(&self, request: &FleetRequest) -> Result<(), FleetError>;
    /// Idempotent, and right even if `launch` never answered; returns once no machine of it works any more.
    async fn end(&self, request: &FleetRequest) -> Result<(), FleetError>;
    /// Fleets of this stack that have not been ended, whoever launched them.
    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError>;
    /// The fleet of this stack that is named so, or that the machine is of; none if it is not this stack's.
    async fn owner(&self, _: &Subject) -> Result<Option<LivingFleet>, FleetError> {
        Ok(None)
    }
    /// How a fleet stands, ended ones too as long as they are shown. Nothing if it was never launched, and in a place
    /// that has one machine and cannot be short of it; such a place has no use for the calls below either.
    async fn inspect(&self, _: &FleetRequest) -> Result<Option<FleetNow>, FleetError> {
        Ok(None)
    }
    /// What happened to it, oldest first.
    async fn events(&self, _: &FleetRequest) -> Result<Vec<FleetEvent>, FleetError> {
        Ok(Vec::new())
    }
    /// The end of a machine's console, if there is one yet.
    async fn console(&self, _machine: &str) -> Result<Option<String>, FleetError> {
        Ok(None)
    }
    /// Sets the target, then ends those machines; doing it twice is doing it once. A fleet that is gone is fine.
    async fn resize(&self, _: &FleetRequest, _: &Resize) -> Result<(), FleetError> {
        Ok(())
    }
    /// Dollars an hour of a spare machine by type and zone, as of now; none where it has no price.
    async fn prices(&self, pools: &[(String, String)]) -> Result<Vec<Option<f64>>, FleetError> {
        Ok(vec![None; pools.len()])
    }
    /// What a quota of machines allows the account, in vCPUs; none where it is unknown.
    async fn quota(&self, _code: &str) -> Result<Option<f64>, FleetError> {
        Ok(None)
    }
}

/// The machine this process is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `i-0c1…`
    pub id: String,
    /// `r7g.2xlarge`
    pub kind: String,
    /// `use1-az4`, the same name in every account.
    pub zone: String,
    pub region: String,
}

#[derive(Debug, thiserror::Error)]
#[error("instance metadata: {what}")]
pub struct InstanceError {
    pub what: String,
    #[source]
    pub source: BoxError,
}

#[async_trait]
pub trait Instance: Send + Sync {
    async fn identity(&self) -> Result<Identity, InstanceError>;
    /// When the machine will be taken away, in milliseconds since 1970, once that is announced.
    async fn notice(&self) -> Result<Option<u64>, InstanceError>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenReply {
    Accepted,
    /// The task is closed or the token is of a previous try: done, as far as the sender is concerned.
    Closed,
}

#[derive(Debug, thiserror::Error)]
#[error("executions: {what}")]
pub struct ExecutionError {
    pub what: String,
    #[source]
    pub source: BoxError,
}

#[async_trait]
pub trait Executions: Send + Sync {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError>;
    async fn send_success(&self, token: &str) -> Result<TokenReply, ExecutionError>;
    async fn send_failure(&self, token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError>;
    async fn send_heartbeat(&self, token: &str) -> Result<TokenReply, ExecutionError>;
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("{0}")]
    NotFound(String),
    /// Another made or changed it since it was read: read it again.
    #[error("{0}")]
    Changed(String),
    #[error("{what}")]
    Transient {
        what: String,
        #[source]
        source: BoxError,
    },
    /// A permission, or something that it does not take.
    #[error("{what}")]
    Refused {
        what: String,
        #[source]
        source: BoxError,
    },
}

/// Tables that name published files, by AWS Glue's API.
#[async_trait]
pub trait Catalogs: Send + Sync {
    /// Whether a table can name files there.
    fn names(&self, location: &Uri) -> bool {
        location.is_s3()
    }
    /// Whose tables these are, together with the account that they state; None where no region is chosen.
    async fn region(&self) -> Option<String>;
    /// `GetTable` and its like, with JSON in and out. Doing it twice is known by what the next read finds.
    async fn call(&self, action: &str, body: &serde_json::Value) -> Result<serde_json::Value, CatalogError>;
}

/// A command of this machine, run to its end.
#[derive(Clone, Copy, Debug)]
pub struct HookCall<'a> {
    /// The program and its arguments.
    pub command: &'a [String],
    /// Where it is run.
    pub directory: Option<&'a Path>,
    pub stdin: &'a [u8],
    pub timeout: Duration,
}

#[async_trait]
pub trait Hooks: Send + Sync {
    /// The error is what happened, with the end of what it wrote.
    async fn run(&self, call: HookCall<'_>) -> Result<(), String>;
}

/// Wall clock, for records; decisions get numbers.
pub trait Clock: Send + Sync {
    fn now_ms(&self) -> u64;
}
