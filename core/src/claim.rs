//! Who may act for a run. The lease names one root execution; another may take it only once that one was read as
//! ended. An owner that cannot be found counts as ended only after a while, because descriptions of executions are
//! eventually consistent. Params are frozen when a run first starts.

use crate::bounds::NOT_FOUND_SECS;
use crate::ids::{Epoch, ExecutionId, Generation};
use crate::records::Lease;
use crate::types::Value;
use std::collections::BTreeMap;

/// What was read about the owner of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionState {
    Running,
    Ended,
    NotFound,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    Take { because: String },
    Mine,
    Refuse { held_by: ExecutionId, because: String },
}

/// May `root` act for the run? `owner` is what was read about the lease's owner, if it has one that is not `root`.
pub fn decide(lease: Option<&Lease>, root: &ExecutionId, owner: Option<ExecutionState>, now_ms: u64) -> Claim {
    let take = |because: String| Claim::Take { because };
    let Some(lease) = lease else {
        return take("nobody has run it before".to_owned());
    };
    let Some(holder) = &lease.owner else {
        return take("nobody holds it".to_owned());
    };
    if holder == root {
        return Claim::Mine;
    }
    let refuse = |because: String| Claim::Refuse { held_by: holder.clone(), because };
    let age_secs = now_ms.saturating_sub(lease.claimed_ms) / 1000;
    match owner {
        Some(ExecutionState::Ended) => take(format!("{holder}, which held it, has ended")),
        Some(ExecutionState::NotFound) if age_secs >= NOT_FOUND_SECS => {
            take(format!("{holder}, which held it, cannot be found {age_secs} s after its claim"))
        }
        Some(ExecutionState::NotFound) => refuse(format!(
            "{holder} claimed it {age_secs} s ago and cannot be found yet; it counts as ended after {NOT_FOUND_SECS} s"
        )),
        Some(ExecutionState::Running) => refuse(format!("{holder} is running it; stop that one first, or wait for it")),
        None => refuse(format!("{holder} holds it, and its state is not known")),
    }
}

/// A param outside the key that differs from the run's frozen one is refused without `fresh`; the message names it.
pub fn frozen_params(lease: Option<&Lease>, new: &BTreeMap<String, Value>, fresh: bool) -> Result<(), String> {
    let Some(lease) = lease.filter(|_| !fresh) else {
        return Ok(());
    };
    let differing = new.iter().find_map(|(name, value)| {
        let frozen = lease.params.get(name)?;
        (frozen != value).then_some((name, frozen, value))
    });
    match differing {
        None => Ok(()),
        Some((name, frozen, value)) => Err(format!(
            "param `{name}` was {frozen} when this run first started and is {value} now: give {name}={frozen} to \
             resume it, or start it again from nothing with --fresh"
        )),
    }
}

/// What an acting function must find in the lease before it writes.
#[derive(Clone, Debug)]
pub struct Ticket<'a> {
    pub root: &'a ExecutionId,
    pub step: &'a str,
    pub epoch: Epoch,
    pub generation: Generation,
}

/// The sentence with which it stops, if the lease is no longer its own.
pub fn fenced(lease: &Lease, ticket: &Ticket<'_>) -> Option<String> {
    if lease.owner.as_ref() != Some(ticket.root) {
        let holder = lease.owner.as_ref().map_or("nobody".to_owned(), |o| o.to_string());
        return Some(format!("{} no longer holds the run; {holder} does", ticket.root));
    }
    if lease.epoch != ticket.epoch {
        return Some(format!("epoch {} was overtaken by epoch {}", ticket.epoch, lease.epoch));
    }
    let generation = lease.generations.get(ticket.step).map_or(0, |g| g.generation);
    (generation != ticket.generation)
        .then(|| format!("generation {} of `{}` was overtaken by {generation}", ticket.generation, ticket.step))
}
