//! Machines in virtual time: real supervisors on this machine's queues and a store with weather, children that are a
//! few lines of Rust, and lines that can be cut. An hour of theirs is a moment of ours.

use super::{Away, World};
use async_trait::async_trait;
use spotmill_core::ids::{ItemIndex, Uri};
use spotmill_core::item::ItemSpec;
use spotmill_platform::local::LocalQueues;
use spotmill_platform::ports::{
    Clock, Created, Message, Object, ObjectMeta, Queue, QueueError, Store, StoreError, Swapped,
};
use spotmill_supervisor::state::{Exit, Signal};
use spotmill_supervisor::{Ended, Launch, Ports, Process, Processes, Share, Started, Supervisor, Times, chance};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What becomes of a child, after so many seconds.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Done(u64),
    /// The whole machine vanishes without a message.
    TakesItsMachine(u64),
}

pub type Script = Arc<dyn Fn(ItemIndex) -> Fate + Send + Sync>;

pub struct Sim {
    pub world: World,
    pub storm: Arc<AtomicBool>,
    script: Script,
    since: Instant,
    /// Machines that an item took with it, by name.
    gone: (mpsc::UnboundedSender<String>, mpsc::UnboundedReceiver<String>),
    born: u32,
}

pub struct Machine {
    pub name: String,
    pub supervisor: Supervisor,
    cut: Arc<AtomicBool>,
}

impl Machine {
    /// Taken away: none of its messages arrives any more.
    pub async fn vanish(self) {
        self.cut.store(true, Ordering::SeqCst);
        self.supervisor.stop_now();
        self.supervisor.join().await;
    }
}

impl Sim {
    pub async fn new(items: u32, script: impl Fn(ItemIndex) -> Fate + Send + Sync + 'static) -> Sim {
        Sim {
            world: World::away(items, "").await,
            storm: Arc::default(),
            script: Arc::new(script),
            since: Instant::now(),
            gone: mpsc::unbounded_channel(),
            born: 0,
        }
    }

    pub fn now_ms(&self) -> u64 {
        VirtualTime(self.since).now_ms()
    }

    pub fn machine(&mut self, slots: u32) -> Machine {
        self.born += 1;
        let (name, cut) = (format!("machine-{}", self.born), Arc::new(AtomicBool::new(false)));
        let line = |what| Line { what, storm: Arc::clone(&self.storm), cut: Arc::clone(&cut) };
        let ports = Ports {
            store: Arc::new(line(Away::new(&self.world.dir.path().join("away"), None))),
            queue: Arc::new(Line { what: self.world.queues.clone(), storm: Arc::default(), cut: Arc::clone(&cut) }),
            clock: Arc::new(VirtualTime(self.since)),
            chance: chance(),
        };
        let mut config = self.world.config.clone();
        config.tmp = config.tmp.join(&name);
        config.share = Share { max_slots: slots, ..config.share };
        config.machine.vcpus = slots;
        config.times = Times { sample_ms: 3_600_000, ..Times::AWS };
        let actors = Actors {
            script: Arc::clone(&self.script),
            cut: Arc::clone(&cut),
            name: name.clone(),
            gone: self.gone.0.clone(),
        };
        let supervisor = Supervisor::start_with(config, ports, self.world.sink(), Arc::new(actors)).expect("start");
        Machine { name, supervisor, cut }
    }

    /// The next machine that an item takes with it.
    pub async fn next_gone(&mut self) -> String {
        self.gone.1.recv().await.expect("the sender is ours")
    }
}

struct VirtualTime(Instant);

impl Clock for VirtualTime {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000 + u64::try_from(self.0.elapsed().as_millis()).expect("a short life")
    }
}

struct Actors {
    script: Script,
    cut: Arc<AtomicBool>,
    name: String,
    gone: mpsc::UnboundedSender<String>,
}

/// A child: whichever comes first, its fate or a signal, decides how it ends.
struct Actor(Arc<Mutex<Option<Ended>>>);

impl Processes for Actors {
    fn spawn(&self, launch: Launch, started: Started, ended: Ended) -> Box<dyn Process> {
        let file = |name: &str| launch.args.iter().skip_while(|a| *a != name).nth(1).expect("an argument").clone();
        let (spec, outcome) = (file("--spec"), file("--outcome"));
        let spec: ItemSpec = serde_json::from_slice(&std::fs::read(spec).expect("spec")).expect("spec");
        started(1);
        let ended = Arc::new(Mutex::new(Some(ended)));
        let fate = (self.script)(spec.item);
        let (of_child, cut, name, gone) =
            (Arc::clone(&ended), Arc::clone(&self.cut), self.name.clone(), self.gone.clone());
        tokio::spawn(async move {
            let (Fate::Done(secs) | Fate::TakesItsMachine(secs)) = fate;
            tokio::time::sleep(Duration::from_secs(secs)).await;
            let Some(ended) = of_child.lock().expect("ended").take() else { return };
            match fate {
                Fate::Done(_) => {
                    write(&spec, &outcome);
                    ended(Exit::Code(0));
                }
                Fate::TakesItsMachine(_) => {
                    if !cut.swap(true, Ordering::SeqCst) {
                        gone.send(name).expect("somebody counts them");
                    }
                }
            }
        });
        Box::new(Actor(ended))
    }
}

impl Process for Actor {
    fn group(&self) -> Option<i32> {
        None
    }
    fn signal(&self, signal: Signal) {
        let number = if signal == Signal::Kill { 9 } else { 15 };
        if let Some(ended) = self.0.lock().expect("ended").take() {
            ended(Exit::Signal { number, oom: false });
        }
    }
}

fn write(spec: &ItemSpec, outcome: &str) {
    let path = Path::new(spec.scratch.as_str()).join("k=a");
    std::fs::create_dir_all(&path).expect("directory");
    std::fs::write(path.join("0.parquet"), "data").expect("file");
    let report = serde_json::json!({"done": {
        "v": 1, "rows_raw": 2, "rows_read": 2, "rows_rejected": 0, "rows_written": 2,
        "files": [{"partition": "k=a", "part": 0, "path": "k=a/0.parquet", "rows": 2, "bytes": 4}],
        "columns": [], "violations": [], "notes": [],
    }});
    std::fs::write(outcome, report.to_string()).expect("outcome");
}

/// A machine's connection to a store or a queue: in a storm every request fails; once cut, nothing ever answers.
struct Line<T> {
    what: T,
    storm: Arc<AtomicBool>,
    cut: Arc<AtomicBool>,
}

impl<T> Line<T> {
    async fn up(&self) -> bool {
        if self.cut.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        !self.storm.load(Ordering::SeqCst)
    }
}

impl Line<Away> {
    async fn to(&self, uri: &Uri) -> Result<&Away, StoreError> {
        let busy = || StoreError::Transient { uri: uri.clone(), what: "503".to_owned(), source: "storm".into() };
        if self.up().await { Ok(&self.what) } else { Err(busy()) }
    }
}

#[async_trait]
impl Store for Line<Away> {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        self.to(uri).await?.get(uri).await
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.to(uri).await?.get_range(uri, from, to).await
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.to(uri).await?.head(uri).await
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.to(uri).await?.create(uri, body).await
    }
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        self.to(uri).await?.swap(uri, etag, body).await
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.to(uri).await?.put(uri, body).await
    }
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        self.to(prefix).await?.list(prefix).await
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.to(from).await?.copy(from, to).await
    }
    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        self.to(from).await?.copy_range(from, range, to).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.to(uri).await?.delete(uri).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.to(uri).await?.download(uri, etag, to).await
    }
    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        self.to(uri).await?.download_range(uri, etag, range, to).await
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.to(to).await?.upload(from, to).await
    }
}

#[async_trait]
impl Queue for Line<LocalQueues> {
    async fn create(&self, queue: &str) -> Result<(), QueueError> {
        self.what.create(queue).await
    }
    async fn remove(&self, queue: &str) -> Result<(), QueueError> {
        self.what.remove(queue).await
    }
    async fn send(&self, queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
        self.up().await;
        self.what.send(queue, bodies).await
    }
    async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        self.up().await;
        self.what.receive(queue, most, wait, visibility).await
    }
    async fn extend(&self, queue: &str, receipt: &str, visibility: Duration) -> Result<(), QueueError> {
        self.up().await;
        self.what.extend(queue, receipt, visibility).await
    }
    async fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        self.up().await;
        self.what.delete(queue, receipt).await
    }
}
