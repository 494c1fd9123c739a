//! The lease of a run: who holds it, whether a caller may still act under it, and the pipeline that it froze.

use crate::update::{Change, update};
use crate::{Ctx, HandlerError, Program};
use spotmill_core::calls::RoundRequest;
use spotmill_core::claim::{Ticket, fenced};
use spotmill_core::ids::RunId;
use spotmill_core::keys::RunKeys;
use spotmill_core::records::Lease;
use spotmill_platform::records;
use std::future::Future;

pub fn ticket(of: &RoundRequest) -> Ticket<'_> {
    Ticket { root: &of.root, step: of.step.as_str(), epoch: of.epoch, generation: of.generation }
}

pub async fn load(ctx: &Ctx, run: &RunId) -> Result<Lease, HandlerError> {
    let found = records::load(&*ctx.store, &RunKeys::new(&ctx.root, run).lease()).await?;
    found.map(|(lease, _)| lease).ok_or_else(|| no_run(run))
}

pub fn no_run(run: &RunId) -> HandlerError {
    HandlerError::invalid(format!("there is no run {run}; start its pipeline"))
}

/// Changes the lease of a run that has one, by compare-and-swap.
pub async fn change<R, F>(ctx: &Ctx, run: &RunId, mut decide: impl FnMut(Lease) -> F) -> Result<R, HandlerError>
where
    F: Future<Output = Result<Change<Lease, R>, HandlerError>>,
{
    let uri = RunKeys::new(&ctx.root, run).lease();
    update(ctx, &uri, |old: Option<Lease>| {
        let deciding = old.ok_or_else(|| no_run(run)).map(&mut decide);
        async move { deciding?.await }
    })
    .await
}

/// The lease, if it still lets this caller act.
pub async fn fence(ctx: &Ctx, run: &RunId, ticket: &Ticket<'_>) -> Result<Lease, HandlerError> {
    let lease = load(ctx, run).await?;
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
