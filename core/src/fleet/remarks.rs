//! Sentences about a round's machines for the report: what was decided about them, and what their place reported.

use super::life::RoundMachines;
use super::notice::{MAX_NOTICES, Notice};
use crate::format::count;

/// Errors that a report names.
const NAMED: usize = 3;

pub fn remarks(life: &RoundMachines) -> Vec<String> {
    let notices = &life.notices;
    let taken = notices.iter().filter(|n| matches!(n, Notice::Interruption { .. })).count();
    let mut remarks = life.notes.clone();
    if taken > 0 {
        let or_more = if notices.len() == MAX_NOTICES { " or more" } else { "" };
        let machines = count(taken as u64, "machine");
        remarks.push(format!(
            "EC2 took back {machines}{or_more} (spot interruptions); what they held went back to the queue"
        ));
    }
    let errors = notices.iter().rev().filter_map(Notice::event).take(NAMED);
    remarks.extend(errors.map(|e| format!("EC2 reported of the fleet: {}: {}", e.sub_kind, e.text)));
    remarks
}
