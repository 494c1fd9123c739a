//! What is published where. Names carry the run, the step and the generation, so that runs may share a destination and
//! a later generation never overwrites an earlier one's file. What is deleted is only what this run's earlier intents
//! name; a listing never says what to delete.
//!
//! A destination with `replace = "all"` and without the key in it is replaced whole by each run: a record says who holds
//! it, and the next holder deletes what the intents of those before it name.
//!
//! The success mark is `_SUCCESS`, which every reader of a lake knows, when the destination holds the whole key, so
//! that it speaks of this run alone; else it is `_SUCCESS.{run hash}`, one a run.

use crate::digest::short;
use crate::ids::{Generation, RunId, StepName, Uri};
use crate::records::{Holder, Intent, Publisher, RECORD_VERSION, SealedFile};
use std::collections::BTreeSet;

/// Twelve hex digits that tell this run's and step's files from others' in a shared destination.
pub fn run_hash(run: &RunId, step: &StepName) -> String {
    short(format!("{run}\n{step}").as_bytes(), 12)
}

/// The published location of every sealed file, in the seal's order.
pub fn keys(destination: &Uri, hash: &str, generation: Generation, files: &[SealedFile]) -> Vec<Uri> {
    files
        .iter()
        .map(|f| {
            let folder = if f.partition.is_empty() { String::new() } else { format!("{}/", f.partition) };
            let name = f.uri.as_str().rsplit('/').next().unwrap_or_default();
            let ending = name.split_once('.').map_or("parquet", |(_, e)| e);
            destination.join(&format!("{folder}{hash}-g{generation}-{:07}-{:05}.{ending}", f.item, f.part))
        })
        .collect()
}

/// The success mark's name below the destination; `template` is the destination before its params were filled in.
pub fn success_mark(template: &str, key: &[String], hash: &str) -> String {
    match key.iter().all(|name| holds_whole(template, name)) {
        true => "_SUCCESS".to_owned(),
        false => format!("_SUCCESS.{hash}"),
    }
}

/// Does the template hold all of the param? `{date:%Y/%m}` holds a month of it.
fn holds_whole(template: &str, param: &str) -> bool {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).any(|(inside, _)| {
        match inside.split_once(':') {
            None => inside.trim() == param,
            Some((name, format)) => {
                let day = (format.contains("%m") && format.contains("%d")) || format.contains("%j");
                let whole = (format.contains("%Y") && day) || format.contains("%F");
                name.trim() == param && whole
            }
        }
    })
}

/// Keys of earlier intents for the same destination that are not published now. What an earlier intent put elsewhere,
/// when the destination was another, stays: it is complete in itself and somebody may read it.
pub fn stale(destination: &Uri, published: &[Uri], earlier: &[Intent]) -> Vec<Uri> {
    let now: BTreeSet<&Uri> = published.iter().collect();
    let old: BTreeSet<&Uri> = earlier.iter().filter(|i| i.destination == *destination).flat_map(|i| &i.keys).collect();
    old.into_iter().filter(|uri| !now.contains(uri)).cloned().collect()
}

/// The holder of a destination that each run replaces whole, once `me` publishes to it: whoever held it before is to
/// be cleared away.
pub fn hand_over(holder: Option<&Holder>, destination: &Uri, me: &Publisher) -> Holder {
    let same = |p: &Publisher| (&p.run, &p.step) == (&me.run, &me.step);
    let mut before: Vec<Publisher> = holder.map(|h| h.before.clone()).unwrap_or_default();
    before.extend(holder.map(|h| h.now.clone()));
    before.retain(|p| !same(p));
    before.dedup();
    Holder { v: RECORD_VERSION, destination: destination.clone(), now: me.clone(), before }
}

/// What a call of publish does; the cursor counts copies, then deletions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Copy { from: usize, to: usize },
    Delete { from: usize, to: usize },
    Mark,
}

pub fn part(cursor: u64, copies: usize, deletions: usize, page: usize) -> Part {
    let done = usize::try_from(cursor).unwrap_or(usize::MAX);
    let deleted = done.saturating_sub(copies);
    if done < copies {
        Part::Copy { from: done, to: copies.min(done + page) }
    } else if deleted < deletions {
        Part::Delete { from: deleted, to: deletions.min(deleted + page) }
    } else {
        Part::Mark
    }
}
