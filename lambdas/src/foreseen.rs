//! The columns that were foreseen of a definition: kept beside it by its deploy, frozen with a run that begins, and asked
//! before a step is planned, so that columns which would not be published in the end are refused before a row is made.
//! They inform: where none can be read, the change is found when the step is complete.

use crate::destination::is_open;
use crate::{Ctx, HandlerError, Program};
use spotmill_core::calls::{Definition, errors};
use spotmill_core::foreseen::{Found, outputs};
use spotmill_core::ids::{RunId, StepName, Uri};
use spotmill_core::keys::{self, RunKeys};
use spotmill_core::records::{Foreseen, Lease};
use spotmill_platform::ports::Store;
use spotmill_platform::records;

/// Keeps what a check found of a definition, before the deploy that names it.
pub async fn keep(
    store: &dyn Store,
    root: &Uri,
    name: &str,
    definition: &Definition,
    foreseen: &Foreseen,
) -> Result<(), HandlerError> {
    Ok(records::put(store, &keys::deployed_columns(root, name, &definition.digest()), foreseen).await?)
}

/// Of a deployed definition.
pub async fn deployed(ctx: &Ctx, name: &str, definition: &Definition) -> Foreseen {
    load(ctx, &keys::deployed_columns(&ctx.root, name, &definition.digest())).await
}

/// Freezes it with a run.
pub async fn freeze(ctx: &Ctx, run: &RunId, of: &Definition, foreseen: &Foreseen) -> Result<(), HandlerError> {
    if foreseen.steps.is_empty() {
        return Ok(());
    }
    Ok(records::put(&*ctx.store, &RunKeys::new(&ctx.root, run).columns(&of.digest()), foreseen).await?)
}

/// As the run began with it.
pub async fn of_run(ctx: &Ctx, run: &RunId, lease: &Lease) -> Foreseen {
    let definition = Definition { pipeline_digest: lease.pipeline_digest.clone(), worker: lease.worker.clone() };
    load(ctx, &RunKeys::new(&ctx.root, run).columns(&definition.digest())).await
}

async fn load(ctx: &Ctx, uri: &Uri) -> Foreseen {
    match records::load::<Foreseen>(&*ctx.store, uri).await {
        Ok(found) => found.map(|(foreseen, _)| foreseen).unwrap_or_default(),
        Err(e) => {
            tracing::warn!(error = %e, "what was foreseen of the columns cannot be read: they are compared in the end");
            Foreseen::default()
        }
    }
}

/// Refuses columns that follow from what a step is planned to read, its own and those of later steps of this start. What
/// followed from the definition alone was refused when the run began.
pub async fn refuse(
    ctx: &Ctx,
    program: &Program,
    lease: &Lease,
    foreseen: &Foreseen,
    found: &Found<'_>,
) -> Result<(), HandlerError> {
    let steps = &program.pipeline.steps;
    let before = outputs(steps, &program.params, foreseen, None);
    for (name, columns) in outputs(steps, &program.params, foreseen, Some(found)) {
        let name = StepName::new(name);
        let Some(present) = lease.generations.get(name.as_str()).filter(|_| lease.selected.contains(&name)) else {
            continue;
        };
        if before.get(name.as_str()) == Some(&columns) {
            continue;
        }
        let keys = RunKeys::new(&ctx.root, &program.run_id()).step(&name, present.generation);
        let step = program.step(name.as_str())?;
        match is_open(ctx, program, step, &keys, lease.existing, Some(columns)).await {
            Err(e) if e.error == errors::DESTINATION_REFUSED => return Err(e),
            Err(e) => tracing::warn!(step = %name, error = %e.cause, "its destination cannot be inspected yet"),
            Ok(_) => {}
        }
    }
    Ok(())
}
