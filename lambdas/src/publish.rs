//! Publish: copies a sealed step to its destination, a page a call. The order never changes: intent, success mark off,
//! copies, manifest, deletion of what this run's earlier intents put there and the manifest does not name, success mark
//! on. It is not atomic; a reader who waits for the mark sees only whole results.

use crate::access::{self, Stands};
use crate::{Ctx, HandlerError, holder, inputs};
use spotmill_core::calls::{PublishReply, PublishRequest, RoundRequest};
use spotmill_core::ids::Uri;
use spotmill_core::keys::{RunKeys, StepKeys, intent_number};
use spotmill_core::publish::{Part, keys, part, run_hash, stale, success_mark};
use spotmill_core::records::{Intent, Manifest, PublishedFile, Publisher, RECORD_VERSION, Seal, SealedFile};
use spotmill_platform::ports::StoreError;
use spotmill_platform::records;
use std::collections::HashMap;
use tokio::task::JoinSet;

pub async fn handle(ctx: &Ctx, request: PublishRequest) -> Result<PublishReply, HandlerError> {
    let cursor = request.cursor.unwrap_or(0);
    let done = Ok(PublishReply { more: false, cursor });
    let Some(publication) = Publication::load(ctx, request).await? else {
        return done;
    };
    if cursor == 0 {
        if publication.stands(ctx).await? {
            return done;
        }
        publication.declare(ctx).await?;
        publication.unmark(ctx).await?;
    }
    let page = ctx.settings.publish_page.max(1);
    let copies = publication.intent.keys.len();
    let old = match part(cursor, copies, usize::MAX, page) {
        Part::Copy { .. } => Vec::new(),
        _ => stale(&publication.intent.destination, &publication.intent.keys, &publication.earlier(ctx).await?),
    };
    match part(cursor, copies, old.len(), page) {
        Part::Copy { from, to } => {
            publication.copy(ctx, from, to).await?;
            Ok(PublishReply { more: true, cursor: to as u64 })
        }
        Part::Delete { from, to } => {
            publication.write_manifest(ctx, from == 0).await?;
            publication.delete(ctx, &old[from..to]).await?;
            Ok(PublishReply { more: true, cursor: (copies + to) as u64 })
        }
        Part::Mark => {
            publication.write_manifest(ctx, old.is_empty()).await?;
            ctx.store.put(&publication.mark, b"").await?;
            if let Some(me) = &publication.replaces {
                holder::cleared(ctx, &publication.intent.destination, me).await?;
            }
            done
        }
    }
}

struct Publication {
    of: RoundRequest,
    keys: StepKeys,
    seal: Seal,
    files: Vec<SealedFile>,
    intent: Intent,
    mark: Uri,
    /// This run, where each run replaces the destination whole.
    replaces: Option<Publisher>,
}

impl Publication {
    /// Nothing if the step has no destination.
    async fn load(ctx: &Ctx, request: PublishRequest) -> Result<Option<Self>, HandlerError> {
        let PublishRequest { run, step, root, generation, epoch, .. } = request;
        let of = RoundRequest { run, step, root, generation, epoch, round: 0, rung: 0 };
        let lease = access::fence(ctx, &of.run, &access::ticket(&of)).await?;
        let program = access::program(ctx, &of.run, &lease).await?;
        let spec = program.step(of.step.as_str())?;
        let (Some(destination), Some(template)) = (program.destination(spec)?, &spec.output.destination) else {
            return Ok(None);
        };
        let (keys_of_step, seal) = inputs::sealed(ctx, &of.run, &lease, of.step.as_str()).await?;
        let files = inputs::sealed_files(ctx, &keys_of_step, &seal).await?;
        let hash = run_hash(&of.run, &of.step);
        let mark = success_mark(template, &program.pipeline.key, &hash);
        let replaces = (spec.output.replace_all && mark != "_SUCCESS").then(|| Publisher {
            run: of.run.clone(),
            step: of.step.clone(),
            generation,
        });
        let mark = destination.join(&mark);
        let published = keys(&destination, &hash, generation, &files);
        let intent = Intent { v: RECORD_VERSION, destination, generation, keys: published };
        Ok(Some(Self { of, keys: keys_of_step, seal, files, intent, mark, replaces }))
    }

    async fn fence(&self, ctx: &Ctx) -> Result<(), HandlerError> {
        access::fence(ctx, &self.of.run, &access::ticket(&self.of)).await?;
        self.predecessors(ctx).await.map(drop)
    }

    /// Whose files are to go, where each run replaces the destination whole.
    async fn predecessors(&self, ctx: &Ctx) -> Result<Vec<Publisher>, HandlerError> {
        match &self.replaces {
            Some(me) => holder::held(ctx, &self.intent.destination, me).await,
            None => Ok(Vec::new()),
        }
    }

    /// Success marks off: from here on the destination is in between.
    async fn unmark(&self, ctx: &Ctx) -> Result<(), HandlerError> {
        ctx.store.delete(&self.mark).await?;
        for old in self.predecessors(ctx).await? {
            let mark = format!("_SUCCESS.{}", run_hash(&old.run, &old.step));
            ctx.store.delete(&self.intent.destination.join(&mark)).await?;
        }
        Ok(())
    }

    fn manifest(&self, now_ms: u64) -> Manifest {
        let files = self.files.iter().zip(&self.intent.keys);
        let published = |(f, uri): (&SealedFile, &Uri)| PublishedFile {
            uri: uri.clone(),
            partition: f.partition.clone(),
            rows: f.rows,
            bytes: f.bytes,
        };
        Manifest {
            v: RECORD_VERSION,
            run: self.of.run.clone(),
            step: self.of.step.clone(),
            generation: self.of.generation,
            destination: self.intent.destination.clone(),
            files: files.map(published).collect(),
            rows: self.seal.rows_written,
            missing: self.seal.missing.clone(),
            published_ms: now_ms,
        }
    }

    /// Is exactly this published already, and still all there?
    async fn stands(&self, ctx: &Ctx) -> Result<bool, HandlerError> {
        let Some((there, _)) = records::load::<Manifest>(&*ctx.store, &self.keys.manifest()).await? else {
            return Ok(false);
        };
        if there != self.manifest(there.published_ms) {
            return Ok(false);
        }
        match ctx.store.head(&self.mark).await {
            Ok(_) => {}
            Err(StoreError::NotFound(_)) => return Ok(false),
            Err(e) => return Err(e.into()),
        }
        let listed = ctx.store.list(&self.intent.destination.join("")).await?;
        let bytes: HashMap<&Uri, u64> = listed.iter().map(|o| (&o.uri, o.bytes)).collect();
        Ok(there.files.iter().all(|f| bytes.get(&f.uri) == Some(&f.bytes)))
    }

    /// Writes down what is about to be published, unless the last intent says just that.
    async fn declare(&self, ctx: &Ctx) -> Result<(), HandlerError> {
        if let Some(me) = &self.replaces {
            access::fence(ctx, &self.of.run, &access::ticket(&self.of)).await?;
            holder::take(ctx, &self.intent.destination, me).await?;
        }
        for _ in 0..5 {
            let listed = ctx.store.list(&self.keys.intents().join("")).await?;
            let last = listed.iter().filter_map(|o| intent_number(&o.uri)).max();
            if let Some(n) = last {
                let found = records::load::<Intent>(&*ctx.store, &self.keys.intent(n)).await?;
                if found.is_some_and(|(intent, _)| intent == self.intent) {
                    return Ok(());
                }
            }
            self.fence(ctx).await?;
            let next = self.keys.intent(last.map_or(0, |n| n + 1));
            if access::create_record(ctx, &next, &self.intent).await? == Stands::Ours {
                return Ok(());
            }
        }
        Err(HandlerError::transient(format!("{}: others keep writing intents", self.keys.intents())))
    }

    /// Every intent of this run's step, of all generations up to this one; and of those whose place it takes.
    async fn earlier(&self, ctx: &Ctx) -> Result<Vec<Intent>, HandlerError> {
        let RoundRequest { run, step, generation, .. } = self.of.clone();
        let mut publishers = self.predecessors(ctx).await?;
        publishers.push(Publisher { run, step, generation });
        let mut uris = Vec::new();
        for Publisher { run, step, generation } in publishers {
            for generation in 1..=generation {
                let intents = RunKeys::new(&ctx.root, &run).step(&step, generation).intents();
                uris.extend(ctx.store.list(&intents.join("")).await?.into_iter().map(|o| o.uri));
            }
        }
        uris.retain(|uri| intent_number(uri).is_some());
        access::get_all(ctx, uris).await
    }

    /// Copies a page, some at once, and looks before each of these whether the run is still ours.
    async fn copy(&self, ctx: &Ctx, from: usize, to: usize) -> Result<(), HandlerError> {
        let pairs: Vec<(&SealedFile, &Uri)> = self.files.iter().zip(&self.intent.keys).collect();
        for chunk in pairs[from..to].chunks(ctx.settings.parallel.max(1)) {
            self.fence(ctx).await?;
            let mut copying = JoinSet::new();
            for (file, key) in chunk {
                let (store, source, key) = (ctx.store.clone(), file.uri.clone(), (*key).clone());
                copying.spawn(async move { store.copy(&source, &key).await });
            }
            finish(copying).await?;
        }
        Ok(())
    }

    async fn delete(&self, ctx: &Ctx, old: &[Uri]) -> Result<(), HandlerError> {
        for chunk in old.chunks(ctx.settings.parallel.max(1)) {
            self.fence(ctx).await?;
            let mut deleting = JoinSet::new();
            for uri in chunk {
                let (store, uri) = (ctx.store.clone(), uri.clone());
                deleting.spawn(async move { store.delete(&uri).await });
            }
            finish(deleting).await?;
        }
        Ok(())
    }

    /// Writes the manifest; `first` if no call before this one has.
    async fn write_manifest(&self, ctx: &Ctx, first: bool) -> Result<(), HandlerError> {
        self.fence(ctx).await?;
        if first {
            let manifest = self.manifest(ctx.clock.now_ms());
            records::put(&*ctx.store, &self.keys.manifest(), &manifest).await?;
        }
        Ok(())
    }
}

/// Waits for all; the first error is the answer, once none is under way any more.
async fn finish(mut under_way: JoinSet<Result<(), StoreError>>) -> Result<(), HandlerError> {
    let mut result = Ok(());
    while let Some(ended) = under_way.join_next().await {
        let ended = match ended {
            Ok(Err(StoreError::NotFound(uri))) => {
                Err(HandlerError::corrupt(format!("{uri}, which a receipt names, is gone: start again from this step")))
            }
            Ok(other) => other.map_err(HandlerError::from),
            Err(e) => Err(HandlerError::transient(e.to_string())),
        };
        result = result.and(ended);
    }
    result
}
