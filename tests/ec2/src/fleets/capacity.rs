//! How much a fleet shall hold, in which unit, and as what: spot or on demand.

use super::Unit;
use crate::wire::{Ec2Error, Tree};

/// Units of one fleet.
const MOST_CAPACITY: u32 = 10_000;

pub fn target(specification: &Tree) -> Result<u32, Ec2Error> {
    let name = "TotalTargetCapacity";
    let asked = specification.parsed::<u32>(name)?;
    let target = asked.ok_or_else(|| Ec2Error::missing(&format!("TargetCapacitySpecification.{name}")))?;
    if target > MOST_CAPACITY {
        let message = format!("TotalTargetCapacity {target} is more than the {MOST_CAPACITY} units of a fleet");
        return Err(Ec2Error::invalid(message));
    }
    Ok(target)
}

pub fn unit(specification: &Tree) -> Result<Unit, Ec2Error> {
    match specification.text("TargetCapacityUnitType").unwrap_or("units") {
        "vcpu" => Ok(Unit::Vcpu),
        "memory-mib" => Ok(Unit::MemoryMib),
        "units" => Ok(Unit::Units),
        other => Err(Ec2Error::invalid(format!("Value ({other}) for parameter TargetCapacityUnitType is invalid."))),
    }
}

/// Is a fleet all on demand, or else all spot? On demand is EC2's default, so a request for spot must state it.
pub fn on_demand(specification: &Tree) -> Result<bool, Ec2Error> {
    specification.only(&[
        "TotalTargetCapacity",
        "OnDemandTargetCapacity",
        "SpotTargetCapacity",
        "DefaultTargetCapacityType",
        "TargetCapacityUnitType",
    ])?;
    let purchase = specification.text("DefaultTargetCapacityType").unwrap_or("on-demand");
    if !["spot", "on-demand"].contains(&purchase) {
        let message = format!("Value ({purchase}) for parameter DefaultTargetCapacityType is invalid.");
        return Err(Ec2Error::invalid(message));
    }
    let by_default = purchase == "on-demand";
    let total = target(specification)?;
    let part = match on_demand_part(specification, total)? {
        None if by_default => total,
        None => 0,
        Some(part) => part,
    };
    match part {
        // A target of nothing has no part that would tell the two apart.
        _ if total == 0 => Ok(by_default),
        0 => Ok(false),
        part if part == total => Ok(true),
        _ => Err(Ec2Error::not_simulated("a fleet that is partly on demand")),
    }
}

/// The part of the total that is on demand: as stated, or what spot leaves of it; None if neither is stated.
fn on_demand_part(specification: &Tree, total: u32) -> Result<Option<u32>, Ec2Error> {
    let on_demand = specification.parsed::<u32>("OnDemandTargetCapacity")?;
    let spot = specification.parsed::<u32>("SpotTargetCapacity")?;
    let part = match (on_demand, spot) {
        (Some(n), Some(spot)) if n + spot != total => {
            return Err(Ec2Error::invalid("TotalTargetCapacity must equal the sum of on-demand and spot"));
        }
        (Some(n), _) => Some(n),
        (None, spot) => spot.map(|spot| total.saturating_sub(spot)),
    };
    if part.is_some_and(|part| part > total) {
        return Err(Ec2Error::invalid("OnDemandTargetCapacity is more than TotalTargetCapacity"));
    }
    Ok(part)
}

pub fn check_spot_options(request: &Tree) -> Result<(), Ec2Error> {
    let Some(options) = request.at("SpotOptions") else { return Ok(()) };
    let simulated = ["AllocationStrategy", "InstanceInterruptionBehavior"];
    if let Some((name, _)) = options.members().find(|(name, _)| !simulated.contains(name)) {
        return Err(Ec2Error::not_simulated(format!("SpotOptions.{name}")));
    }
    let strategy = options.text("AllocationStrategy").unwrap_or("lowest-price");
    let strategies = ["price-capacity-optimized", "capacity-optimized", "lowest-price", "diversified"];
    if !strategies.contains(&strategy) {
        return Err(Ec2Error::invalid(format!("Value ({strategy}) for parameter AllocationStrategy is invalid.")));
    }
    let by_attribute = |o: &&Tree| o.at("InstanceRequirements").is_some();
    let configs = request.list("LaunchTemplateConfigs");
    if strategy == "diversified" && configs.iter().flat_map(|c| c.list("Overrides")).any(|o| by_attribute(&o)) {
        let message = "AllocationStrategy diversified cannot be used with InstanceRequirements";
        return Err(Ec2Error::new("InvalidParameterCombination", message));
    }
    match options.text("InstanceInterruptionBehavior").unwrap_or("terminate") {
        "terminate" => Ok(()),
        other => Err(Ec2Error::not_simulated(format!("InstanceInterruptionBehavior={other}"))),
    }
}

pub fn check_policy(policy: &str) -> Result<bool, Ec2Error> {
    match policy {
        "termination" => Ok(true),
        "no-termination" => Ok(false),
        other => {
            let message = format!("Value ({other}) for parameter ExcessCapacityTerminationPolicy is invalid.");
            Err(Ec2Error::invalid(message))
        }
    }
}

/// An instant of the query protocol, in milliseconds since 1970.
pub fn instant_ms(request: &Tree, name: &str) -> Result<Option<u64>, Ec2Error> {
    let parsed = request.parsed::<jiff::Timestamp>(name)?;
    Ok(parsed.map(|t| t.as_millisecond().max(0) as u64))
}
