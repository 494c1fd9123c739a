//! What several functions do with records: read the lease and check that it is still theirs, create a record and
//! recognise one's own after a lost reply, read many at once.

use crate::{Ctx, HandlerError, Program};
use serde::de::DeserializeOwned;
use spotmill_core::calls::RoundRequest;
use spotmill_core::claim::{Ticket, fenced};
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::keys::{self, RunKeys, StepKeys};
use spotmill_core::records::{FailureRecord, Lease, Plan};
use spotmill_core::tally::RoaringBitmap;
use spotmill_platform::ports::{Created, Store, StoreError};
use spotmill_platform::records;
use std::future::Future;
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

pub fn lines(work: &[u8]) -> impl Iterator<Item = &[u8]> {
    work.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

/// Items of `plan` that have a receipt. Many are listed in parts that their names begin with, several at once.
pub async fn receipted(ctx: &Ctx, keys: &StepKeys, plan: &Plan) -> Result<RoaringBitmap, HandlerError> {
    let prefixes = keys.receipt_prefixes(plan.items);
    let listed = several(ctx.settings.parallel, prefixes, |prefix| {
        let store = ctx.store.clone();
        async move {
            let listed = store.list(&prefix).await?;
            Ok::<RoaringBitmap, HandlerError>(listed.iter().filter_map(|o| keys::receipt_item(&o.uri)).collect())
        }
    });
    Ok(listed.await?.into_iter().fold(RoaringBitmap::new(), |all, some| all | some))
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
    get_many(ctx, ctx.settings.parallel, uris).await
}

/// The same, so many at once.
pub async fn get_many<T>(ctx: &Ctx, width: usize, uris: Vec<Uri>) -> Result<Vec<T>, HandlerError>
where
    T: DeserializeOwned + Send + 'static,
{
    several(width, uris, |uri| {
        let store = ctx.store.clone();
        async move {
            let found = records::load::<T>(&*store, &uri).await?;
            found.map(|(record, _)| record).ok_or_else(|| HandlerError::corrupt(format!("{uri} was there and is gone")))
        }
    })
    .await
}

/// Does all, at most `width` at once; results in order. After the first error nothing more begins, and nothing is left
/// under way.
pub async fn several<I, T, F>(width: usize, inputs: Vec<I>, mut act: impl FnMut(I) -> F) -> Result<Vec<T>, HandlerError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, HandlerError>> + Send + 'static,
{
    let mut done: Vec<Option<T>> = inputs.iter().map(|_| None).collect();
    let mut waiting = inputs.into_iter().enumerate();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < width.max(1)
            && let Some((i, input)) = waiting.next()
        {
            let acting = act(input);
            under_way.spawn(async move { (i, acting.await) });
        }
        match under_way.join_next().await {
            None => return Ok(done.into_iter().flatten().collect()),
            Some(Ok((i, Ok(result)))) => done[i] = Some(result),
            Some(Ok((_, Err(e)))) => {
                under_way.shutdown().await;
                return Err(e);
            }
            Some(Err(e)) => return Err(HandlerError::transient(e.to_string())),
        }
    }
}

/// What stands at a key after a create-if-absent.
#[derive(Debug, PartialEq, Eq)]
pub enum Stands {
    /// These very bytes, whoever wrote them.
    Ours,
    Others(Vec<u8>),
}

/// Creates if absent; after "already" or a lost reply reads what is there.
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

/// Replaces what was read under `etag`, or creates the record; returns whether it was written. After an unknown outcome
/// the next read shows it.
pub async fn replace<T: serde::Serialize>(
    ctx: &Ctx,
    uri: &Uri,
    etag: Option<&str>,
    record: &T,
) -> Result<bool, HandlerError> {
    match etag {
        None => Ok(create_record(ctx, uri, record).await? == Stands::Ours),
        Some(etag) => crate::tally::swapped(records::swap(&*ctx.store, uri, etag, record).await),
    }
}

/// Waits between two tries of a compare-and-swap, longer the more were lost.
pub async fn backoff(tries: u32) {
    tokio::time::sleep(Duration::from_millis(u64::from(tries.min(20)) * 5)).await;
}
