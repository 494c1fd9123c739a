//! Whether a fleet goes on as it is. A fleet that gets nothing is no failure at first: spare capacity comes and goes.
//! So a mistake ends the step soon, missing capacity after a while or once `on_demand_after` has passed and on-demand
//! found none either, and machines that take no work once they had time enough to boot.

use super::cause::{Cause, Finding, cause};
use spotmill_core::bounds::{CAPACITY_SECS, CHURN_MACHINES, MISTAKE_SECS, SILENT_SECS};
use spotmill_core::fleet::FleetRequest;
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::{FleetEvent, FleetNow, Resize, Target};
use spotmill_core::format::{count, duration};

/// A round as an inspection found it; `life` has recorded the inspection.
pub struct Watched<'a> {
    pub request: &'a FleetRequest,
    pub fleet: &'a FleetNow,
    pub events: &'a [FleetEvent],
    pub life: &'a RoundMachines,
    /// Any worker of the round ever called back.
    pub heard: bool,
    pub now_ms: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Watch {
    Wait {
        because: String,
    },
    /// Wait, and send the waiting execution a heartbeat: it would take the silence for a stall.
    Beat {
        because: String,
    },
    /// Buy what is missing on demand.
    OnDemand {
        resize: Resize,
        because: String,
    },
    /// No use in waiting; `secs`: for how long there was nothing.
    Stop {
        finding: Finding,
        secs: u64,
    },
}

/// vCPUs that `left` items can use of a fleet that was asked for all.
pub fn needed(fleet: &FleetNow, request: &FleetRequest, left: u64) -> u32 {
    let slots = u64::from(request.max_slots.max(1));
    let part = (u64::from(fleet.target.vcpus) * left.min(slots)).div_ceil(slots);
    u32::try_from(part).unwrap_or(u32::MAX)
}

pub fn decide(of: &Watched<'_>, needed: u32) -> Watch {
    if let Some(secs) = silent_secs(of) {
        return Watch::Stop { finding: Finding { cause: Cause::Silent, message: String::new() }, secs };
    }
    let finding = cause(of.events, &of.fleet.machines);
    let empty_secs = secs_since(of.life.empty_since_ms, of.now_ms);
    if let Some(finding) = finding.clone().filter(|f| f.is_mistake() && empty_secs >= Some(MISTAKE_SECS)) {
        return Watch::Stop { finding, secs: empty_secs.unwrap_or(0) };
    }
    let short_secs = secs_since(of.life.short_since_ms, of.now_ms);
    match of.request.knobs.on_demand_after_secs {
        Some(after) if of.fleet.target.on_demand == 0 => {
            if short_secs >= Some(after) {
                return on_demand(of, needed, short_secs.unwrap_or(0));
            }
            if empty_secs.is_some() {
                let left = duration(after.saturating_sub(short_secs.unwrap_or(0)));
                return Watch::Beat { because: format!("no spot capacity; on-demand in {left}") };
            }
        }
        Some(_) | None => {}
    }
    // On-demand machines get the time of their own that spot had.
    let on_demand_ms = of.life.on_demand_ms.unwrap_or(0);
    let waited = secs_since(of.life.empty_since_ms.map(|since| since.max(on_demand_ms)), of.now_ms);
    match waited {
        Some(secs) if secs >= CAPACITY_SECS => {
            let nothing = Finding { cause: Cause::Capacity, message: String::new() };
            Watch::Stop { finding: finding.unwrap_or(nothing), secs }
        }
        Some(_) if of.life.on_demand_ms.is_some() => Watch::Beat { because: "on-demand machines are to come".into() },
        Some(_) => Watch::Wait { because: "no machine yet".into() },
        None => Watch::Wait { because: "it has machines".into() },
    }
}

fn secs_since(since_ms: Option<u64>, now_ms: u64) -> Option<u64> {
    since_ms.map(|since| now_ms.saturating_sub(since) / 1000)
}

/// How long machines have been starting without a call from any; nothing while that is still ordinary.
fn silent_secs(of: &Watched<'_>) -> Option<u64> {
    if of.heard {
        return None;
    }
    let lived = of.fleet.machines.iter().map(|m| of.now_ms.saturating_sub(m.launched_ms) / 1000);
    let longest_working = of.fleet.working().map(|m| of.now_ms.saturating_sub(m.launched_ms) / 1000).max();
    // User data that finds no worker ends its machine, and the fleet launches the next one, for ever.
    let gave_up = of.fleet.machines.iter().filter(|m| m.reason.contains("InstanceInitiatedShutdown")).count();
    let hopeless = longest_working >= Some(SILENT_SECS) || gave_up >= CHURN_MACHINES;
    hopeless.then(|| lived.max().unwrap_or(0))
}

fn on_demand(of: &Watched<'_>, needed: u32, secs: u64) -> Watch {
    let missing = needed.saturating_sub(of.fleet.vcpus()).min(of.fleet.target.vcpus);
    let target = Target { vcpus: of.fleet.target.vcpus, on_demand: missing };
    let because = format!(
        "{} of {} came on demand: no spot capacity for {} (`fleet.on_demand_after`)",
        missing,
        count(u64::from(of.fleet.target.vcpus), "vCPU"),
        duration(secs)
    );
    Watch::OnDemand { resize: Resize { target, end: Vec::new() }, because }
}

/// The finding about a round whose execution heard nothing for too long; nothing if its machines did work.
pub fn after_silence(of: &Watched<'_>) -> Option<(Finding, u64)> {
    if of.heard && of.life.empty_since_ms.is_none() {
        return None;
    }
    let began_ms = of.life.empty_since_ms.unwrap_or(of.request.asked_ms());
    let secs = of.now_ms.saturating_sub(began_ms) / 1000;
    let cause_of_none = if of.heard || of.fleet.machines.is_empty() { Cause::Capacity } else { Cause::Silent };
    let nothing = Finding { cause: cause_of_none, message: String::new() };
    Some((cause(of.events, &of.fleet.machines).unwrap_or(nothing), secs))
}
