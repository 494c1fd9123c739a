//! What several functions do with records: read the lease and check that it is still theirs, create a record and
//! recognise one's own after a lost reply, read many at once.

use crate::{Ctx, HandlerError, Program};
use serde::de::DeserializeOwned;
use spotmill_core::calls::RoundRequest;
use spotmill_core::claim::{Ticket, fenced};
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::keys::{self, RunKeys, StepKeys};
use spotmill_core::records::{FailureRecord, Lease, Plan, WorkItem};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::ports::{Created, Store, StoreError};
use spotmill_platform::records;
use std::time::Duration;
use tokio::task::JoinSet;

/// Tries of a compare-and-swap against others who win: far more than there are writers at once.
pub const SWAP_TRIES: u32 = 50;

pub fn step_keys(ctx: &Ctx, of: &RoundRequest) -> StepKeys {
    RunKeys::new(&ctx.root, &of.run).step(&of.step, of.generation)
}

pub fn ticket(of: &RoundRequest) -> Ticket<'_> {
    Ticket { root: &of.root, step: of.step.as_str(), epoch: of.epoch, generation: of.generation }
}

pub async fn lease(ctx: &Ctx, run: &RunId) -> Result<(Lease, String), HandlerError> {
    let found = records::load(&*ctx.store, &RunKeys::new(&ctx.root, run).lease()).await?;
    found.ok_or_else(|| HandlerError::invalid(format!("there is no run {run}; start its pipeline")))
}

/// The lease, if it still lets this caller act.
pub async fn fence(ctx: &Ctx, run: &RunId, ticket: &Ticket<'_>) -> Result<Lease, HandlerError> {
    let (lease, _) = lease(ctx, run).await?;
    match fenced(&lease, ticket) {
        None => Ok(lease),
        Some(why) => Err(HandlerError::fenced(format!("{run}: {why}"))),
    }
}

/// The pipeline as the lease froze it.
pub async fn program(ctx: &Ctx, run: &RunId, lease: &Lease) -> Result<Program, HandlerError> {
    let uri = RunKeys::new(&ctx.root, run).pipeline(&lease.pipeline_digest);
    let text = ctx.store.get(&uri).await?;
    Program::thaw(&text.body, lease.params.clone(), ctx.settings.base.clone())
        .map_err(|e| HandlerError::corrupt(format!("{uri}: {}", e.cause)))
}

pub async fn plan(ctx: &Ctx, keys: &StepKeys) -> Result<Plan, HandlerError> {
    let plan = records::load(&*ctx.store, &keys.plan()).await?;
    plan.map(|(plan, _)| plan).ok_or_else(|| HandlerError::corrupt(format!("{} does not exist", keys.plan())))
}

/// The work list, whole.
pub async fn work(ctx: &Ctx, keys: &StepKeys, plan: &Plan) -> Result<Vec<u8>, HandlerError> {
    let uri = keys.work(&plan.work_digest);
    let body = ctx.store.get(&uri).await?.body;
    if spotmill_core::digest::sha256(&body) != plan.work_digest {
        return Err(HandlerError::corrupt(format!("{uri} is not what its plan was made with")));
    }
    Ok(body)
}

pub fn lines(work: &[u8]) -> impl Iterator<Item = &[u8]> {
    work.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

pub fn work_items(work: &[u8]) -> Result<Vec<WorkItem>, HandlerError> {
    let parsed = lines(work).map(serde_json::from_slice).collect::<Result<_, _>>();
    parsed.map_err(|e| HandlerError::corrupt(format!("a line of the work list cannot be read: {e}")))
}

/// Items that have a receipt: one listing.
pub async fn receipted(ctx: &Ctx, keys: &StepKeys) -> Result<RoaringBitmap, HandlerError> {
    let listed = ctx.store.list(&keys.receipts().join("")).await?;
    Ok(listed.iter().filter_map(|o| keys::receipt_item(&o.uri)).collect())
}

/// The failures of an epoch.
pub async fn failures(ctx: &Ctx, keys: &StepKeys, epoch: u64) -> Result<Vec<FailureRecord>, HandlerError> {
    let listed = ctx.store.list(&keys.failures(epoch).join("")).await?;
    let uris = listed.into_iter().map(|o| o.uri).filter(|u| keys::failure_item(u).is_some()).collect();
    get_all(ctx, uris).await
}

/// Reads records, several at once; in the order asked for.
pub async fn get_all<T>(ctx: &Ctx, uris: Vec<Uri>) -> Result<Vec<T>, HandlerError>
where
    T: DeserializeOwned + Send + 'static,
{
    let mut all = Vec::with_capacity(uris.len());
    for chunk in uris.chunks(ctx.settings.parallel.max(1)) {
        let mut reading = JoinSet::new();
        for (i, uri) in chunk.iter().cloned().enumerate() {
            let store = ctx.store.clone();
            reading.spawn(async move { (i, records::load::<T>(&*store, &uri).await, uri) });
        }
        let mut page = Vec::with_capacity(chunk.len());
        while let Some(read) = reading.join_next().await {
            let (i, record, uri) = read.map_err(|e| HandlerError::transient(e.to_string()))?;
            let (record, _) = record?.ok_or_else(|| HandlerError::corrupt(format!("{uri} was there and is gone")))?;
            page.push((i, record));
        }
        page.sort_by_key(|(i, _)| *i);
        all.extend(page.into_iter().map(|(_, record)| record));
    }
    Ok(all)
}

/// What stands at a key after a create-if-absent.
#[derive(Debug, PartialEq, Eq)]
pub enum Stands {
    /// These very bytes, whoever wrote them.
    Ours,
    Others(Vec<u8>),
}

/// Creates if absent, and after "already" or a lost reply looks at what is there.
pub async fn create(ctx: &Ctx, uri: &Uri, body: &[u8]) -> Result<Stands, HandlerError> {
    create_in(&*ctx.store, uri, body).await
}

pub async fn create_in(store: &dyn Store, uri: &Uri, body: &[u8]) -> Result<Stands, HandlerError> {
    for _ in 0..3 {
        match store.create(uri, body).await {
            Ok(Created::Now) => return Ok(Stands::Ours),
            Ok(Created::Already) | Err(StoreError::Unknown { .. }) => {}
            Err(e) => return Err(e.into()),
        }
        match store.get(uri).await {
            Ok(object) if object.body == body => return Ok(Stands::Ours),
            Ok(object) => return Ok(Stands::Others(object.body)),
            // The write whose reply was lost did not happen, or the object was deleted again.
            Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Err(HandlerError::transient(format!("{uri} can neither be created nor read")))
}

/// `create` of a record.
pub async fn create_record<T: serde::Serialize>(ctx: &Ctx, uri: &Uri, record: &T) -> Result<Stands, HandlerError> {
    let body = serde_json::to_vec(record).map_err(|e| HandlerError::corrupt(format!("{uri}: {e}")))?;
    create(ctx, uri, &body).await
}

/// A breath between two tries of a compare-and-swap, longer the more were lost.
pub async fn breathe(tries: u32) {
    tokio::time::sleep(Duration::from_millis(u64::from(tries.min(20)) * 5)).await;
}
