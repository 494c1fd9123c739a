//! How publishing goes page by page, and the names that distinguish runs. What lies at a destination and what is done
//! with it is decided in `destination`.
//!
//! The success mark is `_SUCCESS`, which every reader of a lake expects, when the destination holds the whole key, so
//! that it marks only this run; else it is `_SUCCESS.{run hash}`, one a run. It holds the publication's id.

use crate::digest::short;
use crate::ids::{RunId, StepName};
use crate::types::Value;
use std::collections::BTreeMap;

/// Twelve hex digits that distinguish this run's and step's mark in a shared destination.
pub fn run_hash(run: &RunId, step: &StepName) -> String {
    short(format!("{run}\n{step}").as_bytes(), 12)
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

/// What a call of publish does; the cursor counts copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Begin,
    Copy { from: usize, to: usize },
    Finish,
}

pub fn part(cursor: u64, copies: usize, page: usize) -> Part {
    match usize::try_from(cursor).unwrap_or(usize::MAX) {
        0 => Part::Begin,
        from if from < copies => Part::Copy { from, to: copies.min(from.saturating_add(page)) },
        _ => Part::Finish,
    }
}

/// Where the call after `copied` copies goes on.
pub fn cursor_after(copied: usize, copies: usize) -> u64 {
    (if copied < copies { copied } else { copies + 1 }) as u64
}

/// The dates of a run's key, in the key's order: of runs that replace each other the highest is the latest. None of a
/// key without dates: then the last to publish is.
pub fn latest(key: &[String], params: &BTreeMap<String, Value>) -> Option<String> {
    let dates: Vec<&str> = key
        .iter()
        .filter_map(|name| match params.get(name) {
            Some(Value::Date(text) | Value::Timestamp(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!dates.is_empty()).then(|| dates.join(" "))
}
