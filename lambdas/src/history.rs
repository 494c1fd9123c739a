//! A pipeline's history: what its last runs measured. It informs: whoever cannot read it goes on as if there were none,
//! and no run fails because it could not be written.

use crate::access;
use crate::{Ctx, HandlerError};
use spotmill_core::history::{History, Measured, PastRun, PastStep};
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_core::model::Step;
use spotmill_core::records::{Plan, Seal};
use spotmill_platform::records::{self, RecordError};

/// Tries against other runs of the pipeline that end at the same moment; then this one is not remembered.
const TRIES: u32 = 10;

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
    for tries in 0..TRIES {
        match add(ctx, &uri, run.clone()).await {
            Ok(true) => return,
            Ok(false) => access::backoff(tries).await,
            Err(e) => return tracing::warn!(run = %run.run, error = %e, "this run is not in its pipeline's history"),
        }
    }
    tracing::warn!(run = %run.run, "this run is not in its pipeline's history: others keep writing it");
}

async fn add(ctx: &Ctx, uri: &Uri, run: PastRun) -> Result<bool, HandlerError> {
    match records::load::<History>(&*ctx.store, uri).await {
        Ok(None) => access::replace(ctx, uri, None, &History::default().with(run)).await,
        Ok(Some((old, etag))) => access::replace(ctx, uri, Some(&etag), &old.with(run)).await,
        // What nobody can read is worth nothing.
        Err(RecordError::Corrupt { .. }) => {
            records::put(&*ctx.store, uri, &History::default().with(run)).await?;
            Ok(true)
        }
        Err(e) => Err(e.into()),
    }
}
