//! The tail: fewer items are left than machines, and those that have nothing to do cost as much as the others. Who is
//! idle is read from the callbacks: an item is worked on where it was last heard of. Only idle machines end, one is
//! kept for every item that nobody works on, and the target only falls, so that none of them is replaced.

use super::now::{FleetNow, MachineNow, Resize, Target};
use crate::bounds::HOLDER_SECS;
use crate::format::count;
use crate::tally::Tally;
use std::collections::BTreeSet;

/// What to end, and why; nothing if all have work, or it is not clear yet.
pub fn shrink(fleet: &FleetNow, tally: &Tally, now_ms: u64) -> Option<(Resize, String)> {
    let left = tally.left();
    let machines: Vec<&MachineNow> = fleet.working().collect();
    if left.is_empty() || left.len() >= machines.len() as u64 {
        return None;
    }
    let fresh_ms = now_ms.saturating_sub(HOLDER_SECS * 1000);
    let heard = |item: &u32| tally.holders.get(item).filter(|h| h.at_ms >= fresh_ms);
    let busy: BTreeSet<&str> = left.iter().filter_map(|item| heard(&item)).map(|h| machine_of(&h.worker)).collect();
    let works = |id: &str| machines.iter().any(|m| m.id == id);
    let held = left.iter().filter(|item| heard(item).is_some_and(|h| works(machine_of(&h.worker)))).count();
    let unheld = left.len() as usize - held;
    // Until every machine had time to report what it works on, an item that was not heard of may be anywhere.
    let began_ms = tally.tail.as_ref().map_or(now_ms, |t| t.since_ms);
    if unheld > 0 && began_ms > fresh_ms {
        return None;
    }
    let mut idle: Vec<&MachineNow> = machines.iter().copied().filter(|m| !busy.contains(m.id.as_str())).collect();
    // Those that have run longest are surely up: they stay for what nobody works on.
    idle.sort_by_key(|m| (m.launched_ms, m.id.clone()));
    let end: Vec<&MachineNow> = idle.into_iter().skip(unheld).collect();
    if end.is_empty() {
        return None;
    }
    let ends = |m: &MachineNow| end.iter().any(|e| e.id == m.id);
    let kept = |on_demand: bool| {
        machines.iter().filter(|m| !ends(m) && (m.on_demand || !on_demand)).map(|m| m.vcpus).sum::<u32>()
    };
    let vcpus = fleet.target.vcpus.min(kept(false));
    let target = Target { vcpus, on_demand: fleet.target.on_demand.min(kept(true)).min(vcpus) };
    let because = format!(
        "{} left: {} of {} had nothing to do and ended",
        count(left.len(), "item"),
        end.len(),
        count(machines.len() as u64, "machine")
    );
    Some((Resize { target, end: end.into_iter().map(|m| m.id.clone()).collect() }, because))
}

/// `i-0c1… r7g.2xlarge use1-az4` works on the machine `i-0c1…`.
fn machine_of(worker: &str) -> &str {
    worker.split(' ').next().unwrap_or_default()
}
