//! A world for handlers: a state root in a temporary directory, a deployed pipeline of two steps, and workers that do
//! what the test says. `Door` is how tests come in: it runs steps as the state machine does.

use crate::ports::{TestClock, TestExecutions, TestFleets, TestStore, lock};
use spotmill_core::calls::*;
use spotmill_core::digest::sha256;
use spotmill_core::ids::{AttemptId, ExecutionId, ItemIndex, RunId, Uri};
use spotmill_core::item::{FailureClass, OutputFile, Usage};
use spotmill_core::keys::{self, RunKeys, StepKeys};
use spotmill_core::model::Pipeline;
use spotmill_core::records::*;
use spotmill_core::spec;
use spotmill_core::types::Column;
use spotmill_lambdas::*;
use spotmill_platform::local::LocalQueues;
use spotmill_platform::ports::{Queue, Store};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
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

/// What workers do with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Commit,
    /// Fails for good: three counted records and the callback.
    Fail,
    NeedMemory,
    /// The receipt is written and the worker dies before its callback.
    CommitSilently,
    /// The machine goes away.
    Vanish,
    /// A callback without a receipt behind it.
    ForgeDone,
}

pub struct World {
    /// Held until the test ends.
    dir: Option<tempfile::TempDir>,
    date: String,
    pub store: Arc<TestStore>,
    pub queues: Arc<LocalQueues>,
    pub fleets: Arc<TestFleets>,
    pub executions: Arc<TestExecutions>,
    pub clock: Arc<TestClock>,
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
        let mut settings = Settings::new("callbacks", "1");
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
            settings,
        };
        let world = Self { dir: None, date: "2013-01-01".into(), store, queues, fleets, executions, clock, ctx };
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
            ctx: self.ctx.clone(),
        }
    }

    pub async fn deploy(&self, toml: &str) {
        self.put_pipeline(&parse(toml)).await;
    }

    /// The ordinary pipeline, with something the spec would not let through.
    pub async fn deploy_edited(&self, edit: impl FnOnce(&mut Pipeline)) {
        let mut pipeline = parse(PIPELINE);
        edit(&mut pipeline);
        self.put_pipeline(&pipeline).await;
    }

    async fn put_pipeline(&self, pipeline: &Pipeline) {
        let text = spec::freeze(pipeline);
        self.store.put(&keys::pipeline(&self.ctx.root, "p"), text.as_bytes()).await.unwrap();
    }

    pub fn base(&self) -> Uri {
        self.ctx.settings.base.clone().unwrap()
    }

    pub async fn input(&self, name: &str, text: &str) {
        let uri = self.base().join(&format!("in/2013-01-01/{name}"));
        self.store.put(&uri, text.as_bytes()).await.unwrap();
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

    /// Does as told with every message, and gives the callbacks to the tally until it takes them.
    pub async fn work(&self, round: &RoundRequest, how: &impl Fn(ItemIndex) -> Work) -> Result<(), HandlerError> {
        for message in self.messages(round).await {
            let kinds = self.one(&message, how(message.item)).await?;
            self.call_back(round, message.item, &kinds).await?;
        }
        Ok(())
    }

    pub async fn call_back(
        &self,
        round: &RoundRequest,
        item: ItemIndex,
        kinds: &[CallbackKind],
    ) -> Result<(), HandlerError> {
        for kind in kinds {
            let body = serde_json::to_string(&self.callback(round, item, *kind)).unwrap();
            // Two deliveries suffice for any one fault; a dead function is given up.
            if tally::handle(&self.ctx, std::slice::from_ref(&body)).await.contains(&0)
                && tally::handle(&self.ctx, &[body]).await.contains(&0)
            {
                return Err(HandlerError::transient("the tally takes nothing"));
            }
        }
        Ok(())
    }

    pub fn callback(&self, round: &RoundRequest, item: ItemIndex, kind: CallbackKind) -> Callback {
        Callback {
            v: RECORD_VERSION,
            run: round.run.clone(),
            step: round.step.clone(),
            generation: round.generation,
            epoch: round.epoch,
            round: round.round,
            item,
            attempt: attempt(item),
            kind,
            worker: "w".into(),
        }
    }

    async fn one(&self, message: &WorkMessage, work: Work) -> Result<Vec<CallbackKind>, HandlerError> {
        match work {
            Work::Vanish => Ok(vec![]),
            Work::ForgeDone => Ok(vec![CallbackKind::Done]),
            Work::Commit | Work::CommitSilently => {
                self.commit(message).await?;
                Ok(if work == Work::Commit { vec![CallbackKind::Done] } else { vec![] })
            }
            Work::Fail => {
                for n in 0..3 {
                    self.fail(message, FailureClass::Transform, &format!("t{n}")).await?;
                }
                Ok(vec![CallbackKind::Failed])
            }
            Work::NeedMemory => {
                self.fail(message, FailureClass::Memory, &format!("m{}", message.rung)).await?;
                Ok(vec![CallbackKind::NeedsMemory])
            }
        }
    }

    async fn fail(&self, m: &WorkMessage, class: FailureClass, attempt: &str) -> Result<(), HandlerError> {
        let record = FailureRecord {
            v: RECORD_VERSION,
            item: m.item,
            attempt: attempt.into(),
            epoch: m.epoch,
            round: m.round,
            rung: m.rung,
            class,
            message: "there is no column `w`".into(),
            remedy: None,
            file: None,
            log_tail: String::new(),
            ended: "exit code 1".into(),
            worker: "w".into(),
            usage: Usage::default(),
            failed_ms: 0,
        };
        let keys = self.keys(m.step.as_str(), m.generation);
        let body = serde_json::to_vec(&record).unwrap();
        Ok(self.store.put(&keys.failure(m.epoch, m.item, &attempt.into()), &body).await?)
    }

    /// What an item's worker leaves: files by the first column, and a receipt that adds up.
    pub async fn commit(&self, m: &WorkMessage) -> Result<(), HandlerError> {
        let keys = self.keys(m.step.as_str(), m.generation);
        let line = self.store.get_range(&keys.work(&m.work_digest), m.from, m.to).await?;
        let item: WorkItem = serde_json::from_slice(&line).unwrap();
        let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut read = 0;
        for input in &item.inputs {
            for row in String::from_utf8(self.store.get(&input.uri).await?.body).unwrap().lines() {
                let key = row.split(',').next().unwrap().to_owned();
                rows.entry(key).or_default().push(row.to_owned());
                read += 1;
            }
        }
        let scratch = keys.scratch(m.item, &attempt(m.item));
        let mut files = Vec::new();
        for (key, rows) in rows {
            let partition = if m.step.as_str() == "a" { format!("k={key}") } else { String::new() };
            let part = if partition.is_empty() { files.len() as u32 } else { 0 };
            let path = format!("{partition}/{part:05}.parquet").trim_start_matches('/').to_owned();
            let body = rows.join("\n");
            self.store.put(&scratch.join(&path), body.as_bytes()).await?;
            files.push(OutputFile { partition, part, path, rows: rows.len() as u64, bytes: body.len() as u64 });
        }
        let receipt = receipt(m, sha256(&line), scratch, files, read);
        let body = serde_json::to_vec(&receipt).unwrap();
        // As the supervisor does: whatever the reply, the receipt that stands is the answer.
        let _ = self.store.create(&keys.receipt(m.item), &body).await;
        let _ = self.store.create(&keys.receipt(m.item), &body).await;
        Ok(self.store.head(&keys.receipt(m.item)).await.map(drop)?)
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
        Ok(serde_json::Value::Object(mut record)) => {
            record.retain(|key, _| !key.ends_with("_ms") && key != "epoch");
            serde_json::Value::Object(record).to_string()
        }
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

pub fn attempt(item: ItemIndex) -> AttemptId {
    AttemptId::new(format!("w{item}"))
}

fn receipt(m: &WorkMessage, digest: String, scratch: Uri, files: Vec<OutputFile>, read: u64) -> Receipt {
    let column = |name: &str, ty: &str| Column { name: name.into(), ty: ty.parse().unwrap(), parse: None };
    Receipt {
        v: RECORD_VERSION,
        item: m.item,
        attempt: attempt(m.item),
        item_digest: digest,
        worker_digest: "d".into(),
        epoch: m.epoch,
        scratch,
        rows_written: files.iter().map(|f| f.rows).sum(),
        files,
        rejects: None,
        rows_raw: read,
        rows_read: read,
        rows_rejected: 0,
        columns: vec![column("k", "string"), column("v", "int32")],
        violations: Vec::new(),
        notes: Vec::new(),
        usage: Usage::default(),
        rung: m.rung,
        worker: "w".into(),
        committed_ms: 0,
    }
}

/// Runs steps as the state machine does; returns the last verdict.
pub async fn run_step(
    world: &World,
    root: &str,
    step: &str,
    how: &impl Fn(ItemIndex, u32) -> Work,
) -> Result<VerdictReply, HandlerError> {
    let plan = world.plan(root, step).await?;
    let mut round = world.round(root, step, &plan, 0, 0);
    let mut verdict = None;
    if plan.todo == 0 {
        verdict = Some(world.verdict(&round, None).await?);
    }
    let mut last = loop {
        match verdict {
            Some(v) if v.next != Next::Round => break v,
            Some(v) => (round.round, round.rung) = (v.round, v.rung),
            None => {}
        }
        let failure = one_round(world, &round, how).await;
        kill_fleet::handle(&world.ctx, round.clone()).await?;
        verdict = Some(world.verdict(&round, failure.as_deref()).await?);
    };
    let mut cursor = None;
    while last.next == Next::Publish {
        let (generation, epoch) = (plan.generation, plan.epoch);
        let request =
            PublishRequest { run: world.run(), step: step.into(), root: root.into(), generation, epoch, cursor };
        let reply = publish::handle(&world.ctx, request).await?;
        cursor = Some(reply.cursor);
        if !reply.more {
            last.next = Next::Done;
        }
    }
    Ok(last)
}

/// What the round's states caught, if anything.
async fn one_round(world: &World, round: &RoundRequest, how: &impl Fn(ItemIndex, u32) -> Work) -> Option<String> {
    let token = format!("{}-{}-{}", round.step, round.epoch, round.round);
    if let Err(e) = launch_fleet::handle(&world.ctx, round.clone()).await {
        return Some(e.error.into());
    }
    if let Err(e) = world.dispatch(round, &token).await {
        return Some(e.error.into());
    }
    let rung = round.rung;
    if let Err(e) = world.work(round, &|item| how(item, rung)).await {
        return Some(e.error.into());
    }
    let said = lock(&world.executions.said);
    let failure = said.iter().find_map(|s| match s {
        crate::ports::Said::Failure(t, error) if *t == token => Some(error.clone()),
        _ => None,
    });
    let succeeded = said.contains(&crate::ports::Said::Success(token));
    failure.or((!succeeded).then(|| "States.HeartbeatTimeout".to_owned()))
}

/// Begin, both steps, report.
pub async fn run_all(
    world: &World,
    root: &str,
    how: &impl Fn(ItemIndex, u32) -> Work,
) -> Result<VerdictReply, HandlerError> {
    let begun = world.begin(root, |_| {}).await?;
    let mut last = None;
    for step in &begun.steps {
        let verdict = run_step(world, root, step.as_str(), how).await?;
        if verdict.next != Next::Done {
            return Ok(verdict);
        }
        last = Some(verdict);
    }
    report::handle(&world.ctx, ReportRequest { run: begun.run, root: root.into() }).await?;
    Ok(last.unwrap())
}
