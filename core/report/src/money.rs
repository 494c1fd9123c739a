//! What the run cost, by what was paid for; where its prices are from; and what the runs before it cost.

use crate::ends::End;
use crate::loaded::{Ledger, Loaded};
use crate::model::{Money, PastCost, Priced};
use crate::words::count;
use spotmill_core::bounds::USD_PER_VCPU_HOUR;
use spotmill_ledger::{By, Category, Charge, Market, PriceSource, lines, total};
use std::collections::{BTreeMap, BTreeSet};

/// Past runs that are drawn.
const DRAWN: usize = 30;

pub fn of(loaded: &Loaded, ledger: &Ledger) -> Money {
    let run = &loaded.report.run;
    let by = |by| lines(by, ledger.charges.iter().map(|charge| (run, charge)));
    Money {
        total: total(&ledger.charges, ledger.bytes_in),
        budget_usd: loaded.pipeline.budget_usd_per_run,
        classes: by(By::Class),
        steps: by(By::Step),
        prices: prices(&ledger.charges),
        past: Vec::new(),
        elsewhere: ledger.elsewhere.clone(),
    }
}

/// The last ends before this one, and this one if the run has ended.
pub fn past(before: &[End], own: Option<End>) -> Vec<PastCost> {
    let others = before.iter().filter(|end| own.as_ref().is_none_or(|own| end.run != own.run));
    let all: Vec<&End> = others.chain(own.as_ref()).collect();
    let drawn = all.iter().skip(all.len().saturating_sub(DRAWN)).map(|end| PastCost {
        run: end.run.clone(),
        state: end.state.clone(),
        took_ms: end.took_ms,
        usd_nanos: end.usd_nanos,
    });
    drawn.collect()
}

/// Machines, their time and dollars, by the source of a price and whether it is of spot.
type Found<'a> = BTreeMap<(PriceSource, bool), (BTreeSet<&'a str>, u64, Option<u64>)>;

/// Machines by the source of their prices.
fn prices(charges: &[Charge]) -> Vec<Priced> {
    let mut found: Found<'_> = BTreeMap::new();
    for charge in charges.iter().filter(|charge| matches!(charge.category, Category::Machine(_))) {
        let is_spot = charge.market == Some(Market::Spot);
        let (machines, ms, usd) = found.entry((charge.source, is_spot)).or_insert((BTreeSet::new(), 0, Some(0)));
        machines.insert(&charge.resource);
        *ms += charge.quantity;
        *usd = usd.zip(charge.cost).map(|(sum, cost)| sum + cost);
    }
    let priced = found.into_iter().map(|((source, is_spot), (machines, machine_ms, usd_nanos))| Priced {
        source,
        what: what(source, is_spot),
        machines: machines.len() as u64,
        machine_ms,
        usd_nanos,
    });
    priced.collect()
}

fn what(source: PriceSource, is_spot: bool) -> String {
    match (source, is_spot) {
        (PriceSource::Spot, _) => "the spot price, as AWS reported it when the machine was first seen".to_owned(),
        (PriceSource::FirstHour, _) => "taken by EC2 in the first hour: AWS takes nothing".to_owned(),
        (PriceSource::Set, _) => "the rate vcpu_hour, set on the command line".to_owned(),
        (PriceSource::Pipeline, _) => "the rate vcpu_hour, set in [rates] of pipeline.toml".to_owned(),
        (PriceSource::Table, true) => {
            "no recorded price: on demand by the table of July 2026, an upper bound for spot".to_owned()
        }
        (PriceSource::Table, false) => "on demand, by the table of July 2026".to_owned(),
        (PriceSource::Bound, _) => {
            format!("no known price: {USD_PER_VCPU_HOUR:.2} dollars a vCPU-hour, an upper bound")
        }
        (PriceSource::Unknown, _) => "no known price".to_owned(),
    }
}

/// What the figures do not hold.
pub fn remarks(loaded: &Loaded) -> Vec<String> {
    let cost = &loaded.commands.cost;
    let Some(ledger) = &loaded.ledger else {
        let items: u64 = loaded.report.steps.iter().map(|step| u64::from(step.items)).sum();
        let (all, most) = (count(items, "item"), count(crate::MOST_ITEMS, "item"));
        return vec![format!(
            "{all} are more than the {most} whose attempts are read for a report: money, machines and attempts are not in \
             it; `{cost}` adds up what it cost"
        )];
    };
    let is_unpriced = |charge: &Charge| charge.source == PriceSource::Unknown;
    let remark = ledger.charges.iter().any(is_unpriced).then(|| {
        format!(
            "this machine has no price; for dollars set one: vcpu_hour in [rates] of pipeline.toml, or once: `{cost} --rate \
             vcpu_hour=0.05`, and so for `report`"
        )
    });
    remark.into_iter().collect()
}
