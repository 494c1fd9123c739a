//! What a start has to do again although nothing of its definition changed: files that are still needed and are gone or
//! damaged, a frozen plan that cannot be carried out any more, inputs that changed. A step whose result stands where
//! it is published, and which nobody is going to read, needs nothing: a finished run stays finished at any age.

use crate::work::WorkPages;
use crate::{Ctx, HandlerError, Program, access, inputs};
use spotmill_core::calls::RunInput;
use spotmill_core::ids::{ItemIndex, StepName, Uri};
use spotmill_core::item::InputFile;
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::location::moved;
use spotmill_core::model::{Source, Step};
use spotmill_core::records::{Lease, Plan, PlanTables, Seal, StepGeneration};
use spotmill_core::tally::RoaringBitmap;
use spotmill_core::words::{count, plural_of};
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

pub struct Start<'a> {
    pub program: &'a Program,
    /// With params in place.
    pub bound: &'a BTreeMap<String, Step>,
    pub input: &'a RunInput,
    pub selected: &'a [StepName],
    /// Selected steps that are still to be published.
    pub open: &'a BTreeSet<StepName>,
    pub old: &'a Lease,
    /// As it would be if nothing had to be done again.
    pub next: &'a BTreeMap<String, StepGeneration>,
}

/// Steps of which a part has to be done again, and why.
pub async fn needed(ctx: &Ctx, start: &Start<'_>) -> Result<BTreeMap<String, String>, HandlerError> {
    let mut renew = BTreeMap::new();
    // Steps whose files somebody is going to read.
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for step in start.program.pipeline.steps.iter().rev() {
        let name = step.name.as_str();
        let is_selected = start.selected.iter().any(|s| s.as_str() == name);
        let before = start.old.generations.get(name).map(|g| g.generation);
        let anew = before.is_none() || start.next.get(name).map(|g| g.generation) != before;
        if anew {
            if is_selected {
                wanted.extend(step.upstream().map(str::to_owned));
            }
            continue;
        }
        let keys = RunKeys::new(&ctx.root, &start.program.run_id()).step(&name.into(), before.unwrap_or(1));
        let seal = records::load::<Seal>(&*ctx.store, &keys.seal()).await?.map(|(seal, _)| seal);
        let because = match &seal {
            Some(seal) if accepts(start.input, name, seal) => {
                let because = match start.open.contains(&step.name.as_str().into()) || wanted.contains(name) {
                    true => lost(ctx, &keys, seal).await?,
                    false => None,
                };
                match because {
                    None if start.input.changed && is_selected => changed(ctx, start, &keys, true).await?,
                    because => because,
                }
            }
            _ if is_selected => {
                wanted.extend(step.upstream().map(str::to_owned));
                unfinished(ctx, start, &keys).await?
            }
            _ => None,
        };
        if let Some(because) = because {
            wanted.extend(step.upstream().map(str::to_owned));
            renew.insert(name.to_owned(), because);
        }
    }
    Ok(renew)
}

fn accepts(input: &RunInput, step: &str, seal: &Seal) -> bool {
    let accepted = input.accept.get(step).map_or(&[][..], Vec::as_slice);
    seal.missing.iter().all(|item| accepted.contains(item))
}

/// Sealed files that are needed and not there as they were sealed.
async fn lost(ctx: &Ctx, keys: &StepKeys, seal: &Seal) -> Result<Option<String>, HandlerError> {
    let files = inputs::sealed_files(ctx, keys, seal).await?;
    let damaged = inputs::damaged(ctx, keys, &files).await?;
    let items: BTreeSet<ItemIndex> = damaged.iter().map(|(file, _)| file.item).collect();
    Ok(damaged.first().map(|(file, found)| {
        let items = count(items.len() as u64, "item");
        format!("redo {items}: {} {found}, of {} bytes", file.uri, file.bytes)
    }))
}

/// A plan that was frozen and is not complete: can it still be carried out, and would its items be of one mind?
async fn unfinished(ctx: &Ctx, start: &Start<'_>, keys: &StepKeys) -> Result<Option<String>, HandlerError> {
    let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? else {
        return Ok(None);
    };
    let age_ms = ctx.clock.now_ms().saturating_sub(plan.planned_ms);
    if ctx.settings.scratch_secs.is_some_and(|secs| age_ms >= secs * 1000) {
        return Ok(Some("its intermediate files have expired".to_owned()));
    }
    if plan.base.as_ref().is_some_and(|base| Some(base) != ctx.settings.base.as_ref()) {
        return Ok(Some("the project was moved before the step was complete".to_owned()));
    }
    changed(ctx, start, keys, start.input.changed).await
}

/// Inputs that are not as the items read them. `all` of a complete step; else those of committed items, and those that
/// are gone: what changed before it was read is simply read as it is now.
async fn changed(ctx: &Ctx, start: &Start<'_>, keys: &StepKeys, all: bool) -> Result<Option<String>, HandlerError> {
    let Some(found) = changes(ctx, start.bound.get(keys.step.as_str()), keys).await? else {
        return Ok(None);
    };
    Ok(found.summary(all))
}

/// How a step's inputs differ from what its frozen plan says, of sources that are paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Files that changed, and how many committed and other items read them.
    changed: BTreeMap<Uri, (u64, u64)>,
    gone: BTreeMap<Uri, (u64, u64)>,
    new: Vec<Uri>,
    /// Committed items that read a file that changed or is gone.
    items: RoaringBitmap,
}

impl Changes {
    /// `redo 1 item: x.csv changed`; nothing if nothing has to be done again.
    pub fn summary(&self, all: bool) -> Option<String> {
        let mut said: Vec<String> = Vec::new();
        let name = |uri: &Uri| uri.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        let mut say = |uris: Vec<&Uri>, what: &str| {
            if let Some(first) = uris.first() {
                let more = uris.len() - 1;
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                said.push(format!("`{}`{more} {what}", name(first)));
            }
        };
        say(self.changed.iter().filter(|(_, (committed, _))| *committed > 0).map(|(u, _)| u).collect(), "changed");
        say(self.gone.keys().collect(), plural_of(self.gone.len(), "is gone", "are gone"));
        if all {
            say(self.new.iter().collect(), plural_of(self.new.len(), "is new", "are new"));
        }
        let items = self.items.len().max(u64::from(said.is_empty()));
        (!said.is_empty()).then(|| match self.items.is_empty() {
            true => said.join(", "),
            false => format!("redo {}: {}", count(items, "item"), said.join(", ")),
        })
    }
}

/// Nothing of a step that was never planned, or that reads only other steps.
pub async fn changes(ctx: &Ctx, step: Option<&Step>, keys: &StepKeys) -> Result<Option<Changes>, HandlerError> {
    let Some(step) = step else { return Ok(None) };
    let Some((plan, _)) = records::load::<Plan>(&*ctx.store, &keys.plan()).await? else {
        return Ok(None);
    };
    let committed = access::receipted(ctx, keys, &plan).await?;
    let mut found = Changes::default();
    if let Source::Path(path) = &step.input.source {
        let mut compared = Compared::new(inputs::listed(ctx, path).await?);
        let mut pages = WorkPages::open(keys, &plan);
        while let Some(page) = pages.next(ctx).await? {
            for item in page.from..page.to {
                let readers = (u64::from(committed.contains(item)), u64::from(!committed.contains(item)));
                for file in &page.item(item)?.inputs {
                    compared.hold(&now_at(ctx, &plan, file), readers, &mut found, std::iter::once(item), &committed);
                }
            }
        }
        found.new.extend(compared.rest());
    }
    let tables = records::load::<PlanTables>(&*ctx.store, &keys.tables()).await?.map(|(t, _)| t.whole);
    for (name, table) in &step.tables {
        let Source::Path(path) = &table.source else { continue };
        let mut compared = Compared::new(inputs::listed(ctx, path).await?);
        let readers = (committed.len(), u64::from(plan.items) - committed.len().min(u64::from(plan.items)));
        for file in tables.iter().filter_map(|t| t.get(name)).flatten() {
            compared.hold(&now_at(ctx, &plan, file), readers, &mut found, 0..plan.items, &committed);
        }
        found.new.extend(compared.rest());
    }
    Ok(Some(found))
}

/// A frozen file where it is now, should the project have moved.
pub fn now_at(ctx: &Ctx, plan: &Plan, file: &InputFile) -> InputFile {
    InputFile { uri: where_now(ctx, plan, &file.uri), ..file.clone() }
}

/// The same for any place that a record of the step names.
pub fn where_now(ctx: &Ctx, plan: &Plan, place: &Uri) -> Uri {
    moved(place, plan.base.as_ref(), ctx.settings.base.as_ref())
}

struct Compared {
    now: BTreeMap<Uri, InputFile>,
    seen: BTreeSet<Uri>,
}

impl Compared {
    fn new(now: Vec<InputFile>) -> Self {
        Self { now: now.into_iter().map(|f| (f.uri.clone(), f)).collect(), seen: BTreeSet::new() }
    }

    fn hold(
        &mut self,
        file: &InputFile,
        (committed, open): (u64, u64),
        found: &mut Changes,
        items: impl Iterator<Item = ItemIndex>,
        receipts: &RoaringBitmap,
    ) {
        self.seen.insert(file.uri.clone());
        let into = match self.now.get(&file.uri) {
            Some(now) if now.etag == file.etag => return,
            Some(_) => &mut found.changed,
            None => &mut found.gone,
        };
        let readers = into.entry(file.uri.clone()).or_default();
        *readers = (readers.0 + committed, readers.1 + open);
        if committed > 0 {
            found.items.extend(items.filter(|item| receipts.contains(*item)));
        }
    }

    /// What nobody has read.
    fn rest(self) -> impl Iterator<Item = Uri> {
        self.now.into_keys().filter(move |uri| !self.seen.contains(uri))
    }
}
