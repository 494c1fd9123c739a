//! What a fleet's machines cost: spot prices that were asked for, put in order, and on-demand prices that were not,
//! which are a guess and are called one.

use super::catalogue::{SIZES, TIERS};
use super::machines::Machines;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotmill_core::history::median;

/// A spot price of one machine type in one zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PoolPrice {
    /// `r7g.2xlarge`
    pub kind: String,
    pub zone: String,
    /// An hour.
    pub usd: f64,
}

/// Dollars a vCPU-hour, over the pools of a request that have a price.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SpotPrices {
    pub pools: usize,
    pub cheapest: PoolPrice,
    pub lowest: f64,
    pub median: f64,
    /// Pools that the request's own limit leaves out.
    pub above_limit: usize,
}

/// On demand, a vCPU-hour, in us-east-1: the seventh generation as the Price List had it in July 2026, by class and
/// maker of the processor.
const ON_DEMAND: [(char, char, f64); 9] = [
    ('c', 'g', 0.03625),
    ('m', 'g', 0.0408),
    ('r', 'g', 0.05355),
    ('c', 'i', 0.044_625),
    ('m', 'i', 0.0504),
    ('r', 'i', 0.06615),
    ('c', 'a', 0.05132),
    ('m', 'a', 0.05796),
    ('r', 'a', 0.076_075),
];

/// Prices of the pools that the request may take; nothing where none has a price under its limit.
pub fn spot(chosen: &Machines, all: &[PoolPrice], limit: Option<f64>) -> Option<SpotPrices> {
    let ours = |p: &&PoolPrice| chosen.types.values().flatten().any(|instance_type| *instance_type == p.kind);
    let each = |p: &PoolPrice| vcpus(&p.kind).map(|vcpus| (p.usd / f64::from(vcpus), p.clone()));
    let mut priced: Vec<(f64, PoolPrice)> = all.iter().filter(ours).filter_map(each).collect();
    let all = priced.len();
    priced.retain(|(usd, _)| limit.is_none_or(|limit| *usd <= limit));
    priced.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (lowest, cheapest) = priced.first()?.clone();
    let median = median(priced.iter().map(|(usd, _)| *usd))?;
    Some(SpotPrices { pools: priced.len(), cheapest, lowest, median, above_limit: all - priced.len() })
}

/// A guess of what a vCPU-hour of these machines costs on demand: the middle of their families.
pub fn guess_on_demand(chosen: &Machines) -> Option<f64> {
    median(chosen.types.values().flatten().filter_map(|instance_type| list_price(instance_type)))
}

/// On demand, dollars a vCPU-hour, by the table; nothing of a family that it does not hold.
pub fn list_price(instance_type: &str) -> Option<f64> {
    let class = instance_type.chars().next()?;
    let family = instance_type.split('.').next()?.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let maker = family.chars().find(|c| "gia".contains(*c)).unwrap_or('i');
    ON_DEMAND.iter().find(|(c, m, _)| (*c, *m) == (class, maker)).map(|(_, _, usd)| *usd)
}

/// The vCPUs of a machine type of the catalogue.
fn vcpus(instance_type: &str) -> Option<u32> {
    let (family, size) = instance_type.split_once('.')?;
    let listed = TIERS.iter().flat_map(|tier| tier.iter()).any(|g| family.get(1..) == Some(g.name));
    SIZES.iter().find(|(_, name)| listed && *name == size).map(|(vcpus, _)| *vcpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::{Need, choose};
    use crate::{Allowed, Architecture, families};

    fn machines(families: &[&str]) -> Machines {
        let mut allowed = Allowed::on(&Architecture::ALL);
        allowed.families = families.iter().map(|f| (*f).to_owned()).collect();
        choose(&Need { vcpus: 2, memory_mib: 4_096, slots: 10 }, &allowed, 3).expect("machines")
    }

    fn price(instance_type: &str, zone: &str, usd: f64) -> PoolPrice {
        PoolPrice { kind: instance_type.into(), zone: zone.into(), usd }
    }

    #[test]
    fn prices_are_compared_by_the_vcpu_and_only_of_pools_that_may_be_taken() {
        let all = [
            price("m7g.xlarge", "a", 0.08),
            price("m7g.2xlarge", "b", 0.12),
            price("m7g.xlarge", "b", 0.40),
            price("c7g.xlarge", "a", 0.001),
        ];
        let prices = spot(&machines(&["m7g"]), &all, None).expect("prices");
        assert_eq!(
            (prices.pools, prices.cheapest.kind.as_str(), prices.cheapest.zone.as_str()),
            (3, "m7g.2xlarge", "b")
        );
        assert_eq!((prices.lowest, prices.median, prices.above_limit), (0.015, 0.02, 0));
        let prices = spot(&machines(&["m7g"]), &all, Some(0.05)).expect("prices");
        assert_eq!((prices.pools, prices.above_limit), (2, 1));
        assert_eq!(spot(&machines(&["m7g"]), &all, Some(0.001)), None, "all are above the limit");
        assert_eq!(spot(&machines(&["r7g"]), &all, None), None);
    }

    #[test]
    fn every_family_has_a_guess() {
        for family in families().iter().filter(|f| f.len() > 1) {
            assert!(list_price(&format!("{family}.xlarge")).is_some(), "{family}");
        }
        assert_eq!(guess_on_demand(&machines(&["m7g"])), Some(0.0408));
        assert_eq!((list_price("r5.large"), list_price("r5a.large")), (Some(0.06615), Some(0.076_075)));
    }

    #[test]
    fn sizes_are_of_the_catalogue() {
        assert_eq!((vcpus("r7g.2xlarge"), vcpus("x2g.2xlarge"), vcpus("m7g.metal")), (Some(8), None, None));
    }
}
