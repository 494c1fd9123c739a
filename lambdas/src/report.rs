//! Report: writes what the run came to and releases the lease. It may be called after a failure as well as after
//! success; it reads records and judges nothing but whether every step that was to run is complete. The run's page comes
//! last: no run waits for it or fails with it.

use crate::update::Change;
use crate::{Ctx, HandlerError, history, lease, page, summary};
use spotmill_core::calls::{ReportReply, ReportRequest};
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_core::keys::RunKeys;
use spotmill_core::records::{Lease, RECORD_VERSION, RunEnd, RunOutcome};
use spotmill_platform::records;

pub use crate::summary::summarize;

pub async fn handle(ctx: &Ctx, request: ReportRequest) -> Result<ReportReply, HandlerError> {
    let keys = RunKeys::new(&ctx.root, &request.run);
    let lease = lease::load(ctx, &request.run).await?;
    if lease.owner.is_none() {
        // Released by a try of this call whose reply was lost, or by another execution's report since.
        let outcome = lease.outcome.unwrap_or(RunOutcome::Failed);
        return Ok(ReportReply { run: request.run, outcome, report: keys.report(), note: None });
    }
    check_owner(&lease, &request)?;
    let (report, past) = summary::compile(ctx, &request, &lease).await?;
    records::put(&*ctx.store, &keys.report(), &report).await?;
    if report.outcome.is_complete() {
        history::remember(ctx, &past.pipeline, past.run).await;
    }
    release(ctx, &request, report.outcome).await?;
    // The run is over: its page may fail, or be cut short, and nothing follows from that.
    let note = page::at_end(ctx, &request.run).await;
    Ok(ReportReply { run: request.run, outcome: report.outcome, report: keys.report(), note })
}

fn check_owner(lease: &Lease, request: &ReportRequest) -> Result<(), HandlerError> {
    match &lease.owner {
        Some(owner) if *owner != request.root => Err(HandlerError::fenced(format!(
            "{}: {} no longer holds the run; {owner} does",
            request.run, request.root
        ))),
        _ => Ok(()),
    }
}

async fn release(ctx: &Ctx, request: &ReportRequest, outcome: RunOutcome) -> Result<(), HandlerError> {
    lease::change(ctx, &request.run, |old| async move {
        if old.owner.is_none() {
            return Ok(Change::Keep(()));
        }
        check_owner(&old, request)?;
        Ok(Change::Write(Lease { owner: None, outcome: Some(outcome), ..old }, ()))
    })
    .await
}

/// Records why an execution ended early, for later readers. One that never held the run records nothing: the record of
/// the one that did stays.
pub async fn record_end(
    ctx: &Ctx,
    run: &RunId,
    root: &ExecutionId,
    error: &str,
    cause: &str,
) -> Result<(), HandlerError> {
    let keys = RunKeys::new(&ctx.root, run);
    let lease = records::load::<Lease>(&*ctx.store, &keys.lease()).await?;
    if lease.is_none_or(|(lease, _)| lease.owner.as_ref() != Some(root)) {
        return Ok(());
    }
    let end = RunEnd {
        v: RECORD_VERSION,
        root: root.clone(),
        error: error.to_owned(),
        cause: cause.to_owned(),
        ended_ms: ctx.clock.now_ms(),
    };
    Ok(records::put(&*ctx.store, &keys.ended(), &end).await?)
}
