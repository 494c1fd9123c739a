//! Stores and queues that do not answer, or answer late: nothing is lost, nothing is done twice, and nobody's files
//! are deleted while a receipt may still land.

use crate::common::World;
use async_trait::async_trait;
use spotmill_core::ids::Uri;
use spotmill_core::records::{Callback, CallbackKind};
use spotmill_platform::local::{LocalQueues, LocalStore};
use spotmill_platform::ports::{Created, Message, Object, ObjectMeta, Queue, QueueError, Store, StoreError, Swapped};
use spotmill_supervisor::{Ports, Supervisor, WorkerEvent};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to an operation, by its name and a part of the key; each fault strikes once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// None, this time.
    Pass,
    /// Not done, and reported as not done.
    Refuse,
    /// Done, but the reply is lost.
    DoneUnknown,
    /// Not done, and nobody knows.
    LostUnknown,
}

struct Faulty {
    inner: LocalStore,
    faults: Mutex<Vec<(&'static str, &'static str, Fault)>>,
    /// Written in the moment in which a reply is lost.
    meanwhile: Mutex<HashMap<&'static str, (Uri, Vec<u8>)>>,
    /// How many receipts stood at each flush.
    flushes: Mutex<Vec<usize>>,
}

impl Faulty {
    fn new(faults: &[(&'static str, &'static str, Fault)]) -> Arc<Faulty> {
        let faults = Mutex::new(faults.to_vec());
        Arc::new(Faulty { inner: LocalStore::new(), faults, meanwhile: Mutex::default(), flushes: Mutex::default() })
    }

    fn struck(&self, operation: &str, uri: &Uri) -> Option<Fault> {
        let mut faults = self.faults.lock().expect("faults");
        let at = faults.iter().position(|(o, part, _)| *o == operation && uri.as_str().contains(part))?;
        Some(faults.remove(at).2)
    }

    fn all_struck(&self) -> bool {
        self.faults.lock().expect("faults").is_empty()
    }

    async fn write<T>(
        &self,
        operation: &'static str,
        uri: &Uri,
        act: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let fault = self.struck(operation, uri);
        match fault {
            None | Some(Fault::Pass) => return act.await,
            Some(Fault::Refuse) => return Err(busy(uri)),
            Some(Fault::DoneUnknown) => drop(act.await?),
            Some(Fault::LostUnknown) => {}
        }
        let other = self.meanwhile.lock().expect("meanwhile").remove(operation);
        if let Some((uri, body)) = other {
            self.inner.put(&uri, &body).await?;
        }
        Err(StoreError::Unknown { uri: uri.clone(), source: "the line is dead".into() })
    }

    fn read(&self, operation: &str, uri: &Uri) -> Result<(), StoreError> {
        self.struck(operation, uri).map_or(Ok(()), |_| Err(busy(uri)))
    }
}

fn busy(uri: &Uri) -> StoreError {
    StoreError::Transient { uri: uri.clone(), what: "slow down".to_owned(), source: "503".into() }
}

#[async_trait]
impl Store for Faulty {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        self.read("get", uri)?;
        self.inner.get(uri).await
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.read("get_range", uri)?;
        self.inner.get_range(uri, from, to).await
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.read("head", uri)?;
        self.inner.head(uri).await
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.write("create", uri, self.inner.create(uri, body)).await
    }
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        self.inner.swap(uri, etag, body).await
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.write("put", uri, self.inner.put(uri, body)).await
    }
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        self.read("list", prefix)?;
        self.inner.list(prefix).await
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.inner.copy(from, to).await
    }
    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        self.inner.copy_range(from, range, to).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.inner.delete(uri).await
    }
    async fn flush(&self, location: &Uri) -> Result<(), StoreError> {
        let receipts = location.as_str().replace("/scratch/", "/runs/");
        let folder = receipts.split("/0000000-").next().unwrap_or_default().to_owned();
        let listed = self.inner.list(&Uri::new(format!("{folder}/receipts/"))).await?;
        self.flushes.lock().expect("flushes").push(listed.len());
        self.read("flush", location)?;
        self.inner.flush(location).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.read("download", uri)?;
        self.inner.download(uri, etag, to).await
    }
    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        self.read("download_range", uri)?;
        self.inner.download_range(uri, etag, range, to).await
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.write("upload", to, self.inner.upload(from, to)).await
    }
}

/// A queue whose every operation but `receive` fails every other time.
struct Moody {
    inner: LocalQueues,
    turn: Mutex<u32>,
}

impl Moody {
    fn mood(&self, queue: &str) -> Result<(), QueueError> {
        let mut turn = self.turn.lock().expect("turn");
        *turn += 1;
        let bad = *turn % 2 == 1;
        let what = "not now".to_owned();
        if bad { Err(QueueError::Transient { queue: queue.to_owned(), what, source: "503".into() }) } else { Ok(()) }
    }
}

#[async_trait]
impl Queue for Moody {
    async fn create(&self, queue: &str) -> Result<(), QueueError> {
        self.inner.create(queue).await
    }
    async fn remove(&self, queue: &str) -> Result<(), QueueError> {
        self.inner.remove(queue).await
    }
    async fn send(&self, queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
        self.mood(queue)?;
        self.inner.send(queue, bodies).await
    }
    async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        self.mood(queue)?;
        self.inner.receive(queue, most, wait, visibility).await
    }
    async fn extend(&self, queue: &str, receipt: &str, visibility: Duration) -> Result<(), QueueError> {
        self.mood(queue)?;
        self.inner.extend(queue, receipt, visibility).await
    }
    async fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        self.mood(queue)?;
        self.inner.delete(queue, receipt).await
    }
}

/// Runs the one item through the faulty store, all faults having struck.
async fn through(world: &mut World, store: Arc<Faulty>) -> CallbackKind {
    world.store = store.clone();
    let kind = world.settle(1).await[0].kind;
    assert!(store.all_struck(), "left: {:?}", store.faults);
    kind
}

#[tokio::test]
async fn a_receipt_whose_reply_was_lost_is_recognised() {
    for fault in [Fault::DoneUnknown, Fault::LostUnknown, Fault::Refuse] {
        let mut world = World::new("finish", "").await;
        assert_eq!(through(&mut world, Faulty::new(&[("create", "receipts", fault)])).await, CallbackKind::Done);
        let receipt = world.receipt(0).await.expect("receipt");
        assert_eq!(world.started(), 1, "{fault:?}: the work was not done again");
        assert_eq!(world.scratch().await, [receipt.scratch.join("k=a/0.parquet").0], "{fault:?}");
        let done = |e: &WorkerEvent| matches!(e, WorkerEvent::ItemDone { .. });
        assert_eq!(world.events().iter().filter(|e| done(e)).count(), 1);
    }
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_checked_until_the_check_succeeds() {
    let mut world = World::new("finish", "").await;
    let store = Faulty::new(&[
        ("create", "receipts", Fault::DoneUnknown),
        ("create", "receipts", Fault::LostUnknown),
        // The first read of a receipt is before the attempt; the next one is after the lost reply.
        ("get", "receipts", Fault::Pass),
        ("get", "receipts", Fault::Refuse),
    ]);
    world.store = store.clone();
    let supervisor = world.start();
    assert_eq!(world.callbacks(1).await[0].kind, CallbackKind::Done);
    supervisor.stop_now();
    supervisor.join().await;
    assert!(
        !store.faults.lock().expect("faults").iter().any(|(operation, ..)| *operation == "get"),
        "it was looked at"
    );
    let receipt = world.receipt(0).await.expect("receipt");
    assert_eq!(world.scratch().await, [receipt.scratch.join("k=a/0.parquet").0]);
}

#[tokio::test]
async fn anothers_receipt_may_land_while_ours_is_lost() {
    let mut world = World::new("finish", "").await;
    let store = Faulty::new(&[("create", "receipts", Fault::LostUnknown)]);
    world.put_receipt(0, "winner").await;
    let key = world.keys.receipt(0);
    let body = world.store.get(&key).await.expect("get").body;
    world.store.delete(&key).await.expect("delete");
    store.meanwhile.lock().expect("meanwhile").insert("create", (key, body));
    world.store = store;
    let callbacks = world.settle(1).await;
    assert_eq!((callbacks[0].kind, callbacks[0].attempt.as_str()), (CallbackKind::Done, "winner"));
    assert_eq!(world.scratch().await, [""; 0], "the loser has read another's receipt, and only then deleted its files");
}

#[tokio::test]
async fn what_a_child_wrote_is_on_the_disk_before_its_receipt_in_one_sync() {
    let mut world = World::new("finish", "").await;
    let store = Faulty::new(&[("flush", "scratch", Fault::Refuse), ("flush", "scratch", Fault::Refuse)]);
    world.store = store.clone();
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    assert!(world.receipt(0).await.is_some());
    // Two that failed, one that did not, and no receipt before it.
    assert_eq!(*store.flushes.lock().expect("flushes"), [0, 0, 0]);
}

#[tokio::test]
async fn reads_and_records_are_repeated() {
    let faults = [
        ("get", "lease.json", Fault::Refuse),
        ("get", "plan.json", Fault::Refuse),
        ("get", "tables.json", Fault::Refuse),
        ("get", "receipts", Fault::Refuse),
        ("get", "pipeline-", Fault::Refuse),
        ("get", "pins.json", Fault::Refuse),
        ("get_range", "work-", Fault::Refuse),
        ("list", "scratch", Fault::Refuse),
        ("list", "failures", Fault::Refuse),
        ("head", "input-0.csv", Fault::Refuse),
        ("put", "failures", Fault::Refuse),
        ("put", "failures", Fault::LostUnknown),
    ];
    let mut world = World::new("first a && exit 3; finish", "").await;
    assert_eq!(through(&mut world, Faulty::new(&faults)).await, CallbackKind::Done);
    assert_eq!(world.failures().await.len(), 1);
    assert_eq!(world.started(), 2);
}

#[tokio::test]
async fn a_queue_that_fails_every_other_time_delays_only() {
    let world = World::of(6, "first $(basename $TMPDIR)-x; finish", "").await;
    let queue = Arc::new(Moody { inner: world.queues.clone(), turn: Mutex::new(0) });
    let ports = Ports { queue, ..world.ports() };
    let supervisor = Supervisor::start(world.config.clone(), ports, world.sink()).expect("start");
    let callbacks = world.callbacks(6).await;
    world.eventually("the messages are gone", || world.queues.depth("work") == Some(0)).await;
    supervisor.stop_now();
    supervisor.join().await;
    assert!(callbacks.iter().all(|c| c.kind == CallbackKind::Done));
    assert_eq!(world.started(), 6);
}

#[tokio::test]
async fn a_round_that_has_ended_listens_to_nobody() {
    let world = World::new("touch $HERE/running; until [ -e $HERE/go ]; do sleep 0.02; done; finish", "").await;
    let supervisor = world.start();
    world.eventually("it runs", || world.local("running").exists()).await;
    world.queues.remove("callbacks").await.expect("remove");
    world.queues.remove("work").await.expect("remove");
    std::fs::write(world.local("go"), "").expect("go");
    world.eventually("it is done", || world.events().iter().any(|e| matches!(e, WorkerEvent::ItemDone { .. }))).await;
    supervisor.stop_now();
    supervisor.join().await;
    assert!(world.receipt(0).await.is_some());
}

#[tokio::test]
async fn a_machine_without_a_child_reports_that_it_holds_the_item() {
    let mut world = World::new("finish", "").await;
    world.config.times.alive_ms = 20;
    // Each request is retried after a pause.
    world.store = Faulty::new(&[("list", "scratch", Fault::Refuse), ("create", "receipts", Fault::Refuse)]);
    let supervisor = world.start();
    let (mut held, mut done) = (0, false);
    while !done {
        let (wait, long) = (Duration::from_secs(10), Duration::from_secs(600));
        for message in world.queues.receive("callbacks", 10, wait, long).await.expect("receive") {
            let callback: Callback = serde_json::from_str(&message.body).expect("callback");
            assert_eq!((callback.item, callback.worker.as_str()), (0, "here"));
            held += usize::from(callback.kind == CallbackKind::Held);
            done |= callback.kind == CallbackKind::Done;
        }
    }
    supervisor.stop_now();
    supervisor.join().await;
    assert!(held > 0, "a store that has to be asked again takes longer than {} ms", world.config.times.alive_ms);
}
