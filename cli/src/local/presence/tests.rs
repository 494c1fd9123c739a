//! Two that run, of which one is silent.

use super::own::Present;
use super::process::Process;
use super::*;
use crate::local::executions::LocalExecutions;
use async_trait::async_trait;
use spotmill_core::ids::{ExecutionId, Uri};
use spotmill_core::keys;
use spotmill_platform::local::store::LocalStore;
use spotmill_platform::ports::{Created, ExecutionState, Executions, Object, ObjectMeta, Store, StoreError, Swapped};
use spotmill_platform::records;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const QUICK: Rhythm =
    Rhythm { beat: Duration::from_millis(40), fresh: Duration::from_millis(150), silence: Duration::from_millis(600) };

/// Where a renewal has to arrive in time, also on a busy disk.
const CALM: Rhythm = Rhythm { fresh: Duration::from_secs(1), silence: Duration::from_secs(4), ..QUICK };

struct Place {
    _dir: tempfile::TempDir,
    store: Arc<dyn Store>,
    root: Uri,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        let root = Uri::new(dir.path().to_string_lossy());
        Place { _dir: dir, store: Arc::new(LocalStore::new()), root }
    }

    async fn begin(&self, id: &str) -> Arc<Presence> {
        self.begin_in(id, QUICK).await
    }

    async fn begin_in(&self, id: &str, rhythm: Rhythm) -> Arc<Presence> {
        let id = ExecutionId::new(id);
        Presence::begin(Arc::clone(&self.store), &self.root, &id, rhythm, 1).await.expect("begun")
    }

    /// The record as a process of another machine would have written it.
    async fn of_another_machine(&self, id: &str) {
        let key = keys::present(&self.root, &ExecutionId::new(id));
        let (mut found, etag) = records::load::<Present>(&*self.store, &key).await.expect("read").expect("there");
        found.process.place = "elsewhere".into();
        assert!(matches!(records::swap(&*self.store, &key, &etag, &found).await, Ok(Swapped::Yes(_))));
    }

    fn others(&self) -> SharedExecutions {
        SharedExecutions {
            own: Arc::new(LocalExecutions::default()),
            store: Arc::clone(&self.store),
            root: self.root.clone(),
            rhythm: QUICK,
            note: Box::new(|_| {}),
        }
    }

    async fn state(&self, id: &str) -> ExecutionState {
        self.others().state(&ExecutionId::new(id)).await.expect("a state")
    }
}

#[tokio::test]
async fn one_that_gives_a_sign_runs_and_one_that_ended_has_ended() {
    let place = Place::new();
    let beating = place.begin("local:a").await.beat(|| panic!("overtaken"));
    assert_eq!(place.state("local:a").await, ExecutionState::Running);
    beating.end(true).await;
    assert_eq!(place.state("local:a").await, ExecutionState::Ended);
    assert_eq!(place.state("local:b").await, ExecutionState::NotFound);
}

/// Carries out a swap at once and answers it late.
struct Late(LocalStore);

#[async_trait]
impl Store for Late {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        self.0.get(uri).await
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.0.get_range(uri, from, to).await
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.0.head(uri).await
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.0.create(uri, body).await
    }
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        let swapped = self.0.swap(uri, etag, body).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        swapped
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.0.put(uri, body).await
    }
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        self.0.list(prefix).await
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.0.copy(from, to).await
    }
    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        self.0.copy_range(from, range, to).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.0.delete(uri).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.0.download(uri, etag, to).await
    }
    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        self.0.download_range(uri, etag, range, to).await
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.0.upload(from, to).await
    }
}

#[tokio::test]
async fn an_end_in_the_middle_of_a_renewal_is_written_down() {
    for is_named in [true, false] {
        let place = Place { store: Arc::new(Late(LocalStore::new())), ..Place::new() };
        let beating = place.begin("local:a").await.beat(|| panic!("overtaken"));
        let key = keys::present(&place.root, &ExecutionId::new("local:a"));
        let record = async || records::load::<Present>(&*place.store, &key).await.expect("read");
        while record().await.is_some_and(|(found, _)| found.beat == 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The first renewal is carried out and not yet answered.
        beating.end(is_named).await;
        let ended = record().await.map(|(found, _)| found.ended.is_some());
        assert_eq!(ended, is_named.then_some(true), "ended where the lease names it, else gone");
    }
}

#[tokio::test]
async fn silence_is_an_end_and_whoever_was_silent_writes_nothing_more() {
    let place = Place::new();
    let silent = place.begin("local:a").await;
    assert!(silent.may_write().await, "it has just begun");
    place.of_another_machine("local:a").await;
    // Its own view of the record is that of before.
    let began = Instant::now();
    assert_eq!(place.state("local:a").await, ExecutionState::Ended);
    assert!(began.elapsed() >= QUICK.silence, "{:?}", began.elapsed());
    assert!(!silent.may_write().await, "it was overtaken");
    let knows = Arc::new(AtomicBool::new(false));
    let learns = Arc::clone(&knows);
    let _beating = silent.beat(move || learns.store(true, Ordering::SeqCst));
    tokio::time::sleep(QUICK.beat * 5).await;
    assert!(knows.load(Ordering::SeqCst), "and knows it");
}

#[tokio::test]
async fn one_that_was_only_slow_renews_before_it_writes() {
    let place = Place::new();
    let slow = place.begin_in("local:a", CALM).await;
    tokio::time::sleep(CALM.fresh * 2).await;
    assert!(slow.may_write().await, "nobody took its place");
}

#[tokio::test]
async fn of_two_that_take_a_silent_one_s_place_both_learn_the_same() {
    let place = Place::new();
    drop(place.begin("local:a").await);
    place.of_another_machine("local:a").await;
    let (one, other) = tokio::join!(place.state("local:a"), place.state("local:a"));
    assert_eq!((one, other), (ExecutionState::Ended, ExecutionState::Ended), "the lease decides between them");
}

#[tokio::test]
async fn a_process_of_this_machine_that_is_gone_is_not_waited_for() {
    let place = Place::new();
    drop(place.begin("local:a").await);
    let mut child = std::process::Command::new("true").spawn().expect("true");
    let gone = child.id();
    child.wait().expect("reaped");
    let key = keys::present(&place.root, &ExecutionId::new("local:a"));
    let (mut found, etag) = records::load::<Present>(&*place.store, &key).await.expect("read").expect("there");
    found.process.pid = gone;
    assert!(matches!(records::swap(&*place.store, &key, &etag, &found).await, Ok(Swapped::Yes(_))));
    let began = Instant::now();
    assert_eq!(place.state("local:a").await, ExecutionState::Ended);
    assert!(began.elapsed() < QUICK.silence, "{:?}", began.elapsed());
}

#[tokio::test]
async fn looking_neither_waits_nor_takes_for_ended_what_may_be_asleep() {
    let place = Place::new();
    let seen = SeenExecutions { store: Arc::clone(&place.store), root: place.root.clone() };
    let id = ExecutionId::new("local:a");
    assert_eq!(seen.seen(&id).await.expect("seen"), ExecutionState::NotFound);
    // It began long ago by the clock, and has not renewed its record since.
    let silent = place.begin("local:a").await;
    place.of_another_machine("local:a").await;
    assert_eq!(seen.seen(&id).await.expect("seen"), ExecutionState::NotFound);
    drop(silent);
    let beating = place.begin("local:a").await.beat(|| panic!("overtaken"));
    tokio::time::sleep(QUICK.beat * 3).await;
    assert_eq!(seen.seen(&id).await.expect("seen"), ExecutionState::Running);
    beating.end(true).await;
    assert_eq!(seen.seen(&id).await.expect("seen"), ExecutionState::Ended);
}

#[test]
fn this_process_is_there() {
    let this = Process::this();
    assert!(this.started > 0 && !this.is_gone());
    let again = Process { started: this.started + 1, ..this.clone() };
    assert!(again.is_gone(), "another process of the same number");
    let away = Process { place: "elsewhere".into(), ..again };
    assert!(!away.is_gone(), "of another machine nobody knows");
}
