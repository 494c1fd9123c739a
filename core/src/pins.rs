//! What a resume does about inputs that changed since the plan was frozen. Items without a receipt read what is there
//! now; items with one keep what they read; an object that both would have read differently is refused, because the
//! step's result would mix two versions of it. New objects are told, and taken only by a new generation.

use crate::ids::{Epoch, ItemIndex, Uri};
use crate::item::InputFile;
use crate::records::{Pins, RECORD_VERSION, WorkItem};
use crate::words::{count, items};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};

/// What is listed now, of sources that are paths; steps' outputs do not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    pub input: Option<Vec<InputFile>>,
    pub tables: BTreeMap<String, Vec<InputFile>>,
}

pub struct Frozen<'a> {
    pub step: &'a str,
    pub epoch: Epoch,
    pub items: &'a [WorkItem],
    /// Side tables that every item reads whole.
    pub whole: &'a BTreeMap<String, Vec<InputFile>>,
    /// Items that are to run.
    pub open: &'a RoaringBitmap,
}

/// The pins of an epoch, or why it cannot go on.
pub fn decide(frozen: &Frozen<'_>, listed: &Listed) -> Result<Pins, String> {
    let mut pins = Pins { v: RECORD_VERSION, epoch: frozen.epoch, changed: Vec::new(), notes: Vec::new() };
    if let Some(now) = &listed.input {
        let mut readers: BTreeMap<&Uri, (&InputFile, Vec<ItemIndex>)> = BTreeMap::new();
        for item in frozen.items {
            for file in &item.inputs {
                readers.entry(&file.uri).or_insert((file, Vec::new())).1.push(item.item);
            }
        }
        compare(frozen, now, &readers, "", &mut pins)?;
    }
    let everyone: Vec<ItemIndex> = frozen.items.iter().map(|i| i.item).collect();
    for (name, now) in &listed.tables {
        let files = frozen.whole.get(name).into_iter().flatten();
        let readers = files.map(|f| (&f.uri, (f, everyone.clone()))).collect();
        compare(frozen, now, &readers, &format!("side table `{name}`: "), &mut pins)?;
    }
    pins.changed.sort_by(|a, b| a.uri.cmp(&b.uri));
    pins.changed.dedup_by(|a, b| a.uri == b.uri);
    Ok(pins)
}

fn compare(
    frozen: &Frozen<'_>,
    now: &[InputFile],
    planned: &BTreeMap<&Uri, (&InputFile, Vec<ItemIndex>)>,
    what: &str,
    pins: &mut Pins,
) -> Result<(), String> {
    let step = frozen.step;
    let anew = format!("start with from_step `{step}`");
    let present: BTreeMap<&Uri, &InputFile> = now.iter().map(|f| (&f.uri, f)).collect();
    for (uri, (file, readers)) in planned {
        let (open, committed): (Vec<ItemIndex>, Vec<ItemIndex>) =
            readers.iter().partition(|item| frozen.open.contains(**item));
        match present.get(*uri) {
            Some(found) if found.etag == file.etag => {}
            Some(_) if open.is_empty() => {
                pins.notes.push(format!("{what}{uri} changed since it was read; to read it again, {anew}"));
            }
            Some(_) if !committed.is_empty() => {
                return Err(format!(
                    "{what}{uri} changed since `{step}` was planned, and {} of {} that read it have used the old one: {anew}",
                    committed.len(),
                    count(readers.len() as u64, "item")
                ));
            }
            Some(found) => {
                pins.notes
                    .push(format!("{what}{uri} changed since the plan; item {} reads it as it is now", items(&open)));
                pins.changed.push((*found).clone());
            }
            None if open.is_empty() => {}
            None => pins.notes.push(format!("{what}{uri} is gone; item {} cannot run: {anew}", items(&open))),
        }
    }
    let known: BTreeSet<&Uri> = planned.keys().copied().collect();
    let late: Vec<&Uri> = present.keys().copied().filter(|uri| !known.contains(uri)).collect();
    if let Some(first) = late.first() {
        let files = count(late.len() as u64, "file");
        pins.notes.push(format!("{what}{files} came after the plan, for example {first}; to take them in, {anew}"));
    }
    Ok(())
}
