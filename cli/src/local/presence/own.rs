//! This process's own record of its execution, and how it is renewed.

use super::process::Process;
use crate::exit::{Code, Stop};
use serde::{Deserialize, Serialize};
use spotmill_core::ids::{ExecutionId, Uri};
use spotmill_core::keys;
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::ports::{Clock, Store, Swapped};
use spotmill_platform::records::{self, RecordError};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// How often a record is renewed, and after which silence its execution counts as ended.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    pub beat: Duration,
    /// Nothing is written when the last renewal is older.
    pub fresh: Duration,
    /// Longer than `fresh` by what a request may take that is under way.
    pub silence: Duration,
}

impl Rhythm {
    pub const ORDINARY: Rhythm =
        Rhythm { beat: Duration::from_secs(3), fresh: Duration::from_secs(9), silence: Duration::from_secs(30) };
}

/// An execution, as its process writes it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    pub v: u32,
    pub execution: ExecutionId,
    pub process: Process,
    /// Counts renewals: a record that differs was renewed.
    pub beat: u64,
    pub at_ms: u64,
    /// Why it no longer runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// This process's own record, renewed until it is dropped.
pub struct Presence {
    store: Arc<dyn Store>,
    key: Uri,
    rhythm: Rhythm,
    own: Mutex<Own>,
}

struct Own {
    record: Present,
    etag: String,
    renewed: (Instant, SystemTime),
    lost: bool,
}

/// Renews the record in the background; dropping it stops that.
pub struct Beating {
    presence: Arc<Presence>,
    task: JoinHandle<()>,
}

impl Presence {
    pub async fn begin(
        store: Arc<dyn Store>,
        root: &Uri,
        execution: &ExecutionId,
        rhythm: Rhythm,
        now_ms: u64,
    ) -> Result<Arc<Presence>, RecordError> {
        let record = Present {
            v: RECORD_VERSION,
            execution: execution.clone(),
            process: Process::this(),
            beat: 0,
            at_ms: now_ms,
            ended: None,
        };
        let key = keys::present(root, execution);
        let renewed = (Instant::now(), SystemTime::now());
        records::put(&*store, &key, &record).await?;
        let etag = store.head(&key).await?.etag;
        Ok(Arc::new(Presence { store, key, rhythm, own: Mutex::new(Own { record, etag, renewed, lost: false }) }))
    }

    /// Whether this execution may write now; renews the record first if that is too long ago.
    pub async fn may_write(&self) -> bool {
        let mut own = self.own.lock().await;
        if !own.lost && own.age() > self.rhythm.fresh {
            self.renew(&mut own, None).await;
        }
        !own.lost && own.age() <= self.rhythm.fresh
    }

    /// A renewal that cannot be sent is tried again with the next beat.
    async fn renew(&self, own: &mut Own, ended: Option<&str>) {
        let before = (Instant::now(), SystemTime::now());
        let mut next = own.record.clone();
        next.beat += 1;
        next.at_ms = spotmill_platform::local::clock::SystemClock.now_ms();
        next.ended = ended.map(str::to_owned);
        let swapped = match records::swap(&*self.store, &self.key, &own.etag, &next).await {
            Ok(Swapped::Yes(etag)) => Some(etag),
            Ok(Swapped::No) => None,
            // The swap may have been carried out: what stands there shows it.
            Err(_) => match records::load::<Present>(&*self.store, &self.key).await {
                Ok(Some((found, etag))) if found == next => Some(etag),
                Ok(Some((found, _))) if found == own.record => return,
                Ok(_) => None,
                Err(_) => return,
            },
        };
        match swapped {
            Some(etag) => {
                (own.record, own.etag, own.renewed) = (next, etag, before);
            }
            None => own.lost = true,
        }
    }

    /// Renews the record from now on. When it was overtaken, `overtaken` is called once.
    pub fn beat(self: &Arc<Self>, overtaken: impl FnOnce() + Send + 'static) -> Beating {
        let presence = Arc::clone(self);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(presence.rhythm.beat).await;
                let mut own = presence.own.lock().await;
                presence.renew(&mut own, None).await;
                if own.lost {
                    break;
                }
            }
            overtaken();
        });
        Beating { presence: Arc::clone(self), task }
    }
}

impl Own {
    /// Since the last renewal; a machine that slept counts its sleep.
    fn age(&self) -> Duration {
        let awake = self.renewed.0.elapsed();
        self.renewed.1.elapsed().map_or(awake, |by_the_wall| by_the_wall.max(awake))
    }
}

impl Beating {
    /// Says that the execution has ended, so that nobody waits for its silence; nothing is left where nobody looks for it.
    pub async fn end(self, is_named: bool) {
        let presence = Arc::clone(&self.presence);
        // Only after a renewal that is under way: cut off, it may still be carried out, under a version that nobody here
        // would know.
        let mut own = presence.own.lock().await;
        self.task.abort();
        presence.renew(&mut own, Some("it ended")).await;
        if !is_named && !own.lost {
            let _ = presence.store.delete(&presence.key).await;
        }
    }
}

impl Drop for Beating {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends this process at once: another machine has the run, and everything that is committed.
pub fn overtaken(run: &str) -> ! {
    let stop = Stop::new(Code::Held, format!("another machine took {run} over while this one gave no sign"))
        .remedy("nothing is lost: it goes on there");
    warn_of!("{stop}");
    std::process::exit(Code::Held as i32)
}
