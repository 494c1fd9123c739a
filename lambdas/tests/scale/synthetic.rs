//! Ports that synthesize things on demand: any number of objects, receipts and failures.

use crate::sent::Sent;
use crate::slow::{Meter, Slow, Virtual};
use async_trait::async_trait;
use spotmill_core::digest::sha256;
use spotmill_core::ids::{ItemIndex, Uri};
use spotmill_core::item::{FailureClass, OutputFile, RowCounts, Usage};
use spotmill_core::keys::StepKeys;
use spotmill_core::plan::line_range;
use spotmill_core::records::{DeployedWorker, FailureRecord, Foreseen, Plan, RECORD_VERSION, Receipt};
use spotmill_core::types::Column;
use spotmill_lambdas::{Ctx, Settings, deploy};
use spotmill_platform::local::LocalStore;
use spotmill_platform::ports::*;
use spotmill_spec as spec;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

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
[step.resources]
max_attempts = 1
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
/// One of so many items is left by the first round.
pub const LEFT: u32 = 50;

pub struct Made {
    local: LocalStore,
    root: PathBuf,
    items: u32,
    /// How far the work is; 0 while nothing is done.
    stage: AtomicU8,
    planned: OnceLock<Planned>,
}

struct Planned {
    keys: StepKeys,
    plan: Plan,
    work: std::fs::File,
}

/// How far the work on the items is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Every item has failed for good.
    Failed = 4,
    /// Their machines went away from one in fifty, with a record each; the others are committed.
    FirstRound = 1,
    /// Half of those are committed as well.
    Half = 2,
    Everything = 3,
}

impl Stage {
    fn committed(stage: u8, item: u32) -> bool {
        let left = item % LEFT == 7;
        match stage {
            0 | 4 => false,
            1 => !left,
            2 => !left || item % (2 * LEFT) == 7,
            _ => true,
        }
    }
}

impl Made {
    pub fn new(root: &Path, items: u32) -> Self {
        let (stage, planned) = (AtomicU8::new(0), OnceLock::new());
        Self { local: LocalStore::new(), root: root.to_owned(), items, stage, planned }
    }

    pub fn know(&self, keys: &StepKeys, plan: Plan) {
        let work = std::fs::File::open(keys.work(&plan.work_digest).as_str()).unwrap();
        assert!(self.planned.set(Planned { keys: keys.clone(), plan, work }).is_ok());
    }

    pub fn reach(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::SeqCst);
    }

    /// Those whose number, in seven digits, begins so.
    fn numbered(&self, begins: &str) -> std::ops::Range<u32> {
        let digits = begins.trim_start_matches('/');
        let each = 10_u32.pow(7 - u32::try_from(digits.len()).unwrap());
        let from = digits.parse().unwrap_or(0) * each;
        from.min(self.items)..(from + each).min(self.items)
    }

    /// One of the first epoch for each item that the first round left.
    fn failures(&self, prefix: &Uri) -> Option<Vec<ObjectMeta>> {
        let Planned { keys, plan, .. } = self.planned.get()?;
        let of = keys.failures(plan.epoch);
        let items = self.numbered(prefix.as_str().strip_prefix(of.as_str())?);
        let (stage, every) = (self.stage.load(Ordering::SeqCst), Stage::Failed as u8);
        let left = items.filter(|item| stage == every || stage > 0 && item % LEFT == 7);
        let meta = |item| {
            let uri = keys.failure(plan.epoch, item, &"0123456789abcdef".into());
            ObjectMeta { uri, etag: "e".into(), bytes: 2_000, modified_ms: 1, file: None }
        };
        Some(left.map(meta).collect())
    }

    fn failure(&self, uri: &Uri) -> Option<Vec<u8>> {
        let Planned { keys, plan, .. } = self.planned.get()?;
        uri.as_str().strip_prefix(keys.failures(plan.epoch).as_str())?;
        let every = self.stage.load(Ordering::SeqCst) == Stage::Failed as u8;
        let record = FailureRecord {
            v: RECORD_VERSION,
            item: spotmill_core::keys::failure_item(uri)?.0,
            attempt: "0123456789abcdef".into(),
            epoch: plan.epoch,
            round: 0,
            rung: 0,
            class: if every { FailureClass::Transform } else { FailureClass::Lost },
            message: "the machine goes away, or one of its columns is not what the query takes it for".into(),
            remedy: None,
            file: None,
            log_tail: "a line of what the child wrote while it could, as long as such lines are\n".repeat(20),
            ended: "the machine goes away".into(),
            worker: "i-0123456789abcdef0 c7g.4xlarge eu-central-1a".into(),
            usage: Usage { wall_ms: 1, cpu_ms: 1, peak_bytes: 1 },
            failed_ms: 1,
        };
        Some(serde_json::to_vec(&record).unwrap())
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
        let keys = &self.planned.get()?.keys;
        let items = self.numbered(prefix.as_str().strip_prefix(keys.receipts().as_str())?);
        let stage = self.stage.load(Ordering::SeqCst);
        let uris = items.filter(|item| Stage::committed(stage, *item)).map(|item| keys.receipt(item));
        Some(uris.map(|uri| ObjectMeta { uri, etag: "e".into(), bytes: 700, modified_ms: 1, file: None }).collect())
    }

    fn receipt(&self, uri: &Uri) -> Option<Vec<u8>> {
        let Planned { keys, plan, work } = self.planned.get()?;
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
            files: vec![OutputFile { partition: String::new(), part: 0, path, rows: 10, bytes: 100, offset: None }],
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
        match self.receipt(uri).or_else(|| self.failure(uri)) {
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
        match self.receipts(prefix).or_else(|| self.failures(prefix)) {
            Some(listed) => Ok(listed),
            None if INPUT == prefix.as_str() => Ok(self.input()),
            None if prefix.is_s3() => Ok(Vec::new()),
            None => self.local.list(prefix).await,
        }
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.local.copy(from, to).await
    }
    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        self.local.copy_range(from, range, to).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.local.delete(uri).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.local.download(uri, etag, to).await
    }
    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        self.local.download_range(uri, etag, range, to).await
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.local.upload(from, to).await
    }
}

/// A context over the synthetic ports, with the pipeline deployed.
pub async fn world(made: Arc<Made>, sent: Arc<Sent>, meter: Arc<Meter>) -> Ctx {
    let sources =
        spec::Sources { path: "pipeline.toml".into(), toml: PIPELINE.to_owned(), sql_files: Default::default() };
    let Ok(parsed) = spec::parse(&sources) else { panic!("the pipeline is wrong") };
    let root = Uri::new(made.root.to_str().unwrap());
    let store = Arc::new(Slow { inner: made, meter: meter.clone() });
    let frozen = spec::freeze(&parsed.pipeline);
    deploy::deploy(&*store, &root, "p", (&frozen, &Foreseen::default()), DeployedWorker::default(), 0).await.unwrap();
    Ctx {
        root,
        store,
        queues: Arc::new(Slow { inner: sent.clone(), meter }),
        fleets: sent.clone(),
        executions: sent,
        clock: Arc::new(Virtual(tokio::time::Instant::now())),
        catalogs: None,
        hooks: None,
        settings: Settings { boot_secs: Some(60), max_vcpus: Some(1_000), ..Settings::new("callbacks") },
    }
}
