//! Publish: copies a sealed step to its destination, a page a call. The order never changes: the manifest there
//! announces what is coming, the success mark goes off, files are copied, the manifest states that they stand, what
//! they replace is removed, the success mark goes on. Each of these is durable before the next. Publishers on one
//! machine keep each other out while they change anything; everywhere the manifest, compared and swapped, decides whose
//! turn it is.

use crate::destination::{Intended, Place, contents, intended, refused};
use crate::several::to_the_end;
use crate::update::{LONGEST_PAUSE, pause};
use crate::{Ctx, HandlerError, after_publish, contract, inputs, lease};
use spotmill_core::calls::{PublishReply, PublishRequest, RoundRequest, errors};
use spotmill_core::destination::{
    Contents, Decision, FileList, ListedFile, Lying, Me, Publication, State, decide, files_uri, finished, folder, id,
    paths,
};
use spotmill_core::ids::Uri;
use spotmill_core::item::Bundled;
use spotmill_core::keys::StepKeys;
use spotmill_core::publish::{Part, cursor_after, part};
use spotmill_core::records::{Manifest, Pins, RECORD_VERSION, Seal, SealedFile};
use spotmill_platform::ports::{Hold, Store, StoreError};
use spotmill_platform::records;
use std::collections::BTreeSet;

/// Tries against others who write the same manifest.
const TRIES: u32 = 20;
/// Tries for a destination that another process of this machine holds: a page is copied in less.
const HOLD_TRIES: u32 = 60;

pub async fn handle(ctx: &Ctx, request: PublishRequest) -> Result<PublishReply, HandlerError> {
    let cursor = request.cursor.unwrap_or(0);
    let Some(publishing) = Publishing::load(ctx, request).await? else {
        return Ok(PublishReply { more: false, cursor, after: false });
    };
    // What is refused, or needs nothing, leaves no trace there.
    if cursor == 0
        && let Some(reply) = publishing.without_touching(ctx).await?
    {
        return Ok(reply);
    }
    let _held = hold(ctx, &publishing.destination).await?;
    match part(cursor, publishing.list.files.len(), ctx.settings.publish_page.max(1)) {
        Part::Begin => publishing.begin(ctx).await,
        Part::Copy { from, to } => publishing.copy(ctx, from, to).await,
        Part::Finish => publishing.finish(ctx).await,
    }
}

/// Keeps other processes of this machine out of the destination. A stopped one holds it too, rightly: what it has begun
/// would go on when it wakes.
async fn hold(ctx: &Ctx, destination: &Uri) -> Result<Hold, HandlerError> {
    for _ in 0..HOLD_TRIES {
        match ctx.store.hold(destination).await {
            Err(StoreError::Busy(_)) => tokio::time::sleep(LONGEST_PAUSE).await,
            other => return Ok(other?),
        }
    }
    let what = format!("{destination} is being published to by another process, which does not let go of it");
    Err(HandlerError::new(errors::HELD, format!("{what}: end that one (it may be stopped), and start again")))
}

struct Publishing {
    of: RoundRequest,
    keys: StepKeys,
    destination: Uri,
    publication: Publication,
    replace_all: bool,
    list: FileList,
    sources: Vec<SealedFile>,
    contract: contract::Place,
    published_before: bool,
    existing: spotmill_core::destination::Existing,
    /// Others are to hear of it.
    is_followed: bool,
}

impl Publishing {
    /// Nothing if the step has no destination.
    async fn load(ctx: &Ctx, request: PublishRequest) -> Result<Option<Self>, HandlerError> {
        let PublishRequest { run, step, root, generation, epoch, .. } = request;
        let of = RoundRequest { run, step, root, generation, epoch, round: 0, rung: 0 };
        let lease = lease::fence(ctx, &of.run, &lease::ticket(&of)).await?;
        let program = lease::program(ctx, &of.run, &lease).await?;
        let spec = program.step(of.step.as_str())?;
        let Some(Intended { destination, template, publication, replace_all }) = intended(&program, spec, generation)?
        else {
            return Ok(None);
        };
        let (keys, seal) = inputs::sealed(ctx, &program, &lease, of.step.as_str()).await?;
        let sources = inputs::sealed_files(ctx, &keys, &seal).await?;
        let is_catalogued = spec.output.catalog.is_some();
        let id = id(&of.run, &of.step, generation, &seal.files_digest, is_catalogued);
        let own = is_catalogued.then(|| folder(generation, &id));
        let signature = lease.generations.get(of.step.as_str()).map(|g| g.signature.clone());
        let list = FileList { v: RECORD_VERSION, files: paths(&id, own.as_deref(), &sources), id };
        let publication = Publication { signature: signature.filter(|_| own.is_some()), folder: own, ..publication };
        let before = records::load::<Manifest>(&*ctx.store, &keys.manifest()).await?;
        Ok(Some(Self {
            publication: with_seal(publication, &list, &seal, ctx.clock.now_ms()),
            published_before: before.is_some_and(|(m, _)| m.publication == list.id && m.superseded.is_none()),
            contract: contract::Place::of(&program, spec, &template)?,
            existing: lease.existing,
            is_followed: after_publish::follows(spec),
            of,
            keys,
            destination,
            replace_all,
            list,
            sources,
        }))
    }

    fn me(&self) -> Me<'_> {
        Me {
            publication: self.publication.clone(),
            list: &self.list,
            replace_all: self.replace_all,
            published_before: self.published_before,
            existing: self.existing,
        }
    }

    /// The answer, if nothing there has to change.
    async fn without_touching(&self, ctx: &Ctx) -> Result<Option<PublishReply>, HandlerError> {
        let place = Place::inspect(ctx, &self.destination).await?;
        match decide(&self.me(), &place.seen()) {
            Decision::Refuse(why) => Err(refused(self.of.step.as_str(), &why)),
            Decision::Stands => self.done(ctx, None).await.map(Some),
            Decision::Superseded(why) => self.done(ctx, Some(why)).await.map(Some),
            Decision::Finish(_) => Ok(None),
            Decision::Put(_) => {
                self.contract.check(ctx, &self.publication).await?;
                self.sources_are_whole(ctx).await?;
                Ok(None)
            }
        }
    }

    async fn begin(&self, ctx: &Ctx) -> Result<PublishReply, HandlerError> {
        ctx.store.sweep(&self.destination).await?;
        for tries in 0..TRIES {
            let place = Place::inspect(ctx, &self.destination).await?;
            match decide(&self.me(), &place.seen()) {
                Decision::Refuse(why) => return Err(refused(self.of.step.as_str(), &why)),
                Decision::Stands => return self.done(ctx, None).await,
                Decision::Superseded(why) => return self.done(ctx, Some(why)).await,
                Decision::Finish(next) => {
                    self.fence(ctx).await?;
                    self.note_put_back(ctx, &place).await?;
                    if place.write(ctx, &next).await? {
                        return Ok(self.more(usize::MAX));
                    }
                }
                Decision::Put(next) => {
                    self.fence(ctx).await?;
                    self.note_put_back(ctx, &place).await?;
                    records::put(&*ctx.store, &files_uri(&self.destination, &self.list.id), &self.list).await?;
                    if place.write(ctx, &next).await? {
                        self.unmark(ctx, &next).await?;
                        return self.copy(ctx, 0, self.list.files.len().min(ctx.settings.publish_page.max(1))).await;
                    }
                }
            }
            pause(tries).await;
        }
        Err(HandlerError::transient(format!("{}: others keep writing its manifest", self.destination)))
    }

    /// Files that were published before and are gone or damaged are put back; this start's notes report it.
    async fn note_put_back(&self, ctx: &Ctx, place: &Place) -> Result<(), HandlerError> {
        let Some(note) = self.put_back(place) else { return Ok(()) };
        let uri = self.keys.pins(self.of.epoch);
        let found = records::load::<Pins>(&*ctx.store, &uri).await?.map(|(pins, _)| pins);
        let mut pins = found.unwrap_or_else(|| Pins::none(self.of.epoch));
        if !pins.notes.contains(&note) {
            pins.notes.push(note);
            // Only this execution has the epoch, and all its items are done.
            records::put(&*ctx.store, &uri, &pins).await?;
        }
        Ok(())
    }

    /// `2 of 4 published files were gone from …: they are published again`.
    fn put_back(&self, place: &Place) -> Option<String> {
        if !self.published_before {
            return None;
        }
        let (files, destination) = (&self.list.files, &self.destination);
        let whole = |file: &&ListedFile| place.listed.get(&file.path).is_some_and(|lying| lying.bytes == file.bytes);
        let gone = files.len() - files.iter().filter(whole).count();
        if gone > 0 {
            let all = spotmill_core::format::count(files.len() as u64, "published file");
            return Some(format!("{gone} of {all} were gone or damaged at {destination}: published again"));
        }
        let mark = &self.publication.mark;
        (!place.listed.contains_key(mark)).then(|| format!("`{mark}` was gone from {destination}: written again"))
    }

    /// Removes success marks for good: from now on the destination is in between.
    async fn unmark(&self, ctx: &Ctx, contents: &Contents) -> Result<(), HandlerError> {
        for mark in contents.marks_off(&self.me()) {
            ctx.store.delete(&self.destination.join(mark)).await?;
        }
        Ok(ctx.store.flush(&self.destination).await?)
    }

    /// Everything that was sealed is there as it was sealed.
    async fn sources_are_whole(&self, ctx: &Ctx) -> Result<(), HandlerError> {
        match inputs::damaged(ctx, &self.keys, &self.sources).await?.first() {
            None => Ok(()),
            Some((file, found)) => Err(HandlerError::corrupt(format!(
                "`{}`: {} of item {} {found}; it had {} bytes when it was committed. Start again: the item is done again",
                self.of.step, file.uri, file.item, file.bytes
            ))),
        }
    }

    async fn fence(&self, ctx: &Ctx) -> Result<(), HandlerError> {
        lease::fence(ctx, &self.of.run, &lease::ticket(&self.of)).await.map(drop)
    }

    /// Checks that it is still this publication's turn.
    async fn turn(&self, ctx: &Ctx) -> Result<Contents, HandlerError> {
        self.fence(ctx).await?;
        let found = contents(ctx, &self.destination).await?.map(|(contents, _)| contents).unwrap_or_default();
        match found.find(&self.list.id).map(|p| p.state) {
            Some(State::Coming | State::Stands) => Ok(found),
            Some(State::Going) | None => Err(HandlerError::fenced(format!(
                "{}: another publication has taken the place of {}",
                self.destination, self.of.run
            ))),
        }
    }

    /// Copies a page, some at once, and checks before each batch whether it is still its turn.
    async fn copy(&self, ctx: &Ctx, from: usize, to: usize) -> Result<PublishReply, HandlerError> {
        let pairs: Vec<_> = self.sources.iter().zip(&self.list.files).collect();
        for chunk in pairs[from..to].chunks(ctx.settings.parallel.max(1)) {
            self.turn(ctx).await?;
            to_the_end(chunk.len(), chunk, |(source, file)| {
                let (store, source, to) = (ctx.store.clone(), (*source).clone(), self.destination.join(&file.path));
                async move { copy_as_sealed(&*store, &source, &to).await }
            })
            .await?;
        }
        Ok(self.more(to))
    }

    /// The copies are made: the manifest states it, what they replace goes, and the mark goes on.
    async fn finish(&self, ctx: &Ctx) -> Result<PublishReply, HandlerError> {
        self.turn(ctx).await?;
        ctx.store.flush(&self.destination).await?;
        for tries in 0..TRIES {
            let place = Place::inspect(ctx, &self.destination).await?;
            finished(&self.me(), &place.seen()).map_err(|why| refused(self.of.step.as_str(), &why))?;
            let standing = place.contents.clone().unwrap_or_default();
            self.turn(ctx).await?;
            if standing.find(&self.list.id).is_some_and(|p| p.state == State::Coming) {
                let next = standing.standing(&self.me(), ctx.clock.now_ms());
                if !place.write(ctx, &next).await? {
                    pause(tries).await;
                    continue;
                }
                return Ok(self.more(usize::MAX));
            }
            if self.remove(ctx, &place, &standing).await? {
                return Ok(self.more(usize::MAX));
            }
            ctx.store.flush(&self.destination).await?;
            if place.write(ctx, &standing.cleared(self.publication.since_ms)).await? {
                return self.mark(ctx).await;
            }
            pause(tries).await;
        }
        Err(HandlerError::transient(format!("{}: others keep writing its manifest", self.destination)))
    }

    /// Removes a page of what is to go; returns whether there is more.
    async fn remove(&self, ctx: &Ctx, place: &Place, standing: &Contents) -> Result<bool, HandlerError> {
        let going: Vec<&Publication> = standing.publications.iter().filter(|p| p.state == State::Going).collect();
        // One moment for all that a call decides.
        let now_ms = self.publication.since_ms;
        let marks: BTreeSet<&String> = going.iter().map(|p| &p.mark).filter(|m| **m != self.publication.mark).collect();
        let is_old = |(path, file): &(&String, &Lying)| standing.to_remove(path, file, now_ms) || marks.contains(path);
        let old: Vec<&String> = place.listed.iter().filter(is_old).map(|(path, _)| path).collect();
        let page = ctx.settings.publish_page.max(1);
        for chunk in old[..old.len().min(page)].chunks(ctx.settings.parallel.max(1)) {
            self.turn(ctx).await?;
            to_the_end(chunk.len(), chunk, |path| {
                let (store, uri) = (ctx.store.clone(), self.destination.join(path));
                async move { Ok::<_, HandlerError>(store.delete(&uri).await?) }
            })
            .await?;
        }
        Ok(old.len() > page)
    }

    async fn mark(&self, ctx: &Ctx) -> Result<PublishReply, HandlerError> {
        let found = self.turn(ctx).await?;
        self.contract.write(ctx, &self.publication).await?;
        if !found.is_to_give_way(&self.me()) {
            self.put_mark(ctx).await?;
        }
        // It is published by now, whatever its record stated before.
        records::put(&*ctx.store, &self.keys.manifest(), &self.manifest(None, ctx.clock.now_ms())).await?;
        Ok(self.ended())
    }

    /// Takes it off again if another has begun since: it has taken off the marks that it found.
    async fn put_mark(&self, ctx: &Ctx) -> Result<(), HandlerError> {
        let (body, mark) = (format!("{}\n", self.list.id), self.destination.join(&self.publication.mark));
        ctx.store.put(&mark, body.as_bytes()).await?;
        if self.replace_all && self.turn(ctx).await?.is_to_give_way(&self.me()) {
            ctx.store.delete(&mark).await?;
        }
        Ok(())
    }

    fn more(&self, copied: usize) -> PublishReply {
        PublishReply { more: true, cursor: cursor_after(copied, self.list.files.len()), after: false }
    }

    fn ended(&self) -> PublishReply {
        PublishReply { more: false, after: self.is_followed, ..self.more(usize::MAX) }
    }

    fn manifest(&self, superseded: Option<String>, published_ms: u64) -> Manifest {
        Manifest {
            v: RECORD_VERSION,
            run: self.of.run.clone(),
            step: self.of.step.clone(),
            generation: self.of.generation,
            publication: self.list.id.clone(),
            destination: self.destination.clone(),
            files: self.list.files.clone(),
            rows: self.publication.rows,
            missing: self.publication.missing.clone(),
            superseded,
            published_ms,
        }
    }

    /// Records in this state what was published, unless that is on record already.
    async fn done(&self, ctx: &Ctx, superseded: Option<String>) -> Result<PublishReply, HandlerError> {
        let found = records::load::<Manifest>(&*ctx.store, &self.keys.manifest()).await?;
        if found.is_none_or(|(there, _)| there != self.manifest(superseded.clone(), there.published_ms)) {
            let manifest = self.manifest(superseded.clone(), ctx.clock.now_ms());
            records::put(&*ctx.store, &self.keys.manifest(), &manifest).await?;
        }
        if let Some(why) = superseded {
            tracing::warn!(run = %self.of.run, step = %self.of.step, why, "not published");
        }
        Ok(self.ended())
    }
}

/// Copies a sealed file. One that holds other bytes than were committed is removed with its copy, so that the next start
/// finds it gone and does its item again.
async fn copy_as_sealed(store: &dyn Store, source: &SealedFile, to: &Uri) -> Result<(), HandlerError> {
    let (uri, item) = (&source.object(), source.item);
    let copied = match source.bundled {
        None => store.copy(uri, to).await,
        // The step had no destination yet when its item was done.
        Some(Bundled { offset, .. }) => {
            let range = offset..offset.saturating_add(source.bytes);
            store.copy_range(uri, range, to).await
        }
    };
    let found = match copied {
        Err(StoreError::NotFound(gone) | StoreError::Changed(gone)) if gone == *uri => {
            let why = format!("{uri}, which a receipt names, is gone or changed: start again, its item is done again");
            return Err(HandlerError::corrupt(why));
        }
        found => found?,
    };
    if found.is_none() || source.content.is_none() || found == source.content {
        return Ok(());
    }
    store.delete(to).await?;
    store.delete(uri).await?;
    Err(HandlerError::corrupt(format!(
        "{uri} of item {item} held other bytes than when it was committed, and was removed: start again, its item is done \
         again"
    )))
}

/// With what was sealed.
fn with_seal(publication: Publication, list: &FileList, seal: &Seal, now_ms: u64) -> Publication {
    Publication {
        id: list.id.clone(),
        files: list.files.len() as u64,
        bytes: seal.bytes,
        rows: seal.rows.written,
        columns: seal.columns.clone(),
        missing: seal.missing.clone(),
        since_ms: now_ms,
        ..publication
    }
}
