//! AfterPublish: others hear of what stands at a destination. The table of Glue that a step names is made to name exactly
//! that publication, by one call that moves a location; on this machine a command hears of it, until it succeeded once.
//! Nothing of the data depends on either: they may fail, be repeated, or come late, and the next start mends them.

use crate::destination::{Intended, contents, intended};
use crate::table::{Kept, Table, keep, location, standing};
use crate::update::{Change, update};
use crate::{Ctx, HandlerError, Program, lease};
use spotmill_core::calls::{AfterPublishReply, AfterPublishRequest, RoundRequest, errors};
use spotmill_core::destination::{FileList, Publication, files_uri, table_prefix};
use spotmill_core::digest::short;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::model::{Hook, Step};
use spotmill_core::records::{AfterPublish, GlueTable, Published, RECORD_VERSION};
use spotmill_platform::ports::{HookCall, Hooks};
use spotmill_platform::records;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Times that a command is run before its failure is the run's.
const TRIES: u32 = 3;
/// Between the first two.
const PAUSE: Duration = Duration::from_secs(1);
/// Of all tries: the state that waits for them ends after 960 s.
const PATIENCE: Duration = Duration::from_secs(840);

pub async fn handle(ctx: &Ctx, request: AfterPublishRequest) -> Result<AfterPublishReply, HandlerError> {
    let AfterPublishRequest { run, step, root, generation, epoch } = request;
    let of = RoundRequest { run, step, root, generation, epoch, round: 0, rung: 0 };
    let lease = lease::fence(ctx, &of.run, &lease::ticket(&of)).await?;
    let program = lease::program(ctx, &of.run, &lease).await?;
    let spec = &program.step(of.step.as_str())?.clone();
    let Some(intended) = intended(&program, spec, generation)? else { return Ok(AfterPublishReply::default()) };
    let after = After { keys: RunKeys::new(&ctx.root, &of.run).step(&of.step, generation), of, program, intended };
    let mut notes = Vec::new();
    notes.extend(after.catalog(ctx, spec).await?);
    notes.extend(after.hook(ctx, spec).await?);
    Ok(AfterPublishReply { notes })
}

/// Returns whether anything follows a publication of the step.
pub fn follows(step: &Step) -> bool {
    step.output.catalog.is_some() || step.output.after_publish.is_some()
}

struct After {
    of: RoundRequest,
    keys: StepKeys,
    program: Program,
    intended: Intended,
}

impl After {
    /// Makes the table name what stands; a note where this place has no catalog.
    async fn catalog(&self, ctx: &Ctx, spec: &Step) -> Result<Option<String>, HandlerError> {
        let Some(catalog) = &spec.output.catalog else { return Ok(None) };
        let destination = &self.intended.destination;
        if ctx.catalogs.as_ref().is_none_or(|port| !port.names(destination)) && !destination.is_s3() {
            let name = catalog.name();
            return Ok(Some(format!("{name} is not told of {destination}: a table of Glue names files in S3 alone")));
        }
        let key = &self.program.pipeline.key;
        let base = self.program.folder(table_prefix(&self.intended.template, key).0)?;
        let mine = &self.intended.publication;
        let may_change = spec.output.schema_change_allowed;
        let program = &self.program;
        let table = Table { program, catalog, destination, base: &base, mine, may_change, of: &self.of };
        let Some(Kept { note, table }) = keep(ctx, &table).await? else { return Ok(None) };
        if let Some(table) = table {
            lease::fence(ctx, &self.of.run, &lease::ticket(&self.of)).await?;
            update(ctx, &self.keys.glue_table(), |there: Option<GlueTable>| {
                let change =
                    if there.as_ref() == Some(&table) { Change::Keep(()) } else { Change::Write(table.clone(), ()) };
                async move { Ok(change) }
            })
            .await?;
        }
        Ok(Some(note))
    }

    /// Runs the command, unless it has heard of exactly this.
    async fn hook(&self, ctx: &Ctx, spec: &Step) -> Result<Option<String>, HandlerError> {
        let Some(hook) = &spec.output.after_publish else { return Ok(None) };
        let Some(port) = ctx.hooks.clone() else {
            return Ok(Some("`after_publish` is a command of the machine that `run` is typed on: not run here".into()));
        };
        let Some((contents, _)) = contents(ctx, &self.intended.destination).await? else { return Ok(None) };
        let is_mine = |p: &&Publication| p.run == self.of.run && p.generation == self.of.generation;
        let Some(publication) = standing(&contents, &self.intended.publication).filter(is_mine) else {
            return Ok(None);
        };
        let heard = AfterPublish {
            v: RECORD_VERSION,
            publication: publication.id.clone(),
            command: short(hook.command.join("\n").as_bytes(), 16),
            done_ms: ctx.clock.now_ms(),
        };
        let uri = self.keys.after_publish();
        let before = records::load::<AfterPublish>(&*ctx.store, &uri).await?.map(|(before, _)| before);
        if before.is_some_and(|b| b.publication == heard.publication && b.command == heard.command) {
            return Ok(None);
        }
        let published = self.published(ctx, spec, publication).await?;
        self.tell(ctx, &*port, hook, &published).await?;
        lease::fence(ctx, &self.of.run, &lease::ticket(&self.of)).await?;
        update(ctx, &uri, |_: Option<AfterPublish>| {
            let heard = heard.clone();
            async move { Ok(Change::Write(heard, ())) }
        })
        .await?;
        Ok(None)
    }

    async fn published(&self, ctx: &Ctx, spec: &Step, p: &Publication) -> Result<Published, HandlerError> {
        let destination = self.intended.destination.clone();
        let list = records::load::<FileList>(&*ctx.store, &files_uri(&destination, &p.id)).await?;
        let (namespace, name) = self.program.dataset(&self.intended.template)?;
        let key = self.program.pipeline.key.iter();
        let key: BTreeMap<String, String> =
            key.filter_map(|k| Some((k.clone(), self.program.params.get(k)?.to_string()))).collect();
        Ok(Published {
            v: RECORD_VERSION,
            pipeline: p.pipeline.clone(),
            run: p.run.clone(),
            step: p.step.clone(),
            generation: p.generation,
            publication: p.id.clone(),
            dataset: if namespace == "file" { name } else { format!("{namespace}/{name}") },
            key,
            location: location(&destination, p),
            destination,
            table: spec.output.catalog.as_ref().map(spotmill_core::model::Catalog::name),
            columns: p.columns.clone(),
            files: list.map(|(list, _)| list.files).unwrap_or_default(),
            rows: p.rows,
            bytes: p.bytes,
        })
    }

    async fn tell(&self, ctx: &Ctx, port: &dyn Hooks, hook: &Hook, published: &Published) -> Result<(), HandlerError> {
        let text = serde_json::to_vec(published).map_err(|e| HandlerError::corrupt(e.to_string()))?;
        let directory = ctx.settings.base.as_ref().map(|base| Path::new(base.as_str()));
        let timeout = Duration::from_secs(hook.timeout_secs);
        let call = HookCall { command: &hook.command, directory, stdin: &text, timeout };
        let mut why = String::new();
        let began = tokio::time::Instant::now();
        for tries in 0..TRIES {
            if tries > 0 && began.elapsed() + PAUSE * (1 << tries) + timeout > PATIENCE {
                break;
            }
            match port.run(call).await {
                Ok(()) => return Ok(()),
                Err(failed) => {
                    tracing::warn!(run = %self.of.run, step = %self.of.step, tries, why = failed, "a command after publishing");
                    why = failed;
                }
            }
            if tries + 1 < TRIES {
                tokio::time::sleep(PAUSE * (1 << tries)).await;
            }
        }
        let (step, command) = (&self.of.step, hook.command.join(" "));
        Err(HandlerError::new(
            errors::NOT_ANNOUNCED,
            format!(
                "`{step}` is published, but its `after_publish` failed: `{command}`: {why}. Start again: only that is done"
            ),
        ))
    }
}
