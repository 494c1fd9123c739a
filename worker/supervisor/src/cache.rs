//! What many items share, read once: plan, side tables, pins and pipeline never change under their keys; the run's
//! lease does, and is believed for a few seconds only.

use crate::frozen;
use spotmill_core::ids::{Epoch, Uri};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::Pipeline;
use spotmill_core::records::{Lease, Pins, Plan, PlanTables};
use spotmill_platform::ports::{Store, StoreError};
use spotmill_platform::records::{self, RecordError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The frozen work of a step.
pub struct Frozen {
    pub plan: Plan,
    pub tables: PlanTables,
}

/// Cached entries of each type; a supervisor sees one step of a round, so it needs few.
const MOST: usize = 8;

#[derive(Default)]
pub struct Cache {
    leases: Mutex<HashMap<Uri, (Instant, Arc<Lease>)>>,
    plans: Mutex<HashMap<Uri, Arc<Frozen>>>,
    pins: Mutex<HashMap<Uri, Option<Arc<Pins>>>>,
    pipelines: Mutex<HashMap<Uri, Arc<Pipeline>>>,
}

/// Why something could not be had.
pub enum Missing {
    /// There is no such object: what the message refers to is gone.
    Gone(Uri),
    /// It is there, and this program cannot read it.
    Foreign(String),
    Store(RecordError),
}

impl From<RecordError> for Missing {
    fn from(e: RecordError) -> Self {
        Missing::Store(e)
    }
}

impl Cache {
    /// Not older than `age`.
    pub async fn lease(&self, store: &dyn Store, keys: &RunKeys, age: Duration) -> Result<Arc<Lease>, Missing> {
        let key = keys.lease();
        let mut leases = self.leases.lock().await;
        if let Some((_, lease)) = leases.get(&key).filter(|(read, _)| read.elapsed() < age) {
            return Ok(Arc::clone(lease));
        }
        let read = Instant::now();
        let (lease, _) = records::load::<Lease>(store, &key).await?.ok_or_else(|| Missing::Gone(key.clone()))?;
        let lease = Arc::new(lease);
        keep(&mut leases, key, (read, Arc::clone(&lease)));
        Ok(lease)
    }

    pub async fn plan(&self, store: &dyn Store, keys: &StepKeys) -> Result<Arc<Frozen>, Missing> {
        let key = keys.plan();
        let mut plans = self.plans.lock().await;
        if let Some(plan) = plans.get(&key) {
            return Ok(Arc::clone(plan));
        }
        let (plan, _) = records::load::<Plan>(store, &key).await?.ok_or_else(|| Missing::Gone(key.clone()))?;
        let tables = keys.tables();
        let (tables, _) = records::load::<PlanTables>(store, &tables).await?.ok_or(Missing::Gone(tables))?;
        let frozen = Arc::new(Frozen { plan, tables });
        keep(&mut plans, key, Arc::clone(&frozen));
        Ok(frozen)
    }

    pub async fn pins(&self, store: &dyn Store, keys: &StepKeys, epoch: Epoch) -> Result<Option<Arc<Pins>>, Missing> {
        let key = keys.pins(epoch);
        let mut pins = self.pins.lock().await;
        if let Some(found) = pins.get(&key) {
            return Ok(found.clone());
        }
        let found = records::load::<Pins>(store, &key).await?.map(|(pins, _)| Arc::new(pins));
        keep(&mut pins, key, found.clone());
        Ok(found)
    }

    pub async fn pipeline(&self, store: &dyn Store, keys: &RunKeys, digest: &str) -> Result<Arc<Pipeline>, Missing> {
        let key = keys.pipeline(digest);
        let mut pipelines = self.pipelines.lock().await;
        if let Some(pipeline) = pipelines.get(&key) {
            return Ok(Arc::clone(pipeline));
        }
        let object = match store.get(&key).await {
            Ok(object) => object,
            Err(StoreError::NotFound(key)) => return Err(Missing::Gone(key)),
            Err(e) => return Err(Missing::Store(e.into())),
        };
        let text = String::from_utf8_lossy(&object.body);
        let pipeline = frozen::thaw(&text).map_err(|e| Missing::Foreign(format!("{key} cannot be read: {e}")))?;
        let pipeline = Arc::new(pipeline);
        keep(&mut pipelines, key, Arc::clone(&pipeline));
        Ok(pipeline)
    }
}

fn keep<T>(map: &mut HashMap<Uri, T>, key: Uri, value: T) {
    if map.len() >= MOST {
        map.clear();
    }
    map.insert(key, value);
}
