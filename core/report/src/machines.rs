//! Machines as lanes in time, and the pools that they came from.

use crate::loaded::{Loaded, Machine};
use crate::model::{Bar, Lane, Pool};
use spotmill_ledger::{Category, Charge, Class, Market};
use std::collections::BTreeMap;

pub fn lanes(loaded: &Loaded) -> Vec<Lane> {
    let Some(ledger) = &loaded.ledger else { return Vec::new() };
    let costs = costs(&ledger.charges);
    let order = |step: &str| loaded.report.steps.iter().position(|s| s.step.as_str() == step);
    let mut all: Vec<Lane> = ledger.machines.iter().map(|machine| lane(machine, &costs)).collect();
    all.sort_by(|a, b| {
        let key = |l: &Lane| (order(&l.step), l.generation, l.launched_ms);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    all
}

type Costs<'a> = BTreeMap<(&'a str, u32, &'a str), Option<u64>>;

/// Of machines alone; nothing where a part has no price.
fn costs(charges: &[Charge]) -> Costs<'_> {
    let mut costs: Costs<'_> = BTreeMap::new();
    for charge in charges.iter().filter(|charge| matches!(charge.category, Category::Machine(_))) {
        let sum = costs.entry((charge.step.as_str(), charge.generation, &charge.resource)).or_insert(Some(0));
        *sum = sum.zip(charge.cost).map(|(sum, cost)| sum + cost);
    }
    costs
}

fn lane(machine: &Machine, costs: &Costs<'_>) -> Lane {
    let (life, own) = (&machine.life, machine.own.as_ref());
    let useful = machine.attempts.iter().filter(|attempt| attempt.class == Class::Useful);
    let bars = machine.attempts.iter().map(|attempt| Bar {
        item: attempt.item,
        class: attempt.class,
        from_ms: attempt.ended_ms.saturating_sub(attempt.slot_ms),
        to_ms: attempt.ended_ms,
    });
    Lane {
        step: machine.step.to_string(),
        generation: machine.generation,
        id: life.id.clone(),
        kind: life.kind.clone(),
        zone: life.zone.clone(),
        market: market(life.market).to_owned(),
        vcpus: life.vcpus,
        slots: life.slots,
        launched_ms: life.launched_ms,
        ready_ms: life.ready_ms,
        ended_ms: life.ended_ms,
        noticed_ms: own.and_then(|own| own.noticed_ms).or(machine.interrupted_ms),
        vanished: life.vanished,
        end: own.and_then(|own| own.why.clone()),
        items: useful.count() as u64,
        usd_nanos: costs.get(&(machine.step.as_str(), machine.generation, life.id.as_str())).copied().flatten(),
        bars: bars.collect(),
    }
}

fn market(market: Market) -> &'static str {
    match market {
        Market::Spot => "spot",
        Market::OnDemand => "on demand",
        Market::Local => "this machine",
    }
}

/// `r7g.2xlarge use1-az4 spot`
pub fn pool_name(lane: &Lane) -> String {
    match lane.market.as_str() {
        "this machine" => lane.market.clone(),
        market => format!("{} {} {market}", lane.kind, lane.zone),
    }
}

/// In the order of their names.
pub fn pools(loaded: &Loaded) -> Vec<Pool> {
    let useful = useful(loaded);
    let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
    for lane in lanes(loaded) {
        let name = pool_name(&lane);
        let pool = pools.entry(name.clone()).or_insert(Pool {
            name,
            machines: 0,
            noticed: 0,
            vanished: 0,
            machine_ms: 0,
            useful_ms: 0,
            usd_nanos: Some(0),
        });
        pool.machines += 1;
        pool.noticed += u64::from(lane.noticed_ms.is_some());
        pool.vanished += u64::from(lane.vanished && lane.noticed_ms.is_none());
        pool.machine_ms += lane.ended_ms.saturating_sub(lane.launched_ms);
        pool.useful_ms += useful.get(&(lane.step.as_str(), lane.generation, lane.id.as_str())).copied().unwrap_or(0);
        pool.usd_nanos = pool.usd_nanos.zip(lane.usd_nanos).map(|(sum, usd)| sum + usd);
    }
    pools.into_values().collect()
}

/// Useful time of each machine.
fn useful(loaded: &Loaded) -> BTreeMap<(&str, u32, &str), u64> {
    let mut all = BTreeMap::new();
    for charge in loaded.ledger.iter().flat_map(|ledger| &ledger.charges) {
        if charge.category == Category::Machine(Class::Useful) {
            *all.entry((charge.step.as_str(), charge.generation, charge.resource.as_str())).or_default() +=
                charge.quantity;
        }
    }
    all
}
