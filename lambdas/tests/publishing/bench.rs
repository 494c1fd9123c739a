//! One pipeline of one step over a store in memory, with a worker whose rows name the definition that made them, and
//! what a reader of its destination sees.

use crate::memory::Memory;
use async_trait::async_trait;
use spotmill_core::calls::*;
use spotmill_core::destination::{Contents, Existing, FileList, State, files_uri, manifest_uri};
use spotmill_core::digest::sha256;
use spotmill_core::fleet;
use spotmill_core::ids::{AttemptId, ExecutionId, ItemIndex, Uri};
use spotmill_core::item::{OutputFile, RowCounts, Usage};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::plan::{item_digest, line_range};
use spotmill_core::records::*;
use spotmill_core::types::Column;
use spotmill_lambdas::*;
use spotmill_platform::local::LocalQueues;
use spotmill_platform::ports::{
    Clock, ExecutionError, ExecutionState, Executions, FleetError, FleetRequest, Fleets, TokenReply,
};
use spotmill_spec as spec;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How the pipeline is written at the moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub pipeline: &'static str,
    pub step: &'static str,
    /// Written into every row.
    pub tag: u64,
    pub shared: bool,
    /// In folders of their own.
    pub catalogued: bool,
}

impl Definition {
    /// Parsed once for each definition.
    fn frozen(&self) -> String {
        static KNOWN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
        let toml = self.toml();
        if let Some(frozen) = KNOWN.lock().unwrap().get(&toml) {
            return frozen.clone();
        }
        let sources = spec::Sources { path: "pipeline.toml".into(), toml, sql_files: Default::default() };
        let Ok(parsed) = spec::parse(&sources) else { panic!("the pipeline is wrong: {}", sources.toml) };
        let frozen = spec::freeze(&parsed.pipeline);
        KNOWN.lock().unwrap().insert(sources.toml, frozen.clone());
        frozen
    }

    fn toml(&self) -> String {
        let Definition { pipeline, step, tag, shared, catalogued } = self;
        let output = match shared {
            true => "destination = \"out/latest\"\nreplace = \"all\"".to_owned(),
            false => "destination = \"out/{date}\"".to_owned(),
        };
        let output = match catalogued {
            true => format!("{output}\ncatalog = {{ glue = \"lake.t\" }}"),
            false => output,
        };
        format!(
            "format = 1\n[pipeline]\nname = \"{pipeline}\"\n[params]\ndate = {{ type = \"date\" }}\n[[step]]\nname = \"{step}\"\n\
             sql = \"SELECT v + {tag} AS v FROM input\"\n[step.input]\npath = \"in/{{date}}/*.csv\"\ncolumns = [\"v int32\"]\n\
             item_bytes = \"1 B\"\n[step.output]\n{output}\n"
        )
    }
}

#[derive(Default)]
pub struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now_ms(&self) -> u64 {
        1_000_000_000 + self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// Nothing runs beside the test.
struct Alone;

#[async_trait]
impl Executions for Alone {
    async fn state(&self, _: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        Ok(ExecutionState::Ended)
    }
    async fn send_success(&self, _: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Accepted)
    }
    async fn send_failure(&self, _: &str, _: &str, _: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Accepted)
    }
    async fn send_heartbeat(&self, _: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Accepted)
    }
}

#[async_trait]
impl Fleets for Alone {
    async fn launch(&self, _: &FleetRequest) -> Result<(), FleetError> {
        Ok(())
    }
    async fn end(&self, _: &FleetRequest) -> Result<(), FleetError> {
        Ok(())
    }
    async fn living(&self) -> Result<Vec<fleet::LivingFleet>, FleetError> {
        Ok(Vec::new())
    }
}

pub struct Bench {
    pub store: Memory,
    clock: Arc<Ticks>,
    starts: AtomicU64,
}

/// How a start is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub existing: Existing,
    pub changed: bool,
}

/// A publisher between two of its calls.
pub struct Stalled {
    ctx: Ctx,
    request: PublishRequest,
}

impl Bench {
    pub fn new() -> Bench {
        Bench { store: Memory::default(), clock: Arc::default(), starts: AtomicU64::new(0) }
    }

    /// Of a project at `base` with its state at `root`.
    pub fn ctx(&self, base: &str, root: &str) -> Ctx {
        let mut settings = Settings::new("callbacks");
        settings.base = Some(Uri::new(base));
        settings.publish_page = 2;
        settings.parallel = 1;
        Ctx {
            root: Uri::new(root),
            store: Arc::new(self.store.clone()),
            queues: Arc::new(LocalQueues::new()),
            fleets: Arc::new(Alone),
            executions: Arc::new(Alone),
            clock: self.clock.clone(),
            catalogs: None,
            hooks: None,
            settings,
        }
    }

    /// Begin, plan, work and verdict: the step is sealed and about to be published.
    pub async fn seal(&self, ctx: &Ctx, of: &Definition, date: &str, asked: &Asked) -> Result<Stalled, HandlerError> {
        let frozen = of.frozen();
        let worker = DeployedWorker { version: "1".into(), programs: BTreeMap::new() };
        deploy::deploy(&*ctx.store, &ctx.root, of.pipeline, (&frozen, &Foreseen::default()), worker, 0).await?;
        let root = ExecutionId::new(format!("r{}", self.starts.fetch_add(1, Ordering::SeqCst)));
        let input = RunInput {
            pipeline: of.pipeline.into(),
            date: Some(date.into()),
            existing: asked.existing,
            changed: asked.changed,
            ..RunInput::default()
        };
        let begun = begin::handle(ctx, BeginRequest { input, root: root.clone() }).await?;
        let (run, step) = (begun.run, begun.steps[0].clone());
        let request =
            PlanWorkRequest { run: run.clone(), step: step.clone(), root: root.clone(), execution: root.clone() };
        let planned = plan_work::handle(ctx, request).await?;
        let (generation, epoch) = (planned.generation, planned.epoch);
        let keys = RunKeys::new(&ctx.root, &run).step(&step, generation);
        self.work(ctx, &keys, epoch, of.tag).await?;
        let round = RoundRequest { run, step, root, generation, epoch, round: 0, rung: 0 };
        let verdict = verdict::handle(ctx, VerdictRequest { round: round.clone(), failure: None }).await?;
        assert_eq!(verdict.next, Next::Publish, "{}", verdict.cause);
        let RoundRequest { run, step, root, .. } = round;
        let request = PublishRequest { run, step, root, generation, epoch, cursor: None };
        Ok(Stalled { ctx: ctx.clone(), request })
    }

    /// Every item without a receipt: a file, flushed, and its receipt.
    async fn work(&self, ctx: &Ctx, keys: &StepKeys, epoch: u64, tag: u64) -> Result<(), HandlerError> {
        let plan: Plan = self.record(&keys.plan());
        let list = ctx.store.get(&keys.work(&plan.work_digest)).await?.body;
        for item in 0..plan.items {
            if ctx.store.head(&keys.receipt(item)).await.is_ok() {
                continue;
            }
            let (from, to) = line_range(&plan.offsets, item).unwrap();
            let line = &list[from as usize..to as usize];
            let work: WorkItem = serde_json::from_slice(line).unwrap();
            let mut rows = String::new();
            for input in &work.inputs {
                let text = String::from_utf8(ctx.store.get(&input.uri).await?.body).unwrap();
                rows.extend(text.lines().map(|row| format!("{tag}:{row}\n")));
            }
            let attempt =
                AttemptId::new(sha256(format!("{}{item}{epoch}{}", keys.base(), ctx.clock.now_ms()).as_bytes()));
            let scratch = keys.scratch(item, &attempt);
            self.store.write(scratch.join("00000.parquet").as_str(), rows.as_bytes());
            ctx.store.flush(&scratch).await?;
            let receipt = receipt(item, attempt, line, epoch, scratch, &rows);
            ctx.store.create(&keys.receipt(item), &serde_json::to_vec(&receipt).unwrap()).await?;
        }
        Ok(())
    }

    /// One call of publish; true once it is done.
    pub async fn publish_on(&self, stalled: &mut Stalled) -> Result<bool, HandlerError> {
        let reply = publish::handle(&stalled.ctx, stalled.request.clone()).await?;
        stalled.request.cursor = Some(reply.cursor);
        Ok(!reply.more)
    }

    /// To its end, and reported.
    pub async fn publish(&self, stalled: &mut Stalled) -> Result<(), HandlerError> {
        while !self.publish_on(stalled).await? {}
        let PublishRequest { run, root, .. } = stalled.request.clone();
        report::handle(&stalled.ctx, ReportRequest { run, root }).await.map(drop)
    }

    pub async fn start(&self, ctx: &Ctx, of: &Definition, date: &str, asked: &Asked) -> Result<(), HandlerError> {
        let mut sealed = self.seal(ctx, of, date, asked).await?;
        self.publish(&mut sealed).await
    }

    fn record<T: serde::de::DeserializeOwned>(&self, uri: &Uri) -> T {
        serde_json::from_str(&self.store.text(uri.as_str()).unwrap()).unwrap()
    }

    /// What whoever waits for a mark and goes by the manifest reads: the rows of each publication, sorted.
    pub fn read(&self, destination: &str) -> Vec<Vec<String>> {
        let uri = Uri::new(destination);
        let Some(text) = self.store.text(manifest_uri(&uri).as_str()) else { return Vec::new() };
        let contents: Contents = serde_json::from_str(&text).unwrap();
        let marked = contents.publications.iter().filter(|p| {
            let mark = self.store.text(uri.join(&p.mark).as_str());
            p.state == State::Stands && mark.is_some_and(|body| body.trim() == p.id)
        });
        marked.map(|p| self.rows_of(&uri, &p.id)).collect()
    }

    fn rows_of(&self, uri: &Uri, id: &str) -> Vec<String> {
        let list: FileList = self.record(&files_uri(uri, id));
        let mut rows = Vec::new();
        for file in &list.files {
            let body = self.store.text(uri.join(&file.path).as_str());
            let body = body.unwrap_or_else(|| panic!("{} is under a mark and is not there", file.path));
            assert_eq!(body.len() as u64, file.bytes, "{} is under a mark and is not whole", file.path);
            rows.extend(body.lines().map(str::to_owned));
        }
        rows.sort();
        rows
    }

    /// What whoever waits for the mark and reads every file reads.
    pub fn read_all(&self, destination: &str) -> Vec<String> {
        let names = self.store.names(&format!("{destination}/"));
        let data = names.iter().filter(|n| n.ends_with(".parquet") && !n.contains("/_spotmill/"));
        let mut rows: Vec<String> =
            data.flat_map(|n| self.store.text(n).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        rows.sort();
        rows
    }
}

fn receipt(item: ItemIndex, attempt: AttemptId, line: &[u8], epoch: u64, scratch: Uri, rows: &str) -> Receipt {
    let count = rows.lines().count() as u64;
    let file = OutputFile {
        partition: String::new(),
        part: 0,
        path: "00000.parquet".into(),
        rows: count,
        bytes: rows.len() as u64,
        offset: None,
    };
    Receipt {
        v: RECORD_VERSION,
        item,
        attempt,
        item_digest: item_digest(line),
        worker_digest: "d".into(),
        epoch,
        scratch,
        contents: Vec::new(),
        files: vec![file],
        rejects: None,
        rows: RowCounts { raw: count, read: count, rejected: 0, written: count },
        columns: vec![Column { name: "v".into(), ty: "int64".parse().unwrap(), parse: None }],
        violations: Vec::new(),
        notes: Vec::new(),
        usage: Usage::default(),
        rung: 0,
        worker: "w".into(),
        committed_ms: 0,
    }
}
