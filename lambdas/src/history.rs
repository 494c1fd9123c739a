//! A pipeline's history: what its last runs measured. It informs: whoever cannot read it goes on as if there were none,
//! and no run fails because it could not be written.

use crate::update::{Change, update};
use crate::{Ctx, HandlerError};
use spotmill_core::history::{History, Measured, PastRun, PastStep};
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_core::model::Step;
use spotmill_core::records::{Plan, Seal};
use spotmill_platform::records::{self, RecordError};

/// The history of a pipeline; empty for one that never succeeded, or whose history cannot be read.
pub async fn load(ctx: &Ctx, pipeline: &str) -> History {
    let uri = keys::history(&ctx.root, pipeline);
    match records::load::<History>(&*ctx.store, &uri).await {
        Ok(found) => found.map(|(history, _)| history).unwrap_or_default(),
        Err(e) => {
            tracing::warn!(error = %e, "the pipeline's history cannot be read: this plan goes without");
            History::default()
        }
    }
}

pub async fn measured(ctx: &Ctx, pipeline: &str, step: &Step) -> Option<Measured> {
    load(ctx, pipeline).await.measured(&step.name, step.resources.vcpus.max(1))
}

/// What later runs keep of a complete step; nothing where items are missing, or nothing was read.
pub fn past_step(step: &Step, plan: &Plan, seal: &Seal) -> Option<PastStep> {
    let whole = seal.missing.is_empty() && seal.items == plan.items && plan.input_bytes > 0;
    whole.then(|| PastStep {
        items: plan.items,
        input_bytes: plan.input_bytes,
        vcpus: step.resources.vcpus.max(1),
        cpu_ms: seal.cpu_ms,
        slot_ms: seal.slot_ms,
        peak_bytes: seal.peak_bytes,
        peak_per_byte: seal.peak_per_byte,
    })
}

/// Adds a run that succeeded. Idempotent.
pub async fn remember(ctx: &Ctx, pipeline: &str, run: PastRun) {
    let uri = keys::history(&ctx.root, pipeline);
    if let Err(e) = add(ctx, &uri, &run).await {
        tracing::warn!(run = %run.run, error = %e, "this run is not in its pipeline's history");
    }
}

async fn add(ctx: &Ctx, uri: &Uri, run: &PastRun) -> Result<(), HandlerError> {
    // What nobody can read is worth nothing.
    if let Err(RecordError::Corrupt { .. }) = records::load::<History>(&*ctx.store, uri).await {
        return Ok(records::put(&*ctx.store, uri, &History::default().with(run.clone())).await?);
    }
    update(
        ctx,
        uri,
        |old: Option<History>| async move { Ok(Change::Write(old.unwrap_or_default().with(run.clone()), ())) },
    )
    .await
}
