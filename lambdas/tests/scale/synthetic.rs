//! Ports that synthesize things on demand: any number of objects and receipts, a queue that only counts.

use async_trait::async_trait;
use spotmill_core::digest::sha256;
use spotmill_core::ids::{ExecutionId, ItemIndex, Uri};
use spotmill_core::item::{OutputFile, RowCounts, Usage};
use spotmill_core::keys::StepKeys;
use spotmill_core::plan::line_range;
use spotmill_core::records::{DeployedWorker, Foreseen, Plan, RECORD_VERSION, Receipt};
use spotmill_core::types::Column;
use spotmill_lambdas::{Ctx, Settings, deploy};
use spotmill_platform::local::LocalStore;
use spotmill_platform::local::clock::SystemClock;
use spotmill_platform::ports::*;
use spotmill_spec as spec;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const PIPELINE: &str = r#"
format = 1
[pipeline]
name = "p"
key = ["date"]
[params]
date = { type = "date" }
[[step]]
name = "a"
sql = "SELECT k, v FROM input"
[step.input]
path = "s3://some-bucket-with-data/warehouse/raw/events/date={date}/*.csv"
columns = ["k string", "v int32"]
item_bytes = "1 MB"
[step.output]
[[step]]
name = "b"
sql = "SELECT k, v FROM input"
input = { step = "a", by = "all" }
[step.output]
destination = "s3://out/b/date={date}"
"#;

/// Where the synthetic objects are.
const INPUT: &str = "s3://some-bucket-with-data/warehouse/raw/events/date=2013-01-01/";
/// In one of so many batches a message is refused.
const REFUSED: u64 = 100;

pub struct Made {
    local: LocalStore,
    root: PathBuf,
    items: u32,
    /// Items below it have receipts.
    committed: AtomicU32,
    planned: OnceLock<(StepKeys, Plan, std::fs::File)>,
}

impl Made {
    pub fn new(root: &Path, items: u32) -> Self {
        let (committed, planned) = (AtomicU32::new(0), OnceLock::new());
        Self { local: LocalStore::new(), root: root.to_owned(), items, committed, planned }
    }

    pub fn know(&self, keys: &StepKeys, plan: Plan) {
        let work = std::fs::File::open(keys.work(&plan.work_digest).as_str()).unwrap();
        assert!(self.planned.set((keys.clone(), plan, work)).is_ok());
    }

    pub fn commit(&self, items: u32) {
        self.committed.store(items, Ordering::SeqCst);
    }

    fn input(&self) -> Vec<ObjectMeta> {
        let meta = |i: u32| ObjectMeta {
            uri: Uri::new(format!("{INPUT}part-{i:07}-of-the-day.csv")),
            etag: sha256(&i.to_le_bytes())[..32].to_owned(),
            bytes: 999_999,
            modified_ms: 1,
            file: None,
        };
        (0..self.items).map(meta).collect()
    }

    fn receipts(&self, prefix: &Uri) -> Option<Vec<ObjectMeta>> {
        let (keys, _, _) = self.planned.get()?;
        prefix.as_str().strip_prefix(keys.receipts().as_str())?;
        let uris = (0..self.committed.load(Ordering::SeqCst)).map(|item| keys.receipt(item));
        let listed = uris.filter(|uri| uri.as_str().starts_with(prefix.as_str()));
        Some(listed.map(|uri| ObjectMeta { uri, etag: "e".into(), bytes: 700, modified_ms: 1, file: None }).collect())
    }

    fn receipt(&self, uri: &Uri) -> Option<Vec<u8>> {
        let (keys, plan, work) = self.planned.get()?;
        uri.as_str().strip_prefix(keys.receipts().as_str())?;
        let item: ItemIndex = spotmill_core::keys::receipt_item(uri)?;
        let (from, to) = line_range(&plan.offsets, item)?;
        let mut line = vec![0; (to - from) as usize];
        work.read_exact_at(&mut line, from).unwrap();
        let attempt = format!("0123456789abcdef-{item}").as_str().into();
        let scratch = keys.scratch(item, &attempt);
        let column = |name: &str, ty: &str| Column { name: name.into(), ty: ty.parse().unwrap(), parse: None };
        let path = "00000.parquet".to_owned();
        let receipt = Receipt {
            v: RECORD_VERSION,
            item,
            attempt,
            item_digest: sha256(&line),
            worker_digest: sha256(b"worker"),
            epoch: 1,
            scratch,
            contents: Vec::new(),
            files: vec![OutputFile { partition: String::new(), part: 0, path, rows: 10, bytes: 100 }],
            rejects: None,
            rows: RowCounts { raw: 10, read: 10, rejected: 0, written: 10 },
            columns: vec![column("k", "string"), column("v", "int32")],
            violations: Vec::new(),
            notes: Vec::new(),
            usage: Usage { wall_ms: 1, cpu_ms: 1, peak_bytes: 1 },
            rung: 0,
            worker: "i-0123456789abcdef0".into(),
            committed_ms: 1,
        };
        Some(serde_json::to_vec(&receipt).unwrap())
    }
}

#[async_trait]
impl Store for Made {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        match self.receipt(uri) {
            Some(body) => Ok(Object { etag: "e".into(), body }),
            None if uri.is_s3() => Err(StoreError::NotFound(uri.clone())),
            None => self.local.get(uri).await,
        }
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.local.get_range(uri, from, to).await
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.local.head(uri).await
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.local.create(uri, body).await
    }
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        self.local.swap(uri, etag, body).await
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.local.put(uri, body).await
    }
    /// To disk page by page, as an adapter of a network does before it sends.
    async fn put_pages(&self, uri: &Uri, pages: &mut (dyn Iterator<Item = Vec<u8>> + Send)) -> Result<(), StoreError> {
        let path = Path::new(uri.as_str());
        assert!(path.starts_with(&self.root));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = std::fs::File::create(path).unwrap();
        pages.for_each(|page| file.write_all(&page).unwrap());
        Ok(())
    }
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        match self.receipts(prefix) {
            Some(listed) => Ok(listed),
            None if INPUT == prefix.as_str() => Ok(self.input()),
            None if prefix.is_s3() => Ok(Vec::new()),
            None => self.local.list(prefix).await,
        }
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.local.copy(from, to).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.local.delete(uri).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.local.download(uri, etag, to).await
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.local.upload(from, to).await
    }
}

/// What was sent, and what came of it.
#[derive(Default)]
pub struct Sent {
    batches: AtomicU64,
    pub messages: AtomicU64,
    /// Messages that were refused once.
    pub resent: AtomicU64,
    pub failures: AtomicU64,
}

#[async_trait]
impl Queue for Sent {
    async fn create(&self, _queue: &str) -> Result<(), QueueError> {
        Ok(())
    }
    async fn remove(&self, _queue: &str) -> Result<(), QueueError> {
        Ok(())
    }
    async fn send(&self, _queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
        assert!(bodies.len() <= 10);
        let refused = self.batches.fetch_add(1, Ordering::SeqCst).is_multiple_of(REFUSED) && bodies.len() > 1;
        let refused: Vec<usize> = if refused { vec![1] } else { Vec::new() };
        self.resent.fetch_add(refused.len() as u64, Ordering::SeqCst);
        self.messages.fetch_add((bodies.len() - refused.len()) as u64, Ordering::SeqCst);
        Ok(refused)
    }
    async fn receive(&self, _: &str, _: usize, _: Duration, _: Duration) -> Result<Vec<Message>, QueueError> {
        Ok(Vec::new())
    }
    async fn extend(&self, _: &str, _: &str, _: Duration) -> Result<(), QueueError> {
        Ok(())
    }
    async fn delete(&self, _: &str, _: &str) -> Result<(), QueueError> {
        Ok(())
    }
}

#[async_trait]
impl Executions for Sent {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        Ok(if execution.as_str() == "died" { ExecutionState::Ended } else { ExecutionState::Running })
    }
    async fn send_success(&self, _token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Accepted)
    }
    async fn send_failure(&self, _token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError> {
        println!("{error}: {cause}");
        self.failures.fetch_add(1, Ordering::SeqCst);
        Ok(TokenReply::Accepted)
    }
    async fn send_heartbeat(&self, _token: &str) -> Result<TokenReply, ExecutionError> {
        Ok(TokenReply::Accepted)
    }
}

#[async_trait]
impl Fleets for Sent {
    async fn launch(&self, _request: &FleetRequest) -> Result<(), FleetError> {
        Ok(())
    }
    async fn end(&self, _request: &FleetRequest) -> Result<(), FleetError> {
        Ok(())
    }
    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError> {
        Ok(Vec::new())
    }
}

/// A context over the synthetic ports, with the pipeline deployed.
pub async fn world(store: Arc<Made>, sent: Arc<Sent>) -> Ctx {
    let sources =
        spec::Sources { path: "pipeline.toml".into(), toml: PIPELINE.to_owned(), sql_files: Default::default() };
    let Ok(parsed) = spec::parse(&sources) else { panic!("the pipeline is wrong") };
    let root = Uri::new(store.root.to_str().unwrap());
    let frozen = spec::freeze(&parsed.pipeline);
    deploy::deploy(&*store, &root, "p", (&frozen, &Foreseen::default()), DeployedWorker::default(), 0).await.unwrap();
    Ctx {
        root,
        store,
        queues: sent.clone(),
        fleets: sent.clone(),
        executions: sent,
        clock: Arc::new(SystemClock),
        catalogs: None,
        hooks: None,
        settings: Settings::new("callbacks"),
    }
}
