//! What a resume does about inputs that changed since the plan was frozen. Items without a receipt read what is there
//! now; items with one keep what they read; an object that both would have read differently is refused, because the
//! step's result would mix two versions of it. New objects are reported, and taken only by a new generation. The frozen
//! items come one at a time; only what differs is held.

mod compared;

use crate::format::{count, items, number};
use crate::ids::{Epoch, ItemIndex};
use crate::records::Pins;
pub use compared::{Changes, Compared, Listings};
use roaring::RoaringBitmap;

/// Changed objects that are listed one by one.
const REPORTED: usize = 100;

pub struct Frozen<'a> {
    pub step: &'a str,
    pub epoch: Epoch,
    /// Items that are to run.
    pub open: &'a RoaringBitmap,
}

/// The pins of an epoch, or why it cannot go on.
pub fn pins(frozen: &Frozen<'_>, listings: &Listings) -> Result<Pins, String> {
    let mut pins = Pins::none(frozen.epoch);
    if let Some(input) = &listings.input {
        note_changes(frozen, input, "", &mut pins)?;
    }
    for (name, table) in &listings.tables {
        note_changes(frozen, table, &format!("side table `{name}`: "), &mut pins)?;
    }
    pins.changed.sort_by(|a, b| a.uri.cmp(&b.uri));
    pins.changed.dedup_by(|a, b| a.uri == b.uri);
    let more = pins.notes.len().saturating_sub(REPORTED);
    if more > 0 {
        pins.notes.truncate(REPORTED);
        pins.notes.push(format!("and {} more of these", number(more as u64)));
    }
    Ok(pins)
}

fn note_changes(frozen: &Frozen<'_>, compared: &Compared, what: &str, pins: &mut Pins) -> Result<(), String> {
    let step = frozen.step;
    let anew = "start with --changed";
    for (uri, readers, now) in compared.differing() {
        let (open, committed) = (readers & frozen.open, readers - frozen.open);
        let open: Vec<ItemIndex> = open.iter().collect();
        match now {
            Some(_) if open.is_empty() => {
                let redone = count(committed.len(), "item");
                pins.notes.push(format!("{what}{uri} changed since it was read; --changed does {redone} again"));
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
            None if open.is_empty() => {
                let without = if compared.is_empty() { "" } else { "; --changed makes the result without it" };
                pins.notes.push(format!("{what}{uri} is gone since it was read, and its rows stay{without}"));
            }
            None => pins.notes.push(format!("{what}{uri} is gone; item {} cannot run: {anew}", items(&open))),
        }
    }
    if let Some((late, first)) = compared.unread() {
        let files = count(late, "file");
        pins.notes.push(format!("{what}{files} came after the plan, for example {first}; to take them in, {anew}"));
    }
    Ok(())
}
