//! What a publisher does with a destination, decided from its manifest and one listing. A file that nobody's manifest
//! explains is never touched and never published beside: it is named, and publishing stops until somebody decides
//! whether to take it over or to leave it.

use super::{Contents, FOLDER, FileList, Lying, Publication, State, id_of};
use crate::format::count;
use crate::ids::Uri;
use crate::version::RECORD_VERSION;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Files named one by one.
const NAMED: usize = 3;

/// What to do with what is there already and not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    #[default]
    Refuse,
    /// Take it over: it goes as soon as what replaces it stands.
    Adopt,
    /// Leave it where it is, and publish beside it.
    Leave,
}

impl Existing {
    pub fn is_default(&self) -> bool {
        *self == Existing::Refuse
    }
}

/// Whoever publishes.
pub struct Me<'a> {
    /// `since_ms` is now.
    pub publication: Publication,
    pub list: &'a FileList,
    /// `replace = "all"`: every run of the step takes the place of those before it.
    pub replace_all: bool,
    /// This state has published exactly this before.
    pub published_before: bool,
    pub existing: Existing,
}

/// The destination as it was found.
pub struct Seen<'a> {
    pub destination: &'a Uri,
    pub contents: Option<&'a Contents>,
    /// By path relative to the destination; our own folder and those of destinations below it included.
    pub listed: &'a BTreeMap<String, Lying>,
    /// The nearest destination above this one in which something stands.
    pub above: Option<(&'a Uri, &'a Contents)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Exactly this stands, whole: nothing to do.
    Stands,
    /// All files stand; what they replace is still to go, or the mark is off.
    Finish(Contents),
    /// A later one is there, and this one is not to replace it: why.
    Superseded(String),
    Refuse(String),
    Put(Contents),
}

pub fn decide(me: &Me<'_>, seen: &Seen<'_>) -> Decision {
    let mine = &me.publication;
    let empty = Contents { v: RECORD_VERSION, ..Contents::default() };
    let contents = seen.contents.unwrap_or(&empty);
    if let Some(why) = superseded(me, seen.destination, seen.contents) {
        return Decision::Superseded(why);
    }
    let others: Vec<&Publication> = contents.publications.iter().filter(|p| p.id != mine.id).collect();
    let mut next = contents.clone();
    let (taken, foreign): (Vec<_>, Vec<_>) = others.into_iter().partition(|p| takes_place_of(me, p));
    let stays = |p: &&Publication| p.state == State::Going || lives_beside(me, p, contents);
    let foreign: Vec<&Publication> = foreign.into_iter().filter(|p| !stays(p)).collect();
    let strange = strange(seen, contents, mine);
    let problem = foreign.first().map(|p| theirs(seen.destination, p)).or_else(|| strange.problem(seen));
    let ways = ways_out(&strange, foreign.iter().any(|p| p.mark == mine.mark) || strange.files.contains(&mine.mark));
    let mut going: BTreeSet<String> = taken.iter().map(|p| p.id.clone()).collect();
    // What a catalog names stands until this does: the record that says so changes both.
    let stays_until_then: BTreeSet<String> =
        taken.iter().filter(|p| mine.folder.is_some() && p.folder.is_some()).map(|p| p.id.clone()).collect();
    match (problem, me.existing) {
        (None, _) => {}
        (Some(why), Existing::Refuse) => return Decision::Refuse(format!("{why}. {ways}")),
        (Some(_), Existing::Adopt) => {
            if let Some((above, _)) = strange.above {
                return Decision::Refuse(format!(
                    "{} lies in {above}, which is another destination: it cannot be taken over from here. Choose \
                     another destination, or start with --leave",
                    seen.destination
                ));
            }
            going.extend(foreign.iter().map(|p| p.id.clone()));
            let taken = strange.files.into_iter().chain(strange.below);
            let as_it_is = |path: String| seen.listed.get(&path).map(|file| (path, file.etag.clone()));
            next.adopted.extend(taken.filter_map(as_it_is));
        }
        (Some(_), Existing::Leave) => {
            if let Some(p) = foreign.iter().find(|p| p.mark == mine.mark) {
                return Decision::Refuse(format!(
                    "{}, and both would share `{}`: give one of them another destination, or start with --adopt",
                    theirs(seen.destination, p),
                    mine.mark
                ));
            }
            if strange.files.contains(&mine.mark) {
                return Decision::Refuse(format!(
                    "{} has a `{}` that no manifest there explains, and this step would write one: move or delete it, \
                     or start with --adopt",
                    seen.destination, mine.mark
                ));
            }
            for p in std::iter::once(mine).chain(foreign.iter().copied()).filter(|_| !foreign.is_empty()) {
                next.left.push(step_entry(p));
            }
            next.left.extend(strange.files);
            next.left.extend(strange.folders.iter().map(|f| format!("{f}/")));
            next.left.extend(strange.above.map(|_| "../".to_owned()));
        }
    }
    let is_whole = whole(&me.list.files, seen.listed);
    let stands = contents.find(&mine.id).is_some_and(|p| p.state == State::Stands) && is_whole;
    if stands && !going.is_empty() && going == stays_until_then {
        return Decision::Finish(contents.standing(me, mine.since_ms));
    }
    if stands && going.is_empty() {
        let (marked, now_ms) = (seen.listed.contains_key(&mine.mark), mine.since_ms);
        let tidy = !next.publications.iter().any(|p| contents.goes(p, now_ms)) && next.adopted.is_empty();
        let stray = seen.listed.iter().any(|(path, file)| contents.to_remove(path, file, now_ms));
        return if marked && tidy && !stray { Decision::Stands } else { Decision::Finish(next) };
    }
    for p in next.publications.iter_mut().filter(|p| going.contains(&p.id) && !stays_until_then.contains(&p.id)) {
        match p.folder {
            Some(_) => p.give_way(mine.since_ms),
            None => p.state = State::Going,
        }
    }
    next.publications.retain(|p| p.id != mine.id);
    next.publications.push(Publication { state: State::Coming, ..mine.clone() });
    next.retired.retain(|id| *id != mine.id);
    Decision::Put(next)
}

/// Why this publication is not to be put where a later one is, or was.
pub fn superseded(me: &Me<'_>, destination: &Uri, contents: Option<&Contents>) -> Option<String> {
    let (mine, contents) = (&me.publication, contents?);
    // One that was replaced and is kept for readers who may still be sent there is not there any more.
    let is_there = contents.find(&mine.id).is_some_and(|p| p.state != State::Going || p.folder.is_none());
    if me.existing == Existing::Adopt || is_there {
        return None;
    }
    let mut rivals = contents.publications.iter().filter(|p| p.state != State::Going && same_step(mine, p));
    let by = rivals.find(|p| (p.run == mine.run || me.replace_all) && (later(p, mine) || me.published_before))?;
    let why = if later(by, mine) { "is later" } else { "has been published there since" };
    Some(format!(
        "{destination} holds {} (`{}`), which {why}; to publish {} there all the same, start with --adopt",
        by.run, by.step, mine.run
    ))
}

fn later(a: &Publication, b: &Publication) -> bool {
    a.run != b.run && matches!((&a.latest, &b.latest), (Some(a), Some(b)) if a > b)
}

pub(super) fn same_step(a: &Publication, b: &Publication) -> bool {
    a.pipeline == b.pipeline && a.step == b.step
}

/// Does this publication replace that one, as it was written to?
pub(super) fn takes_place_of(me: &Me<'_>, other: &Publication) -> bool {
    let mine = &me.publication;
    // Where both have folders neither fences the other, whichever is done first; the later one stands in the end.
    let stays = mine.folder.is_some() && me.existing != Existing::Adopt && later(other, mine);
    other.state != State::Going && same_step(mine, other) && (other.run == mine.run || me.replace_all) && !stays
}

/// Runs of one step share a destination that does not hold their whole key; each has a mark of its own. Other steps do
/// if somebody allowed it for both.
fn lives_beside(me: &Me<'_>, other: &Publication, contents: &Contents) -> bool {
    let mine = &me.publication;
    let agreed = |p: &Publication| contents.left.contains(&step_entry(p));
    other.mark != mine.mark && (same_step(mine, other) || agreed(mine) && agreed(other))
}

/// How `Contents::left` names a step: no path has a colon in its first folder and ends like this.
fn step_entry(p: &Publication) -> String {
    format!("step:{}:{}", p.pipeline, p.step)
}

fn theirs(destination: &Uri, p: &Publication) -> String {
    let what = if p.state == State::Coming { "is being published to by" } else { "holds what was published by" };
    let files = count(p.files, "file");
    format!("{destination} {what} step `{}` of pipeline `{}` ({}, {files})", p.step, p.pipeline, p.run)
}

/// What would be let through. Another's destination above this one is not taken over from here, and a mark that both
/// would write cannot be left.
fn ways_out(strange: &Strange<'_>, shares_mark: bool) -> String {
    let adopt = "with --adopt, which replaces it (it is deleted once the new files stand)";
    let leave = "with --leave, which keeps it beside them";
    let choose = "Choose another destination, or move or delete what is there";
    match (strange.above.is_none(), !shares_mark) {
        (true, true) => format!("{choose}; or start {adopt}, or {leave}"),
        (true, false) => format!("{choose}; or start {adopt}"),
        (false, true) => format!("{choose}; or start {leave}"),
        (false, false) => choose.to_owned(),
    }
}

#[derive(Default)]
struct Strange<'a> {
    files: Vec<String>,
    /// Other destinations below this one, and every file in them.
    folders: Vec<String>,
    below: Vec<String>,
    above: Option<(&'a Uri, &'a Contents)>,
}

/// What no manifest explains, and what belongs to another destination.
fn strange<'a>(seen: &Seen<'a>, contents: &Contents, mine: &Publication) -> Strange<'a> {
    let published: BTreeSet<&str> = contents.publications.iter().map(|p| p.id.as_str()).collect();
    let retired: BTreeSet<&str> = contents.retired.iter().map(String::as_str).collect();
    let manifest = format!("/{FOLDER}/manifest.json");
    let nested: Vec<&str> = seen.listed.keys().filter_map(|path| path.strip_suffix(&manifest)).collect();
    let left = |path: &str| {
        contents.left.iter().any(|l| if l.ends_with('/') { path.starts_with(l.as_str()) } else { l == path })
    };
    let mut strange = Strange::default();
    for (path, file) in seen.listed {
        let adopted = contents.adopted.get(path) == Some(&file.etag);
        let below = nested.iter().find(|folder| path.starts_with(&format!("{folder}/")));
        let ours = path.starts_with(&format!("{FOLDER}/"))
            || id_of(path).is_some_and(|id| published.contains(id) || retired.contains(id) || id == mine.id)
            || adopted
            || left(path)
            || (seen.contents.is_some() && is_mark(path));
        match below {
            _ if left(path) || adopted => {}
            Some(folder) => {
                if !strange.folders.iter().any(|f| f == folder) {
                    strange.folders.push((*folder).to_owned());
                }
                strange.below.push(path.clone());
            }
            None if !ours => strange.files.push(path.clone()),
            None => {}
        }
    }
    strange.above = seen.above.filter(|_| !contents.left.iter().any(|l| l == "../"));
    strange
}

fn is_mark(path: &str) -> bool {
    path == "_SUCCESS" || path.strip_prefix("_SUCCESS.").is_some_and(|hash| !hash.contains(['/', '.']))
}

impl Strange<'_> {
    fn problem(&self, seen: &Seen<'_>) -> Option<String> {
        let destination = seen.destination;
        if !self.files.is_empty() {
            let named: Vec<&str> = self.files.iter().take(NAMED).map(String::as_str).collect();
            let more = self.files.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let files = count(self.files.len() as u64, "file");
            return Some(format!(
                "{destination} has {files} that no manifest there explains: {}{more}",
                named.join(", ")
            ));
        }
        if let Some(folder) = self.folders.first() {
            return Some(format!("{destination} has another destination in it, {}", destination.join(folder)));
        }
        let (above, contents) = self.above?;
        let p = contents.publications.iter().find(|p| p.state != State::Going);
        let whose = p.map_or(String::new(), |p| format!(" (step `{}` of pipeline `{}`)", p.step, p.pipeline));
        Some(format!("{destination} lies in {above}, which is another destination{whose}"))
    }
}

/// Is every file there, of its size?
pub fn whole(files: &[super::ListedFile], listed: &BTreeMap<String, Lying>) -> bool {
    files.iter().all(|f| listed.get(&f.path).is_some_and(|found| found.bytes == f.bytes))
}

/// After the copies: may the publication stand? Everything it is made of is there, and nothing came meanwhile.
pub fn finished(me: &Me<'_>, seen: &Seen<'_>) -> Result<(), String> {
    let bytes = |f: &super::ListedFile| seen.listed.get(&f.path).map(|found| found.bytes);
    if let Some(f) = me.list.files.iter().find(|f| bytes(f) != Some(f.bytes)) {
        let found = bytes(f).map_or("is not there".to_owned(), |b| format!("has {b} bytes"));
        let place = seen.destination.join(&f.path);
        return Err(format!("{place} was copied and {found}, not its {} bytes: start again", f.bytes));
    }
    let empty = Contents::default();
    let contents = seen.contents.unwrap_or(&empty);
    let strange = strange(seen, contents, &me.publication);
    match strange.problem(seen) {
        Some(why) => {
            let ways = ways_out(&strange, strange.files.contains(&me.publication.mark));
            Err(format!("{why} (it came while this was published). {ways}"))
        }
        None => Ok(()),
    }
}
