//! The fixture of the supervisor's tests: a step that is planned and dispatched, on this machine's store and queues,
//! and a worker that is a few lines of bash.
mod away;
mod fixture;
pub mod sim;

pub use away::Away;
use fixture::{PIPELINE, PRELUDE, config};
use spotmill_core::bundle;
use spotmill_core::ids::{AttemptId, ItemIndex, Uri};
use spotmill_core::item::{Bundled, FailureClass, InputFile};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::life::BeganIsolated;
use spotmill_core::plan::{line_range, work_list, work_pages};
use spotmill_core::records::{
    Callback, CallbackKind, FailureRecord, Lease, Plan, PlanTables, Receipt, StepGeneration, WorkItem, WorkMessage,
};
use spotmill_platform::local::{LocalQueues, LocalStore, SystemClock};
use spotmill_platform::ports::{Queue, Store};
use spotmill_platform::records;
use spotmill_spec as spec;
use spotmill_supervisor::{EventSink, Ports, Supervisor, SupervisorConfig, WorkerEvent, chance};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub const RUN: &str = "flights/2013-01-01";
pub const EPOCH: u64 = 7;

pub struct World {
    pub dir: tempfile::TempDir,
    /// Where state and data are.
    pub place: Uri,
    pub store: Arc<dyn Store>,
    pub queues: LocalQueues,
    pub keys: StepKeys,
    pub work: Vec<WorkMessage>,
    /// Inputs lie in a bundle.
    bundled: bool,
    pub config: SupervisorConfig,
    pub events: Arc<Mutex<Vec<WorkerEvent>>>,
}

impl World {
    /// A step of one item whose worker runs `script`, with these lines under `[resources]`.
    pub async fn new(script: &str, resources: &str) -> World {
        World::of(1, script, resources).await
    }

    pub async fn of(items: u32, script: &str, resources: &str) -> World {
        let dir = tempfile::tempdir().expect("tempdir");
        let place = Uri::new(dir.path().to_string_lossy());
        World::at(dir, place, Arc::new(LocalStore::new()), items, script, resources, false).await
    }

    /// State and data are on `s3://`, below `away` of the directory.
    pub async fn away(items: u32, script: &str) -> World {
        let dir = tempfile::tempdir().expect("tempdir");
        let store = Arc::new(Away::new(&dir.path().join("away"), None));
        World::at(dir, "s3://bucket".into(), store, items, script, "", false).await
    }

    /// The same, and what items read lies in one object.
    pub async fn reading_a_bundle(items: u32, script: &str) -> World {
        let dir = tempfile::tempdir().expect("tempdir");
        let store = Arc::new(Away::new(&dir.path().join("away"), None));
        World::at(dir, "s3://bucket".into(), store, items, script, "", true).await
    }

    async fn at(
        dir: tempfile::TempDir,
        place: Uri,
        store: Arc<dyn Store>,
        items: u32,
        script: &str,
        resources: &str,
        bundled: bool,
    ) -> World {
        let path = |name: &str| dir.path().join(name);
        std::fs::create_dir(path("here")).expect("directory");
        std::fs::write(path("worker.sh"), format!("{PRELUDE}\n{script}\n")).expect("script");
        let root = place.join("state");
        let keys = RunKeys::new(&root, &RUN.into()).step(&"copy".into(), 1);
        let mut world = World {
            config: config(&dir, &root),
            dir,
            place,
            store,
            queues: LocalQueues::new(),
            keys,
            work: Vec::new(),
            bundled,
            events: Arc::default(),
        };
        world.queues.create("work").await.expect("queue");
        world.queues.create("callbacks").await.expect("queue");
        world.plan(items, resources).await;
        for item in 0..items {
            world.send(&world.work[item as usize]).await;
        }
        world
    }

    /// What PlanWork leaves.
    pub async fn plan(&mut self, items: u32, resources: &str) {
        let sources = spec::Sources {
            path: "pipeline.toml".to_owned(),
            toml: format!("{PIPELINE}{resources}"),
            sql_files: BTreeMap::new(),
        };
        let pipeline = match spec::parse(&sources) {
            Ok(parsed) => parsed.pipeline,
            Err(problems) => panic!("{problems:?}"),
        };
        let frozen = spec::freeze(&pipeline);
        let digest = spec::digest(&frozen);
        let mut list = Vec::new();
        for item in 0..items {
            let inputs = vec![if self.bundled { self.input_of_bundle(item).await } else { self.input(item).await }];
            list.push(WorkItem { item, inputs, partition: None, value: None, tables: BTreeMap::new() });
        }
        let bytes: Vec<u8> = work_pages(&list, usize::MAX).flatten().collect();
        let list = work_list(&list).expect("work list");
        let run = &self.keys.run;
        self.store.put(&run.pipeline(&digest), frozen.as_bytes()).await.expect("pipeline");
        self.store.put(&self.keys.work(&list.digest), &bytes).await.expect("work");
        let read = pipeline.steps[0].input.read.clone();
        let tables = PlanTables { v: 1, read, table_reads: BTreeMap::new(), whole: BTreeMap::new() };
        records::put(&*self.store, &self.keys.tables(), &tables).await.expect("tables");
        let plan = serde_json::json!({
            "v": 1, "run": RUN, "step": "copy", "generation": 1, "items": items, "work_digest": list.digest,
            "offsets": list.offsets, "input_columns": [], "input_bytes": 8, "worker_version": "test", "planned_ms": 1,
        });
        let plan: Plan = serde_json::from_value(plan).expect("plan");
        records::put(&*self.store, &self.keys.plan(), &plan).await.expect("plan");
        let lease = serde_json::json!({
            "v": 1, "owner": "root", "epoch": EPOCH, "pipeline_digest": digest, "params": {}, "started_ms": 1,
            "generations": {"copy": StepGeneration {
                generation: 1, signature: String::new(), parts: BTreeMap::new(), because: "new".to_owned(),
                reasons: Vec::new(), carries_over: None,
            }},
        });
        let lease: Lease = serde_json::from_value(lease).expect("lease");
        records::put(&*self.store, &run.lease(), &lease).await.expect("lease");
        for item in 0..items {
            let (from, to) = line_range(&list.offsets, item).expect("line");
            self.work.push(WorkMessage {
                v: 1,
                run: RUN.into(),
                step: "copy".into(),
                generation: 1,
                epoch: EPOCH,
                round: 2,
                rung: 0,
                item,
                work_digest: list.digest.clone(),
                from,
                to,
            });
        }
    }

    async fn input(&self, item: ItemIndex) -> InputFile {
        let uri = self.place.join(&format!("input-{item}.csv"));
        self.store.put(&uri, b"1\n2\n").await.expect("input");
        let meta = self.store.head(&uri).await.expect("input");
        InputFile { uri, etag: meta.etag, bytes: meta.bytes, rows: None, bundled: None }
    }

    /// Each item reads its own four bytes of it.
    async fn input_of_bundle(&self, item: ItemIndex) -> InputFile {
        let bundled = Some(Bundled { offset: 4 * u64::from(item), names: 2 });
        let uri = self.place.join(&format!("up/k={item}/0.csv"));
        let object = bundle::object(&uri, bundled);
        if item == 0 {
            self.store.put(&object, b"0\n1\n2\n3\n4\n5\n6\n7\n").await.expect("bundle");
        }
        let etag = self.store.head(&object).await.expect("bundle").etag;
        InputFile { uri, etag, bytes: 4, rows: None, bundled }
    }

    pub async fn send(&self, work: &WorkMessage) {
        let body = serde_json::to_string(work).expect("JSON");
        self.queues.send("work", &[body]).await.expect("send");
    }

    pub fn ports(&self) -> Ports {
        let (store, queue) = (Arc::clone(&self.store), Arc::new(self.queues.clone()));
        Ports { store, queue, clock: Arc::new(SystemClock), chance: chance() }
    }

    pub fn sink(&self) -> EventSink {
        let events = Arc::clone(&self.events);
        Arc::new(move |event| events.lock().expect("events").push(event))
    }

    /// Another machine, or the same one with another line to the store: the operation named never answers.
    pub fn behind(&self, hanging: Option<&'static str>) -> (Arc<Away>, Ports) {
        let store = Arc::new(Away::new(&self.dir.path().join("away"), hanging));
        (store.clone(), Ports { store, ..self.ports() })
    }

    pub fn start(&self) -> Supervisor {
        Supervisor::start(self.config.clone(), self.ports(), self.sink()).expect("start")
    }

    /// Runs until this many callbacks that settle an item have come, and stops the supervisor.
    pub async fn settle(&self, callbacks: usize) -> Vec<Callback> {
        let supervisor = self.start();
        let found = self.callbacks(callbacks).await;
        self.eventually("the messages are gone", || self.queues.depth("work") == Some(0)).await;
        supervisor.stop_now();
        supervisor.join().await;
        assert!(!self.config.tmp.exists(), "the supervisor leaves its directory behind");
        found
    }

    /// The next callbacks that are not `alive`.
    pub async fn callbacks(&self, count: usize) -> Vec<Callback> {
        let mut found = Vec::new();
        let until = Instant::now() + Duration::from_secs(30);
        while found.len() < count {
            assert!(Instant::now() < until, "callbacks: {found:?}; events: {:?}", self.events());
            let (wait, long) = (Duration::from_millis(200), Duration::from_secs(600));
            for message in self.queues.receive("callbacks", 10, wait, long).await.expect("receive") {
                let callback: Callback = serde_json::from_str(&message.body).expect("callback");
                assert_eq!((callback.epoch, callback.round, callback.worker.as_str()), (EPOCH, 2, "here"));
                if !matches!(callback.kind, CallbackKind::Alive | CallbackKind::Held) {
                    found.push(callback);
                }
                self.queues.delete("callbacks", &message.receipt).await.expect("delete");
            }
        }
        found
    }

    pub async fn eventually(&self, what: &str, holds: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(30);
        while !holds() {
            assert!(Instant::now() < until, "never: {what}; events: {:?}", self.events());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn events(&self) -> Vec<WorkerEvent> {
        self.events.lock().expect("events").clone()
    }

    pub fn started(&self) -> usize {
        self.events().iter().filter(|e| matches!(e, WorkerEvent::ItemStarted { .. })).count()
    }

    pub async fn receipt(&self, item: ItemIndex) -> Option<Receipt> {
        records::load(&*self.store, &self.keys.receipt(item)).await.expect("receipt").map(|(receipt, _)| receipt)
    }

    pub async fn put_receipt(&self, item: ItemIndex, attempt: &str) {
        let receipt = serde_json::json!({
            "v": 1, "item": item, "attempt": attempt, "item_digest": "", "worker_digest": "", "epoch": 1,
            "scratch": "/nowhere", "files": [], "rows_raw": 0, "rows_read": 0, "rows_rejected": 0, "rows_written": 0,
            "columns": [], "violations": [], "notes": [], "usage": {"wall_ms": 0, "cpu_ms": 0, "peak_bytes": 0},
            "rung": 0, "worker": "", "committed_ms": 0,
        });
        let receipt: Receipt = serde_json::from_value(receipt).expect("receipt");
        records::create(&*self.store, &self.keys.receipt(item), &receipt).await.expect("create");
    }

    pub async fn failures(&self) -> Vec<FailureRecord> {
        let mut found = Vec::new();
        for meta in self.store.list(&self.keys.failures(EPOCH)).await.expect("list") {
            found.push(records::load(&*self.store, &meta.uri).await.expect("load").expect("there").0);
        }
        found
    }

    pub async fn put_failure(&self, item: ItemIndex, attempt: &str, class: FailureClass) {
        let record = serde_json::json!({
            "v": 1, "item": item, "attempt": attempt, "epoch": EPOCH, "round": 2, "rung": 0, "class": class,
            "message": "", "log_tail": "", "ended": "", "worker": "", "failed_ms": 0,
            "usage": {"wall_ms": 0, "cpu_ms": 0, "peak_bytes": 0},
        });
        let record: FailureRecord = serde_json::from_value(record).expect("record");
        let key = self.keys.failure(EPOCH, item, &AttemptId::new(attempt));
        records::put(&*self.store, &key, &record).await.expect("put");
    }

    /// An attempt began isolated, and no record states how it ended.
    pub async fn put_isolated(&self, item: ItemIndex, attempt: &str) {
        let (v, attempt) = (1, AttemptId::new(attempt));
        let mark = BeganIsolated { v, item, attempt: attempt.clone(), worker: "other".to_owned(), began_ms: 0 };
        records::put(&*self.store, &self.keys.began_isolated(EPOCH, item, &attempt), &mark).await.expect("put");
    }

    /// Files below scratch, of whatever attempt.
    pub async fn scratch(&self) -> Vec<String> {
        let base = self.keys.scratch_base();
        self.store.list(&base).await.expect("list").into_iter().map(|m| m.uri.0).collect()
    }

    /// A file that scripts see as `$HERE/name`.
    pub fn local(&self, name: &str) -> PathBuf {
        self.dir.path().join("here").join(name)
    }

    /// The process whose number a script wrote to `$HERE/name`.
    pub async fn process(&self, name: &str) -> u32 {
        let read = || std::fs::read_to_string(self.local(name)).ok()?.trim().parse().ok();
        self.eventually(name, || read().is_some()).await;
        read().expect("a number")
    }
}

/// Does the process still do anything?
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

pub fn is_below(path: &str, directory: &Path) -> bool {
    Path::new(path).starts_with(directory)
}
