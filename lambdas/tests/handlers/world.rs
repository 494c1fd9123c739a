//! A world for handlers: a state root in a temporary directory, a deployed pipeline of two steps, and workers that the
//! test directs. `Door` is how tests come in: it runs steps as the state machine does.

use crate::ports::{TestClock, TestExecutions, TestFleets, TestStore};
use spotmill_core::calls::*;
use spotmill_core::ids::{ExecutionId, RunId, Uri};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::Pipeline;
use spotmill_core::records::*;
use spotmill_lambdas::*;
use spotmill_platform::local::LocalQueues;
use spotmill_platform::ports::{Queue, Store};
use spotmill_spec as spec;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub const PIPELINE: &str = r#"
format = 1
[pipeline]
name = "p"
key = ["date"]
[params]
date = { type = "date" }
src = { type = "path", default = "in" }
out = { type = "path", default = "out" }
factor = { type = "int32", default = 2 }
[[step]]
name = "a"
sql = "SELECT k, v * $factor AS v FROM input"
[step.input]
path = "{src}/{date}/*.csv"
columns = ["k string", "v int32"]
item_bytes = "10 B"
[step.output]
partition_by = ["k"]
[[step]]
name = "b"
sql = "SELECT k, SUM(v) AS v FROM input GROUP BY k"
input = { step = "a", by = "partition" }
[step.output]
destination = "{out}/b/date={date}"
[resources]
vcpus = 1
memory = "1 GiB"
max_memory = "4 GiB"
"#;

pub struct World {
    /// Held until the test ends.
    dir: Option<tempfile::TempDir>,
    date: String,
    pub store: Arc<TestStore>,
    pub queues: Arc<LocalQueues>,
    pub fleets: Arc<TestFleets>,
    pub executions: Arc<TestExecutions>,
    pub clock: Arc<TestClock>,
    /// What an item of step `a` writes is one object, as in S3.
    pub bundles: Arc<AtomicBool>,
    pub ctx: Ctx,
}

fn parse(toml: &str) -> Pipeline {
    let sources = spec::Sources { path: "pipeline.toml".into(), toml: toml.to_owned(), sql_files: Default::default() };
    match spec::parse(&sources) {
        Ok(parsed) => parsed.pipeline,
        Err(all) => panic!("{}", all.iter().map(|p| spec::render(p, &sources, false)).collect::<String>()),
    }
}

/// In memory where there is such a place: these tests write much and keep nothing.
pub fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

impl World {
    pub async fn new() -> Self {
        let dir = directory();
        let mut world = Self::at(dir.path()).await;
        world.dir = Some(dir);
        world
    }

    /// In a directory that is emptied first.
    pub async fn at(dir: &Path) -> Self {
        let _ = std::fs::remove_dir_all(dir);
        std::fs::create_dir_all(dir).unwrap();
        let base = Uri::new(dir.to_str().unwrap());
        let (store, queues) = (Arc::new(TestStore::default()), Arc::new(LocalQueues::new()));
        let (fleets, executions) = (Arc::new(TestFleets::default()), Arc::new(TestExecutions::default()));
        let clock = Arc::new(TestClock::default());
        let mut settings = Settings::new("callbacks");
        settings.base = Some(base.clone());
        settings.publish_page = 2;
        settings.parallel = 1;
        let ctx = Ctx {
            root: base.join("state"),
            store: store.clone(),
            queues: queues.clone(),
            fleets: fleets.clone(),
            executions: executions.clone(),
            clock: clock.clone(),
            catalogs: None,
            hooks: None,
            settings,
        };
        let (date, bundles) = ("2013-01-01".into(), Arc::default());
        let world = Self { dir: None, date, store, queues, fleets, executions, clock, bundles, ctx };
        world.deploy(PIPELINE).await;
        for (name, text) in [("1.csv", "x,1\ny,2\n"), ("2.csv", "x,3\nz,4\n"), ("3.csv", "y,5\n")] {
            world.input(name, text).await;
        }
        world
    }

    /// The same world for another date's run.
    pub fn of_date(&self, date: &str) -> World {
        World {
            dir: None,
            date: date.into(),
            store: self.store.clone(),
            queues: self.queues.clone(),
            fleets: self.fleets.clone(),
            executions: self.executions.clone(),
            clock: self.clock.clone(),
            bundles: self.bundles.clone(),
            ctx: self.ctx.clone(),
        }
    }

    pub async fn deploy(&self, toml: &str) {
        self.deploy_with(toml, "1").await;
    }

    /// With a worker of a declared version.
    pub async fn deploy_with(&self, toml: &str, version: &str) {
        self.put_deployed(&spec::freeze(&parse(toml)), version, &format!("sha-of-{version}")).await;
    }

    /// With what a check found of its columns.
    pub async fn deploy_foreseen(&self, toml: &str, foreseen: Foreseen) {
        self.put(&spec::freeze(&parse(toml)), "1", "sha-of-1", &foreseen).await;
    }

    pub async fn deploy_programs(&self, version: &str, sha: &str) {
        self.put_deployed(&spec::freeze(&parse(PIPELINE)), version, sha).await;
    }

    /// The ordinary pipeline, with something the spec would not let through.
    pub async fn deploy_edited(&self, edit: impl FnOnce(&mut Pipeline)) {
        let mut pipeline = parse(PIPELINE);
        edit(&mut pipeline);
        self.put_deployed(&spec::freeze(&pipeline), "1", "sha-of-1").await;
    }

    async fn put_deployed(&self, frozen: &str, version: &str, sha: &str) {
        self.put(frozen, version, sha, &Foreseen::default()).await;
    }

    async fn put(&self, frozen: &str, version: &str, sha: &str, foreseen: &Foreseen) {
        let programs = [("x86_64".to_owned(), sha.to_owned())].into();
        let worker = DeployedWorker { version: version.into(), programs };
        deploy::deploy(&*self.store, &self.ctx.root, "p", (frozen, foreseen), worker, 0).await.unwrap();
    }

    pub fn base(&self) -> Uri {
        self.ctx.settings.base.clone().unwrap()
    }

    pub async fn input(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let uri = self.base().join(&format!("in/{}/{name}", self.date));
        self.store.put(&uri, bytes.as_ref()).await.unwrap();
    }

    pub fn run(&self) -> RunId {
        RunId::new(format!("p/{}", self.date))
    }

    pub fn keys(&self, step: &str, generation: u32) -> StepKeys {
        RunKeys::new(&self.ctx.root, &self.run()).step(&step.into(), generation)
    }

    pub async fn lease(&self) -> Lease {
        self.read(&RunKeys::new(&self.ctx.root, &self.run()).lease()).await
    }

    pub async fn read<T: serde::de::DeserializeOwned>(&self, uri: &Uri) -> T {
        serde_json::from_slice(&self.store.get(uri).await.unwrap().body).unwrap()
    }

    pub async fn begin(&self, root: &str, edit: impl FnOnce(&mut RunInput)) -> Result<BeginReply, HandlerError> {
        let mut input = RunInput { pipeline: "p".into(), date: Some(self.date.clone()), ..RunInput::default() };
        edit(&mut input);
        begin::handle(&self.ctx, BeginRequest { input, root: root.into() }).await
    }

    pub async fn await_input(&self, root: &str) -> Result<AwaitInputReply, HandlerError> {
        await_input::handle(&self.ctx, AwaitInputRequest { run: self.run(), root: root.into() }).await
    }

    pub async fn plan(&self, root: &str, step: &str) -> Result<PlanWorkReply, HandlerError> {
        let execution = ExecutionId::new(format!("{root}/{step}"));
        let request = PlanWorkRequest { run: self.run(), step: step.into(), root: root.into(), execution };
        plan_work::handle(&self.ctx, request).await
    }

    pub fn round(&self, root: &str, step: &str, plan: &PlanWorkReply, round: u32, rung: u32) -> RoundRequest {
        let (generation, epoch) = (plan.generation, plan.epoch);
        RoundRequest { run: self.run(), step: step.into(), root: root.into(), generation, epoch, round, rung }
    }

    pub async fn dispatch(&self, round: &RoundRequest, token: &str) -> Result<(), HandlerError> {
        let request = DispatchRequest { round: round.clone(), token: token.into() };
        dispatch_work::handle(&self.ctx, request).await.map(drop)
    }

    pub async fn verdict(&self, round: &RoundRequest, failure: Option<&str>) -> Result<VerdictReply, HandlerError> {
        let failure = failure.map(|error| Caught { error: error.into(), cause: "test".into() });
        verdict::handle(&self.ctx, VerdictRequest { round: round.clone(), failure }).await
    }

    /// Every message of the round's queue.
    pub async fn messages(&self, round: &RoundRequest) -> Vec<WorkMessage> {
        // Past the store, which may be dead.
        let record = std::fs::read(self.step_keys(round).fleet(round.epoch, round.round).as_str()).unwrap();
        let fleet: spotmill_platform::ports::FleetRequest = serde_json::from_slice(&record).unwrap();
        let mut all = Vec::new();
        loop {
            let hour = Duration::from_secs(3600);
            let some = self.queues.receive(&fleet.queue, 10, Duration::ZERO, hour).await.unwrap();
            if some.is_empty() {
                return all;
            }
            all.extend(some.iter().map(|m| serde_json::from_str::<WorkMessage>(&m.body).unwrap()));
        }
    }

    pub fn step_keys(&self, round: &RoundRequest) -> StepKeys {
        self.keys(round.step.as_str(), round.generation)
    }

    /// All of what a finished run is: what it sealed and published, without times, epochs and lost attempts.
    pub async fn outcome(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for object in self.store.list(&self.base().join("")).await.unwrap() {
            let name = object.uri.as_str()[self.base().as_str().len()..].to_owned();
            let kept = ["sealed", "manifest", "plan.json", "tables.json", "work-", "/receipts/", "intent-", "/out/"];
            if kept.iter().any(|k| name.contains(k)) {
                all.insert(name, plain(&self.store.get(&object.uri).await.unwrap().body));
            }
        }
        let lease = self.lease().await;
        all.insert("generations".into(), format!("{:?} {:?}", lease.generations, lease.outcome));
        all
    }
}

/// The text of a record without its times and epoch.
fn plain(body: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(mut record @ serde_json::Value::Object(_)) => {
            timeless(&mut record);
            record.to_string()
        }
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

fn timeless(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(record) => {
            record.retain(|key, _| !key.ends_with("_ms") && key != "epoch");
            record.values_mut().for_each(timeless);
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(timeless),
        _ => {}
    }
}
