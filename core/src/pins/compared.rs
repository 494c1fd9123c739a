//! Compares a frozen plan's inputs with what is listed now. The frozen items come one at a time; beside the listing
//! only what differs is held, and items as bitmaps: a step may have a million.

use crate::ids::{ItemIndex, Uri};
use crate::item::InputFile;
use crate::reason::{Because, Code, Reason};
use crate::records::WorkItem;
use roaring::RoaringBitmap;
use std::collections::BTreeMap;

/// One listing, with which frozen files are compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// In the order of their names.
    now: Vec<InputFile>,
    /// Positions in the listing that some item reads.
    read: RoaringBitmap,
    /// Frozen objects that are not there now as they were, and the items that read them.
    differing: BTreeMap<Uri, (InputFile, RoaringBitmap)>,
}

impl Compared {
    pub fn new(mut now: Vec<InputFile>) -> Self {
        now.sort_unstable_by(|a, b| a.uri.cmp(&b.uri));
        Self { now, ..Self::default() }
    }

    pub fn hold(&mut self, file: &InputFile, readers: impl Iterator<Item = ItemIndex>) {
        let at = self.now.binary_search_by(|f| f.uri.cmp(&file.uri)).ok();
        if let Some(at) = at {
            self.read.insert(u32::try_from(at).unwrap_or(u32::MAX));
        }
        if at.is_none_or(|at| self.now[at].etag != file.etag) {
            let entry = self.differing.entry(file.uri.clone());
            entry.or_insert_with(|| (file.clone(), RoaringBitmap::new())).1.extend(readers);
        }
    }

    /// Frozen objects that differ: the items that read each, and what is there now.
    pub fn differing(&self) -> impl Iterator<Item = (&Uri, &RoaringBitmap, Option<&InputFile>)> {
        let now = |uri: &Uri| self.now.binary_search_by(|f| f.uri.cmp(uri)).ok().map(|at| &self.now[at]);
        self.differing.iter().map(move |(uri, (_, readers))| (uri, readers, now(uri)))
    }

    /// The object as it was frozen.
    fn was(&self, uri: &Uri) -> Option<&InputFile> {
        self.differing.get(uri).map(|(was, _)| was)
    }

    /// Is nothing listed?
    pub fn is_empty(&self) -> bool {
        self.now.is_empty()
    }

    /// How many objects no item reads, and the first of them.
    pub fn unread(&self) -> Option<(u64, &Uri)> {
        let (_, first) = (0..).zip(&self.now).find(|(at, _)| !self.read.contains(*at))?;
        Some((self.now.len() as u64 - self.read.len(), &first.uri))
    }
}

/// A step's listings: of its input and of its side tables, where they are paths; steps' outputs do not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listings {
    pub input: Option<Compared>,
    pub tables: BTreeMap<String, Compared>,
}

impl Listings {
    /// Of a step that reads no path there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.input.is_none() && self.tables.is_empty()
    }

    /// An item of the frozen work list.
    pub fn add(&mut self, item: &WorkItem) {
        if let Some(compared) = &mut self.input {
            for file in &item.inputs {
                compared.hold(file, std::iter::once(item.item));
            }
        }
    }

    /// The files of a side table that each of `items` items reads whole.
    pub fn add_table(&mut self, name: &str, files: &[InputFile], items: u32) {
        if let Some(compared) = self.tables.get_mut(name) {
            for file in files {
                compared.hold(file, 0..items);
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Compared> {
        self.input.iter().chain(self.tables.values())
    }
}

/// How a step's inputs differ from its frozen plan; a start decides by it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Files that changed, how, and whether a committed item read each.
    changed: Vec<(Uri, String, bool)>,
    gone: Vec<Uri>,
    /// How many are new, and the first of them.
    new: Option<(u64, Uri)>,
    /// Committed items that read a file that changed or is gone.
    items: RoaringBitmap,
}

impl Changes {
    pub fn of(listings: &Listings, committed: &RoaringBitmap) -> Self {
        let mut found = Self::default();
        for compared in listings.all() {
            for (uri, readers, now) in compared.differing() {
                match now {
                    Some(now) => {
                        let how = compared.was(uri).map(|was| versions(was, now)).unwrap_or_default();
                        found.changed.push((uri.clone(), how, !readers.is_disjoint(committed)));
                    }
                    None => found.gone.push(uri.clone()),
                }
                found.items |= readers & committed;
            }
            if let Some((n, first)) = compared.unread() {
                let before = found.new.take();
                found.new = Some((n + before.as_ref().map_or(0, |b| b.0), before.map_or(first.clone(), |b| b.1)));
            }
        }
        found
    }

    /// `redo 1 item: x.csv changed`; nothing if nothing has to be redone. `all` of a complete step; else what
    /// committed items read, and what is gone: what changed before it was read is simply read as it is now.
    pub fn because(&self, all: bool) -> Option<Because> {
        let changed: Vec<&(Uri, String, bool)> = self.changed.iter().filter(|(_, _, read)| *read).collect();
        let (mut parts, mut reasons) = (Vec::new(), Vec::new());
        if let Some((first, _, _)) = changed.first() {
            parts.push(describe(first, changed.len() as u64, "changed", "changed"));
            let how = changed.iter().map(|(uri, how, _)| format!("{uri}: {how}"));
            reasons.push(Reason::with(Code::InputChanged, how));
        }
        if let Some(first) = self.gone.first() {
            parts.push(describe(first, self.gone.len() as u64, "is gone", "are gone"));
            reasons.push(Reason::with(Code::InputRemoved, self.gone.iter().map(Uri::to_string)));
        }
        if let Some((n, first)) = self.new.as_ref().filter(|_| all) {
            parts.push(describe(first, *n, "is new", "are new"));
            let others = (*n > 1).then(|| format!("and {} more", crate::format::number(n - 1)));
            reasons.push(Reason::with(Code::InputAdded, std::iter::once(first.to_string()).chain(others)));
        }
        let text = match self.items.len() {
            0 => parts.join(", "),
            n => format!("redo {}: {}", crate::format::count(n, "item"), parts.join(", ")),
        };
        (!reasons.is_empty()).then_some(Because { text, reasons })
    }
}

/// `ETag a → b, 10 → 12 bytes`.
fn versions(was: &InputFile, now: &InputFile) -> String {
    let bytes = match was.bytes == now.bytes {
        true => format!("{} bytes as before", now.bytes),
        false => format!("{} → {} bytes", was.bytes, now.bytes),
    };
    format!("ETag {} → {}, {bytes}", was.etag, now.etag)
}

fn describe(first: &Uri, n: u64, one: &str, several: &str) -> String {
    let name = first.as_str().rsplit('/').next().unwrap_or_default();
    if n > 1 { format!("`{name}` and {} more {several}", n - 1) } else { format!("`{name}` {one}") }
}
