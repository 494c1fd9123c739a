//! What the same vCPU-hours would cost elsewhere. Each line is a formula over what was measured here and named rates;
//! none is a measurement, and the engine factor (vCPU-hours there for one here) is 1 unless somebody sets it.

use crate::charge::{Category, Charge};
use crate::life::{Life, Market};
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::rates::Rates;
use std::collections::BTreeMap;

const MONTH_HOURS: f64 = 730.0;
const HOUR_MS: f64 = 3_600_000.0;
const DPU_VCPUS: f64 = 4.0;
const DPU_GB: f64 = 16.0;
const GB: f64 = 1e9;

/// What was paid for here.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    pub vcpu_hours: f64,
    /// Of machines that recorded their memory.
    pub gb_hours: f64,
    /// From a step's first machine to its last, all steps together.
    pub wall_hours: f64,
    /// Machines alone; nothing where a price is not known.
    pub machine_usd: Option<f64>,
    /// The same on demand.
    pub list_usd: Option<f64>,
    /// Volumes, addresses, requests and storage.
    pub other_usd: f64,
}

impl Work {
    pub fn of(lives: &[Life], rows: &[Charge]) -> Work {
        let hours = |life: &Life| life.lived_ms() as f64 / HOUR_MS;
        let mut spans: BTreeMap<(&str, u32), (u64, u64)> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.market.is_some()) {
            let span = spans.entry((row.step.as_str(), row.generation)).or_insert((row.start_ms, row.end_ms));
            *span = (span.0.min(row.start_ms), span.1.max(row.end_ms));
        }
        let machines = || rows.iter().filter(|row| matches!(row.category, Category::Machine(_)));
        let usd = |nanos: Option<u64>| nanos.map(|n| n as f64 / 1e9);
        let others = rows.iter().filter(|row| !matches!(row.category, Category::Machine(_)));
        let others: u64 = others.filter_map(|row| row.cost).sum();
        let aws = lives.iter().any(|life| life.market != Market::Local);
        Work {
            vcpu_hours: lives.iter().map(|life| hours(life) * f64::from(life.vcpus)).sum(),
            gb_hours: lives.iter().map(|life| hours(life) * life.memory_bytes.unwrap_or(0) as f64 / GB).sum(),
            wall_hours: spans.values().map(|(from, to)| (to - from) as f64 / HOUR_MS).sum(),
            machine_usd: usd(machines().map(|row| row.cost).sum()),
            list_usd: usd(machines().map(|row| row.list).sum()).filter(|_| aws),
            other_usd: usd(Some(others)).unwrap_or_default(),
        }
    }
}

/// A line of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Elsewhere {
    pub name: String,
    /// Nothing where a number of the formula is not known.
    pub usd: Option<f64>,
    pub formula: String,
    /// The numbers of the formula.
    pub terms: BTreeMap<String, Option<f64>>,
}

/// An EMR cluster of core nodes on demand and task nodes on spot, and its parts in dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Emr {
    pub on_demand: f64,
    pub spot: f64,
    pub fee: f64,
    pub master: f64,
    pub disks: f64,
}

impl Emr {
    pub fn usd(&self) -> f64 {
        self.on_demand + self.spot + self.fee + self.master + self.disks
    }
}

/// The nodes cost `list_usd` on demand, have `vcpu_hours` together, and live for `wall_hours`.
pub fn emr(list_usd: f64, vcpu_hours: f64, wall_hours: f64, rates: &Rates) -> Emr {
    let (core, fee) = (rates.get("emr_core_share"), rates.get("emr_fee"));
    Emr {
        on_demand: list_usd * core,
        spot: list_usd * (1.0 - core) * (1.0 - rates.get("emr_task_discount")),
        fee: list_usd * fee,
        master: wall_hours * rates.get("emr_master_hour") * (1.0 + fee),
        disks: vcpu_hours * rates.get("emr_disk_gb_vcpu") * rates.get("volume_gb_month") / MONTH_HOURS,
    }
}

const ON_DEMAND: &str = "list_usd + other_usd";
const BATCH: &str = "engine_factor * machine_usd + other_usd";
const EMR: &str = "engine_factor * (list_usd * (emr_core_share + (1 - emr_core_share) * (1 - emr_task_discount) + emr_fee) \
                   + wall_hours * emr_master_hour * (1 + emr_fee) \
                   + vcpu_hours * emr_disk_gb_vcpu * volume_gb_month / 730)";
const GLUE: &str = "engine_factor * max(vcpu_hours / 4, gb_hours / 16) * glue_flex_dpu_hour";

/// The comparison, every line with its formula and numbers.
pub fn elsewhere(work: &Work, rates: &Rates) -> Vec<Elsewhere> {
    let factor = rates.get("engine_factor");
    let cluster =
        work.list_usd.map(|list| emr(list * factor, work.vcpu_hours * factor, work.wall_hours * factor, rates).usd());
    let dpus = (work.vcpu_hours / DPU_VCPUS).max(work.gb_hours / DPU_GB);
    let glue = rates.known("glue_flex_dpu_hour").map(|usd| factor * dpus * usd);
    let batch = work.machine_usd.map(|usd| factor * usd + work.other_usd);
    let terms = Terms { work, rates };
    vec![
        terms.line("on demand, as it ran", work.list_usd.map(|list| list + work.other_usd), ON_DEMAND),
        terms.line("AWS Batch, the same machines", batch, BATCH),
        terms.line("EMR, fee and disks", cluster, EMR),
        terms.serverless("EMR Serverless", "emr_serverless_vcpu_hour", "emr_serverless_gb_hour"),
        terms.serverless("EMR Serverless Flex", "emr_serverless_flex_vcpu_hour", "emr_serverless_flex_gb_hour"),
        terms.line("Glue Flex", glue, GLUE),
    ]
}

struct Terms<'a> {
    work: &'a Work,
    rates: &'a Rates,
}

impl Terms<'_> {
    fn serverless(&self, name: &str, vcpu_rate: &str, gb_rate: &str) -> Elsewhere {
        let (vcpu, gb) = (self.rates.known(vcpu_rate), self.rates.known(gb_rate));
        let hourly = |(vcpu, gb): (f64, f64)| self.work.vcpu_hours * vcpu + self.work.gb_hours * gb;
        let usd = vcpu.zip(gb).map(|rates| self.rates.get("engine_factor") * hourly(rates));
        self.line(name, usd, &format!("engine_factor * (vcpu_hours * {vcpu_rate} + gb_hours * {gb_rate})"))
    }

    /// With every name of the formula: a rate, or what was measured.
    fn line(&self, name: &str, usd: Option<f64>, formula: &str) -> Elsewhere {
        let words = formula.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named = words.filter(|word| word.contains('_'));
        let terms = named.map(|name| (name.to_owned(), self.measured(name).unwrap_or_else(|| self.rates.known(name))));
        Elsewhere { name: name.to_owned(), usd, formula: formula.to_owned(), terms: terms.collect() }
    }

    /// Nothing of a name that was not measured; inside, nothing of what could not be.
    fn measured(&self, name: &str) -> Option<Option<f64>> {
        Some(match name {
            "list_usd" => self.work.list_usd,
            "machine_usd" => self.work.machine_usd,
            "other_usd" => Some(self.work.other_usd),
            "vcpu_hours" => Some(self.work.vcpu_hours),
            "gb_hours" => Some(self.work.gb_hours),
            "wall_hours" => Some(self.work.wall_hours),
            _ => return None,
        })
    }
}
