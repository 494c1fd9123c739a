//! Deploying a pipeline, and finding what is deployed. The frozen pipeline and the workers lie under names made of
//! their content; one small record names those that a start takes. Replacing that record is the whole deploy: a
//! start sees all of it or nothing, and a run that has begun keeps what it began with.

use crate::create::{Stands, create_in};
use crate::{Ctx, HandlerError, foreseen};
use spotmill_core::calls::{Definition, RunInput};
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_core::records::{Deployed, DeployedWorker, Foreseen, RECORD_VERSION};
use spotmill_platform::ports::{Store, StoreError};
use spotmill_platform::records;
use spotmill_spec as spec;

/// A deployed pipeline, whole.
pub struct Deployment {
    pub record: Deployed,
    /// The frozen pipeline.
    pub text: Vec<u8>,
    pub foreseen: Foreseen,
}

impl Deployment {
    pub fn definition(&self) -> Definition {
        definition(&self.record)
    }
}

fn definition(record: &Deployed) -> Definition {
    Definition { pipeline_digest: record.pipeline_digest.clone(), worker: record.worker.clone() }
}

/// Makes `frozen` what a start of pipeline `name` runs from now on, with the columns that its check foresaw. The worker's
/// programs are there already.
pub async fn deploy(
    store: &dyn Store,
    root: &Uri,
    name: &str,
    (frozen, foreseen): (&str, &Foreseen),
    worker: DeployedWorker,
    now_ms: u64,
) -> Result<Deployed, HandlerError> {
    let pipeline_digest = spec::digest(frozen);
    let text = keys::deployed_pipeline(root, name, &pipeline_digest);
    if let Stands::Others(_) = create_in(store, &text, frozen.as_bytes()).await? {
        return Err(HandlerError::corrupt(format!("{text} does not hold what its name says")));
    }
    let record = Deployed { v: RECORD_VERSION, name: name.to_owned(), pipeline_digest, worker, deployed_ms: now_ms };
    foreseen::keep(store, root, name, &definition(&record), foreseen).await?;
    records::put(store, &keys::deployed(root, name), &record).await?;
    Ok(record)
}

/// What a start of pipeline `name` runs; if there is none, the error names the existing ones.
pub async fn find(ctx: &Ctx, name: &str) -> Result<Deployment, HandlerError> {
    if !spec::is_name(name) {
        return Err(HandlerError::invalid(format!("`{name}` is no name of a pipeline")));
    }
    let Some((record, _)) = records::load::<Deployed>(&*ctx.store, &keys::deployed(&ctx.root, name)).await? else {
        return Err(HandlerError::invalid(format!("no pipeline `{name}` is deployed; {}", there_are(ctx).await?)));
    };
    frozen(ctx, record).await
}

/// The definition that a start names, or else the deployed one.
pub async fn find_for(ctx: &Ctx, input: &RunInput) -> Result<Deployment, HandlerError> {
    let Some(Definition { pipeline_digest, worker }) = input.definition.clone() else {
        return find(ctx, &input.pipeline).await;
    };
    let name = input.pipeline.clone();
    if !spec::is_name(&name) || !pipeline_digest.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(HandlerError::invalid(format!(
            "`{name}` with definition `{pipeline_digest}` is no deployed pipeline"
        )));
    }
    frozen(ctx, Deployed { v: RECORD_VERSION, name, pipeline_digest, worker, deployed_ms: 0 }).await
}

async fn frozen(ctx: &Ctx, record: Deployed) -> Result<Deployment, HandlerError> {
    let name = &record.name;
    let uri = keys::deployed_pipeline(&ctx.root, name, &record.pipeline_digest);
    let corrupt = |what: &str| HandlerError::corrupt(format!("{uri} {what}: deploy `{name}` again"));
    let text = match ctx.store.get(&uri).await {
        Ok(object) => object.body,
        Err(StoreError::NotFound(_)) => return Err(corrupt("is gone")),
        Err(e) => return Err(e.into()),
    };
    match std::str::from_utf8(&text) {
        Ok(frozen) if spec::digest(frozen) == record.pipeline_digest => {
            let foreseen = foreseen::deployed(ctx, &record.name, &definition(&record)).await;
            Ok(Deployment { record, text, foreseen })
        }
        _ => Err(corrupt("does not hold what its name says")),
    }
}

async fn there_are(ctx: &Ctx) -> Result<String, HandlerError> {
    let listed = ctx.store.list(&keys::pipelines(&ctx.root)).await?;
    let names: Vec<&str> = listed.iter().filter_map(|o| keys::deployed_name(&ctx.root, &o.uri)).collect();
    Ok(if names.is_empty() { "none is".to_owned() } else { format!("there are: {}", names.join(", ")) })
}
