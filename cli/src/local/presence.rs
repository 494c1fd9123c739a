//! Who runs a run whose state is shared: a record of each execution below the state, which its process renews every few
//! seconds. On one machine a file lock shows it; machines that share a bucket share no locks.
//!
//! Another execution counts as ended when its record says so, when it ran on this very machine and its process is gone,
//! or when its record was not renewed for a while, as this machine's clock counts it. Before that is believed the record
//! is swapped for one that says so: of the two, the one whose swap came later loses, and knows it. An execution that
//! could not renew its record in time writes nothing until it has (`Guarded`), and ends once it was overtaken.

use super::executions::LocalExecutions;
use crate::exit::{Code, Stop};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spotmill_core::ids::{ExecutionId, Uri};
use spotmill_core::keys;
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::ports::{
    Clock, ExecutionError, ExecutionState, Executions, Store, StoreError, Swapped, TokenReply,
};
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

/// A process, so that another on the same machine can tell whether it is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// For people.
    pub host: String,
    /// The boot of the machine and the container: where the number means something.
    pub place: String,
    pub pid: u32,
    /// When it started, in ticks since the boot: a number may be used again.
    pub started: u64,
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The name of this machine.
pub fn host() -> String {
    read("/proc/sys/kernel/hostname")
}

impl Process {
    pub fn this() -> Process {
        let pid = std::process::id();
        let container = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Process {
            host: host(),
            place: format!("{} {}", read("/proc/sys/kernel/random/boot_id"), container.display()),
            pid,
            started: started(pid).unwrap_or(0),
        }
    }

    /// Whether it is gone for sure; of another machine nobody knows.
    fn is_gone(&self) -> bool {
        let here = Process::this();
        let same_number = || match started(self.pid) {
            Some(started) => started == self.started,
            // A process that may not be looked at is there all the same.
            None => exists(self.pid),
        };
        here.place == self.place && !same_number()
    }
}

fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// The twenty-second word of `/proc/PID/stat`; the second is a name in brackets that may hold spaces.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
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

/// Executions of this process, and those of others by their records.
pub struct SharedExecutions {
    pub own: Arc<LocalExecutions>,
    pub store: Arc<dyn Store>,
    pub root: Uri,
    pub rhythm: Rhythm,
    pub note: Box<dyn Fn(String) + Send + Sync>,
}

impl SharedExecutions {
    async fn other(&self, execution: &ExecutionId) -> Result<ExecutionState, RecordError> {
        let key = keys::present(&self.root, execution);
        let Some((mut found, mut etag)) = records::load::<Present>(&*self.store, &key).await? else {
            return Ok(ExecutionState::NotFound);
        };
        if found.ended.is_some() {
            return Ok(ExecutionState::Ended);
        }
        let gone = found.process.is_gone();
        if !gone {
            let secs = self.rhythm.silence.as_secs();
            (self.note)(format!(
                "process {} of {} holds the run: waiting up to {secs} s for a sign of it",
                found.process.pid, found.process.host
            ));
        }
        let began = Instant::now();
        while !gone && began.elapsed() < self.rhythm.silence {
            tokio::time::sleep(self.rhythm.beat.min(Duration::from_secs(1))).await;
            match records::load::<Present>(&*self.store, &key).await? {
                None => return Ok(ExecutionState::Ended),
                Some((now, _)) if now.ended.is_some() => return Ok(ExecutionState::Ended),
                Some((now, _)) if now.beat != found.beat => return Ok(ExecutionState::Running),
                Some((now, now_etag)) => (found, etag) = (now, now_etag),
            }
        }
        let why = if gone { "its process is gone" } else { "it gave no sign" };
        let ended = Present { ended: Some(why.to_owned()), ..found };
        // Whoever was first, the record says what holds: it is read again.
        match records::swap(&*self.store, &key, &etag, &ended).await {
            Ok(Swapped::Yes(_)) => Ok(ExecutionState::Ended),
            Ok(Swapped::No) | Err(RecordError::Store(StoreError::Unknown { .. })) => {
                let now = records::load::<Present>(&*self.store, &key).await?;
                let ended = now.is_none_or(|(now, _)| now.ended.is_some());
                Ok(if ended { ExecutionState::Ended } else { ExecutionState::Running })
            }
            Err(e) => Err(e),
        }
    }
}

#[async_trait]
impl Executions for SharedExecutions {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        if self.own.state(execution).await? == ExecutionState::Running {
            return Ok(ExecutionState::Running);
        }
        let failed = |e: RecordError| ExecutionError { what: format!("how {execution} stands"), source: e.into() };
        self.other(execution).await.map_err(failed)
    }

    async fn send_success(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        self.own.send_success(token).await
    }

    async fn send_failure(&self, token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError> {
        self.own.send_failure(token, error, cause).await
    }

    async fn send_heartbeat(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        self.own.send_heartbeat(token).await
    }
}

/// For commands that only read: they wait for nobody and write nothing.
pub struct SeenExecutions {
    pub store: Arc<dyn Store>,
    pub root: Uri,
}

impl SeenExecutions {
    /// One that is silent is as good as not found: it may be asleep, and only a start may take its place.
    async fn seen(&self, execution: &ExecutionId) -> Result<ExecutionState, RecordError> {
        let found = records::load::<Present>(&*self.store, &keys::present(&self.root, execution)).await?;
        let now_ms = spotmill_platform::local::clock::SystemClock.now_ms();
        let recent = |at_ms: u64| now_ms.saturating_sub(at_ms) < 2 * Rhythm::ORDINARY.silence.as_millis() as u64;
        Ok(match found {
            None => ExecutionState::NotFound,
            Some((found, _)) if found.ended.is_some() || found.process.is_gone() => ExecutionState::Ended,
            Some((found, _)) if recent(found.at_ms) => ExecutionState::Running,
            Some(_) => ExecutionState::NotFound,
        })
    }
}

#[async_trait]
impl Executions for SeenExecutions {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        let failed = |e: RecordError| ExecutionError { what: format!("how {execution} stands"), source: e.into() };
        self.seen(execution).await.map_err(failed)
    }

    async fn send_success(&self, _token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Closed)
    }

    async fn send_failure(&self, _token: &str, _error: &str, _cause: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Closed)
    }

    async fn send_heartbeat(&self, _token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Closed)
    }
}

/// Ends this process at once: another machine has the run, and everything that is committed.
pub fn overtaken(run: &str) -> ! {
    let stop = Stop::new(Code::Held, format!("another machine took {run} over while this one gave no sign"))
        .remedy("nothing is lost: it goes on there");
    warn_of!("{stop}");
    std::process::exit(Code::Held as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_platform::local::store::LocalStore;
    use spotmill_platform::ports::{Created, Object, ObjectMeta};
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    const QUICK: Rhythm = Rhythm {
        beat: Duration::from_millis(40),
        fresh: Duration::from_millis(150),
        silence: Duration::from_millis(600),
    };

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
            let id = ExecutionId::new(id);
            Presence::begin(Arc::clone(&self.store), &self.root, &id, QUICK, 1).await.expect("begun")
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
        async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
            self.0.delete(uri).await
        }
        async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
            self.0.download(uri, etag, to).await
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
        let slow = place.begin("local:a").await;
        tokio::time::sleep(QUICK.fresh * 2).await;
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
}
