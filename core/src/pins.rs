//! What a resume does about inputs that changed since the plan was frozen. Items without a receipt read what is there
//! now; items with one keep what they read; an object that both would have read differently is refused, because the
//! step's result would mix two versions of it. New objects are told, and taken only by a new generation. The frozen
//! items come one at a time; only what differs is held.

use crate::ids::{Epoch, ItemIndex, Uri};
use crate::item::InputFile;
use crate::records::{Pins, RECORD_VERSION, WorkItem};
use crate::words::{count, items, number};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;

/// Changed objects told one by one.
const TOLD: usize = 100;

/// What is listed now, of sources that are paths; steps' outputs do not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    pub input: Option<Vec<InputFile>>,
    pub tables: BTreeMap<String, Vec<InputFile>>,
}

pub struct Frozen<'a> {
    pub step: &'a str,
    pub epoch: Epoch,
    /// Number of items.
    pub items: u32,
    /// Side tables that every item reads whole.
    pub whole: &'a BTreeMap<String, Vec<InputFile>>,
    /// Items that are to run.
    pub open: &'a RoaringBitmap,
}

/// The pins of an epoch in the making.
pub struct Pinning<'a> {
    frozen: Frozen<'a>,
    listed: Listed,
    input: Compared,
}

/// A listing, as frozen files are held against it.
#[derive(Default)]
struct Compared {
    /// Positions in the listing that some item reads.
    known: RoaringBitmap,
    /// Frozen objects that are not there now as they were, and the items that read them.
    differing: BTreeMap<Uri, RoaringBitmap>,
}

impl Compared {
    /// `now` is in the order of its names.
    fn hold(&mut self, now: &[InputFile], file: &InputFile, readers: impl Iterator<Item = ItemIndex>) {
        let at = now.binary_search_by(|f| f.uri.cmp(&file.uri)).ok();
        if let Some(at) = at {
            self.known.insert(u32::try_from(at).unwrap_or(u32::MAX));
        }
        if at.is_none_or(|at| now[at].etag != file.etag) {
            self.differing.entry(file.uri.clone()).or_default().extend(readers);
        }
    }
}

impl<'a> Pinning<'a> {
    pub fn new(frozen: Frozen<'a>, mut listed: Listed) -> Self {
        for now in listed.input.iter_mut().chain(listed.tables.values_mut()) {
            now.sort_unstable_by(|a, b| a.uri.cmp(&b.uri));
        }
        Self { frozen, listed, input: Compared::default() }
    }

    /// An item of the frozen work list.
    pub fn add(&mut self, item: &WorkItem) {
        if let Some(now) = &self.listed.input {
            for file in &item.inputs {
                self.input.hold(now, file, std::iter::once(item.item));
            }
        }
    }

    /// The pins, or why the epoch cannot go on.
    pub fn finish(self) -> Result<Pins, String> {
        let frozen = &self.frozen;
        let mut pins = Pins { v: RECORD_VERSION, epoch: frozen.epoch, changed: Vec::new(), notes: Vec::new() };
        if let Some(now) = &self.listed.input {
            tell(frozen, now, &self.input, "", &mut pins)?;
        }
        for (name, now) in &self.listed.tables {
            let mut table = Compared::default();
            for file in frozen.whole.get(name).into_iter().flatten() {
                table.hold(now, file, 0..frozen.items);
            }
            tell(frozen, now, &table, &format!("side table `{name}`: "), &mut pins)?;
        }
        pins.changed.sort_by(|a, b| a.uri.cmp(&b.uri));
        pins.changed.dedup_by(|a, b| a.uri == b.uri);
        let more = pins.notes.len().saturating_sub(TOLD);
        if more > 0 {
            pins.notes.truncate(TOLD);
            pins.notes.push(format!("and {} more of these", number(more as u64)));
        }
        Ok(pins)
    }
}

fn tell(
    frozen: &Frozen<'_>,
    now: &[InputFile],
    compared: &Compared,
    what: &str,
    pins: &mut Pins,
) -> Result<(), String> {
    let step = frozen.step;
    let anew = "start with --changed";
    for (uri, readers) in &compared.differing {
        let (open, committed) = (readers & frozen.open, readers - frozen.open);
        let open: Vec<ItemIndex> = open.iter().collect();
        match now.binary_search_by(|f| f.uri.cmp(uri)).ok().map(|at| &now[at]) {
            Some(_) if open.is_empty() => {
                pins.notes.push(format!("{what}{uri} changed since it was read; to read it again, {anew}"));
            }
            Some(_) if !committed.is_empty() => {
                return Err(format!(
                    "{what}{uri} changed since `{step}` was planned, and {} of {} that read it have used the old one: {anew}",
                    committed.len(),
                    count(readers.len(), "item")
                ));
            }
            Some(found) => {
                pins.notes
                    .push(format!("{what}{uri} changed since the plan; item {} reads it as it is now", items(&open)));
                pins.changed.push(found.clone());
            }
            None if open.is_empty() => {}
            None => pins.notes.push(format!("{what}{uri} is gone; item {} cannot run: {anew}", items(&open))),
        }
    }
    let late = now.len() as u64 - compared.known.len();
    if late > 0 {
        let first = (0..).zip(now).find(|(at, _)| !compared.known.contains(*at)).map(|(_, f)| &f.uri);
        let example = first.map_or(String::new(), |uri| format!(", for example {uri}"));
        let files = count(late, "file");
        pins.notes.push(format!("{what}{files} came after the plan{example}; to take them in, {anew}"));
    }
    Ok(())
}
