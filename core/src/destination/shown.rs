//! Publications that lie in folders of their own, because a catalog names one of them. What another took the place of
//! stays where it is while a reader may still be sent there, and for as long after as a query may take: so no reader ever
//! finds half a date, or none.

use super::decide::{same_step, takes_place_of};
use super::{Contents, Me, Publication, State};
use crate::bounds::OLD_FILES_SECS;
use crate::ids::Generation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where a table of a catalog sends its readers, as far as it is written down here: before it is asked to send them elsewhere,
/// both places stand in the list. A table that is no longer told keeps its last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// `database.table`.
    pub table: String,
    /// Ids of publications.
    pub ids: Vec<String>,
    pub since_ms: u64,
}

/// The folder of a publication below its destination.
pub fn folder(generation: Generation, id: &str) -> String {
    format!("g{generation}-{id}")
}

/// The destination below which a file lies in a publication's own folder, and the publication's id.
pub fn foldered(path: &str) -> Option<(&str, &str)> {
    let id = super::id_of(path)?;
    let mut end = path.len();
    while let Some(at) = path[..end].rfind('/') {
        let name = &path[at + 1..end];
        let generation = name.strip_prefix('g').and_then(|rest| rest.strip_suffix(id)?.strip_suffix('-'));
        if generation.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit())) {
            return Some((&path[..at], id));
        }
        end = at;
    }
    None
}

impl Contents {
    /// Do files stay that another publication took the place of?
    pub fn kept(&self, p: &Publication, now_ms: u64) -> bool {
        let named = self.shown.iter().any(|shown| shown.ids.contains(&p.id));
        let read = p.since_ms > 0 && now_ms < p.since_ms + OLD_FILES_SECS * 1000;
        p.state == State::Going && p.folder.is_some() && (named || read)
    }

    /// Are its files to go now?
    pub fn goes(&self, p: &Publication, now_ms: u64) -> bool {
        p.state == State::Going && !self.kept(p, now_ms)
    }

    /// Before a catalog is asked to send its readers to that publication.
    pub fn announcing(&self, table: &str, id: &str, now_ms: u64) -> Contents {
        let mut next = self.clone();
        match next.shown.iter_mut().find(|shown| shown.table == table) {
            Some(shown) if shown.ids.iter().any(|named| named == id) => {}
            Some(shown) => shown.ids.push(id.to_owned()),
            None => next.shown.push(Shown { table: table.to_owned(), ids: vec![id.to_owned()], since_ms: now_ms }),
        }
        next
    }

    /// Once it does. Queries that began before are under way for a while.
    pub fn announced(&self, table: &str, id: &str, now_ms: u64) -> Contents {
        let mut next = self.announcing(table, id, now_ms);
        for shown in next.shown.iter_mut().filter(|shown| shown.table == table && shown.ids != [id]) {
            for p in next.publications.iter_mut().filter(|p| p.state == State::Going && shown.ids.contains(&p.id)) {
                p.since_ms = now_ms;
            }
            (shown.ids, shown.since_ms) = (vec![id.to_owned()], now_ms);
        }
        next
    }

    /// Without what was kept and is no longer; its files are to go.
    pub fn expired(&self, now_ms: u64) -> Contents {
        self.without(|p| p.folder.is_some() && self.goes(p, now_ms))
    }

    /// The publication stands, and with it, in one record, what it takes the place of no longer does.
    pub fn standing(&self, me: &Me<'_>, now_ms: u64) -> Contents {
        let mut next = self.with_state(&me.publication.id, State::Stands, now_ms);
        if me.publication.folder.is_some() {
            let replaced = |p: &&mut Publication| p.id != me.publication.id && takes_place_of(me, p);
            for p in next.publications.iter_mut().filter(replaced) {
                p.give_way(now_ms);
            }
        }
        next
    }

    /// The success marks that are off while this one is put: its own, and those of what goes or is to give way to it. Whoever
    /// waits for a mark and reads by the path would read files that are half copied.
    pub fn marks_off(&self, me: &Me<'_>) -> BTreeSet<&str> {
        let off = |p: &&Publication| p.id == me.publication.id || p.state == State::Going || takes_place_of(me, p);
        self.publications.iter().filter(off).map(|p| p.mark.as_str()).collect()
    }

    /// Is another being put that is to stand in this one's place? Then this one has no mark: the other has one in the end.
    pub fn is_to_give_way(&self, me: &Me<'_>) -> bool {
        let mine = &me.publication;
        let comes = |p: &&Publication| p.id != mine.id && p.state == State::Coming && same_step(mine, p);
        mine.folder.is_some() && me.replace_all && self.publications.iter().any(|p| comes(&p))
    }
}

impl Publication {
    /// Another takes its place. One that never stood has no readers that its files would stay for.
    pub(super) fn give_way(&mut self, now_ms: u64) {
        self.since_ms = if self.state == State::Coming { 0 } else { now_ms };
        self.state = State::Going;
    }
}
