//! `e{epoch}/machines-{round}.json`: the machines of a round as they were seen, their price, and what was decided about
//! them. Written by compare-and-swap; each inspection adds to the ones before, so that what EC2 forgets is kept. It
//! prices a run and explains it; nothing that must be right hangs on it.

use super::notice::{self, Notice};
use super::now::{FleetNow, MachineNow};
use crate::bounds::USD_PER_VCPU_HOUR;
use crate::command::Command;
use crate::version::RECORD_VERSION;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const HOUR_MS: f64 = 3_600_000.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundMachines {
    pub v: u32,
    pub machines: BTreeMap<String, MachineLife>,
    /// When the watch last inspected it; 0: never.
    #[serde(default)]
    pub watched_ms: u64,
    /// Since when the fleet has had less than its work needs, at every inspection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_since_ms: Option<u64>,
    /// Since when it has had no machine at all, at every inspection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_since_ms: Option<u64>,
    /// When a part of it was first asked for on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand_ms: Option<u64>,
    /// When there were first fewer items left than machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail_ms: Option<u64>,
    /// All machines have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// What was decided and why: sentences for the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What EC2 reported by itself; absent before the function FleetEvents was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineLife {
    pub kind: String,
    pub zone: String,
    pub vcpus: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_demand: bool,
    /// Dollars an hour, as asked once; none: unknown, and bounded from above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_hour: Option<f64>,
    pub launched_ms: u64,
    /// When it was first seen to have ended: never before it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
}

impl Default for RoundMachines {
    fn default() -> Self {
        RoundMachines {
            v: RECORD_VERSION,
            machines: BTreeMap::new(),
            watched_ms: 0,
            short_since_ms: None,
            empty_since_ms: None,
            on_demand_ms: None,
            tail_ms: None,
            ended_ms: None,
            notes: Vec::new(),
            notices: Vec::new(),
        }
    }
}

impl MachineLife {
    fn of(machine: &MachineNow) -> Self {
        MachineLife {
            kind: machine.kind.clone(),
            zone: machine.zone.clone(),
            vcpus: machine.vcpus,
            on_demand: machine.on_demand,
            usd_per_hour: None,
            launched_ms: machine.launched_ms,
            ended_ms: None,
        }
    }

    /// Dollars of what it lived between two moments. An unknown price counts as the highest there may be.
    fn usd(&self, from_ms: u64, to_ms: u64) -> f64 {
        let price = self.usd_per_hour.unwrap_or(f64::from(self.vcpus) * USD_PER_VCPU_HOUR);
        self.lived_ms(from_ms, to_ms) as f64 / HOUR_MS * price
    }

    fn lived_ms(&self, from_ms: u64, to_ms: u64) -> u64 {
        self.ended_ms.unwrap_or(to_ms).min(to_ms).saturating_sub(self.launched_ms.max(from_ms))
    }
}

impl RoundMachines {
    /// Records an inspection: machines that are new, and those that work no more.
    pub fn see(&mut self, fleet: &FleetNow, now_ms: u64) {
        for machine in &fleet.machines {
            self.machines.entry(machine.id.clone()).or_insert_with(|| MachineLife::of(machine));
        }
        let works = |id: &str| fleet.working().any(|m| m.id == id);
        for (id, life) in &mut self.machines {
            match works(id) {
                // It was taken for ended because one inspection missed it.
                true => life.ended_ms = None,
                false => drop(life.ended_ms.get_or_insert(now_ms)),
            }
        }
    }

    /// Types and zones of spare machines whose price was not asked yet.
    pub fn unpriced(&self) -> Vec<(String, String)> {
        let open = self.machines.values().filter(|m| m.usd_per_hour.is_none() && !m.on_demand);
        let mut pools: Vec<_> = open.map(|m| (m.kind.clone(), m.zone.clone())).collect();
        pools.sort();
        pools.dedup();
        pools
    }

    pub fn price(&mut self, pools: &[(String, String)], usd: &[Option<f64>]) {
        for life in self.machines.values_mut().filter(|m| m.usd_per_hour.is_none() && !m.on_demand) {
            let at = pools.iter().position(|(instance_type, zone)| (instance_type, zone) == (&life.kind, &life.zone));
            life.usd_per_hour = at.and_then(|at| usd.get(at).copied().flatten());
        }
    }

    /// Notes how the fleet stands against what its work needs. What was never watched has been so since it was asked
    /// for.
    pub fn watch(&mut self, has: u32, needs: u32, asked_ms: u64, now_ms: u64) {
        let began = if self.watched_ms == 0 { asked_ms } else { now_ms };
        let since = |holds: bool, before: Option<u64>| holds.then(|| before.unwrap_or(began));
        self.short_since_ms = since(has < needs, self.short_since_ms);
        self.empty_since_ms = since(has == 0 && needs > 0, self.empty_since_ms);
        self.watched_ms = now_ms;
    }

    /// Records that these were asked to end.
    pub fn asked_to_end(&mut self, ids: &[String], now_ms: u64) {
        for (_, life) in self.machines.iter_mut().filter(|(id, _)| ids.contains(id)) {
            life.ended_ms.get_or_insert(now_ms);
        }
    }

    pub fn end(&mut self, now_ms: u64) {
        for life in self.machines.values_mut() {
            life.ended_ms.get_or_insert(now_ms);
        }
        self.ended_ms.get_or_insert(now_ms);
    }

    /// Adds a sentence once.
    pub fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    pub fn report(&mut self, notice: Notice) {
        notice::add(&mut self.notices, notice);
    }

    pub fn cost(&self, now_ms: u64) -> Cost {
        let mut cost = Cost::default();
        let tail_ms = self.tail_ms.unwrap_or(u64::MAX);
        for life in self.machines.values() {
            let usd = life.usd(0, now_ms);
            cost.machines += 1;
            cost.machine_ms += life.lived_ms(0, now_ms);
            cost.usd += usd;
            cost.tail_usd += life.usd(tail_ms, now_ms);
            if life.on_demand {
                cost.on_demand += 1;
                cost.on_demand_usd += usd;
            }
        }
        cost.tail_ms = self.tail_ms.map_or(0, |from| self.ended_ms.unwrap_or(now_ms).saturating_sub(from));
        cost
    }
}

/// What machines cost. An upper bound: a machine counts until it was seen to be gone, and the first hour of one that
/// was taken away counts although AWS gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    pub machines: u32,
    pub machine_ms: u64,
    pub usd: f64,
    pub on_demand: u32,
    pub on_demand_usd: f64,
    /// From the moment there were fewer items left than machines.
    pub tail_ms: u64,
    pub tail_usd: f64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        self.machines += other.machines;
        self.machine_ms += other.machine_ms;
        self.usd += other.usd;
        self.on_demand += other.on_demand;
        self.on_demand_usd += other.on_demand_usd;
        self.tail_ms += other.tail_ms;
        self.tail_usd += other.tail_usd;
    }
}

/// The message for a run that has spent its budget.
pub fn over_budget(spent_usd: f64, budget_usd: f64, start: &Command) -> String {
    format!(
        "the run's machines have cost ${spent_usd:.2} of its budget of ${budget_usd:.2} (`budget.usd_per_run`): no more \
         are launched. To go on, raise it and deploy, then start again; or start again as it is: `{start}` asks whether \
         that may pass the budget (in the console: \"over_budget\": true)"
    )
}
