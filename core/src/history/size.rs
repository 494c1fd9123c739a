//! How many slots a round's fleet has, and why. Never more than items or `max_vcpus`, whatever was measured; with a
//! measure, as few as finish in time, because a machine that boots for a minute to work for seconds is waste.

use super::Measured;
use crate::bounds::SLOT_WORK_SECS;
use crate::format::{bytes_of, count, duration};

/// More slots than the work alone takes: items are of unequal length, and machines are taken away.
const SPARE: f64 = 1.5;

#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// To be done.
    pub items: u32,
    /// Of these, about.
    pub input_bytes: u64,
    /// That a slot takes of a machine.
    pub slot_vcpus: u32,
    pub max_vcpus: Option<u32>,
    pub measured: Option<&'a Measured>,
    /// Of the step.
    pub deadline_secs: Option<u64>,
    /// Since the step's machines were first asked for.
    pub spent_secs: u64,
    /// From a request to a machine's first item.
    pub boot_secs: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    pub slots: u32,
    /// For people.
    pub because: String,
}

impl Question<'_> {
    /// The most slots there may be, and what limits them.
    fn most(&self) -> (u32, String) {
        let items = self.items.max(1);
        let allowed = self.max_vcpus.map(|vcpus| ((vcpus / self.slot_vcpus.max(1)).max(1), vcpus));
        match allowed.filter(|(slots, _)| *slots < items) {
            Some((slots, vcpus)) => (slots, format!("`max_vcpus` is {vcpus} and a slot takes {}", self.slot_vcpus)),
            None => (items, "one an item".to_owned()),
        }
    }
}

pub fn size(of: &Question<'_>) -> Size {
    let (most, limit) = of.most();
    let slots = |slots: u32| count(u64::from(slots), "slot");
    let Some(measured) = of.measured else {
        let unknown = if of.deadline_secs.is_some() { "; its deadline counts once a run was measured" } else { "" };
        return Size { slots: most, because: format!("{}: {limit}{unknown}", slots(most)) };
    };
    let work_secs = measured.slot_ms_per_byte * of.input_bytes as f64 / 1_000.0;
    let work = format!(
        "{} hold a slot for about {} (median of {})",
        bytes_of(of.input_bytes),
        duration(work_secs as u64),
        count(measured.runs as u64, "run"),
    );
    let (wanted, reason) = match of.deadline_secs {
        None => {
            (work_secs / SLOT_WORK_SECS as f64, format!("each slot should have {} of work", duration(SLOT_WORK_SECS)))
        }
        Some(deadline) => match deadline.saturating_sub(of.spent_secs.saturating_add(of.boot_secs)) {
            0 => (f64::INFINITY, "the deadline leaves no time".to_owned()),
            left => (work_secs * SPARE / left as f64, format!("the deadline leaves {}", duration(left))),
        },
    };
    // A cast of what is too large, or infinite, is the largest there is.
    let wanted = wanted.ceil().max(1.0) as u32;
    let chosen = wanted.min(most);
    let short = if of.deadline_secs.is_some() && wanted > most { late(work_secs, most, &limit) } else { String::new() };
    Size { slots: chosen, because: format!("{} of at most {most}: {work}; {reason}{short}", slots(chosen)) }
}

fn late(work_secs: f64, most: u32, limit: &str) -> String {
    format!(
        ", which is too little ({limit}): expect about {}",
        duration((work_secs * SPARE / f64::from(most.max(1))) as u64)
    )
}
