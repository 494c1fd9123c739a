//! Spot pools: a type in a zone, from a template of the request.

use super::fleet::{Pool, Unit};
use super::overrides::{self, Override};
use crate::wire::{Ec2Error, Tree};
use crate::world::State;
use std::collections::BTreeSet;

/// Of a fleet of type maintain or request. EC2 documents the quota, not the error.
const MOST_POOLS: usize = 300;
/// `InstanceRequirements` in one request.
const MOST_REQUIREMENTS: usize = 4;
const MOST_CONFIGS: usize = 50;

pub fn of_request(state: &State, request: &Tree, unit: Unit) -> Result<Vec<Pool>, Ec2Error> {
    let configs = request.list("LaunchTemplateConfigs");
    if configs.is_empty() {
        return Err(Ec2Error::missing("LaunchTemplateConfigs"));
    }
    if configs.len() > MOST_CONFIGS {
        return Err(Ec2Error::invalid(format!("More than {MOST_CONFIGS} LaunchTemplateConfigs")));
    }
    check_selections(&configs, unit)?;
    let mut pools = Vec::new();
    for config in configs {
        pools.extend(of_config(state, config, unit)?);
    }
    check_pools(&pools)?;
    Ok(pools)
}

/// Types by name or by attributes, never both in one request.
fn check_selections(configs: &[&Tree], unit: Unit) -> Result<(), Ec2Error> {
    let all: Vec<&Tree> = configs.iter().flat_map(|c| c.list("Overrides")).collect();
    let by_attribute = all.iter().filter(|o| o.at("InstanceRequirements").is_some()).count();
    let combination = |message: &str| Err(Ec2Error::new("InvalidParameterCombination", message));
    if by_attribute > MOST_REQUIREMENTS {
        return Err(Ec2Error::invalid(format!(
            "Your request contains more than the maximum allowed number of InstanceRequirements ({MOST_REQUIREMENTS})"
        )));
    }
    if by_attribute > 0 && all.iter().any(|o| o.at("InstanceType").is_some()) {
        return combination("InstanceType and InstanceRequirements cannot be specified in the same request");
    }
    if by_attribute > 0 && all.iter().any(|o| o.at("WeightedCapacity").is_some() || o.at("Priority").is_some()) {
        return combination("WeightedCapacity and Priority cannot be used with InstanceRequirements");
    }
    if by_attribute == 0 && unit != Unit::Units {
        return combination("TargetCapacityUnitType can only be specified when InstanceRequirements is specified");
    }
    Ok(())
}

fn of_config(state: &State, config: &Tree, unit: Unit) -> Result<Vec<Pool>, Ec2Error> {
    config.only(&["LaunchTemplateSpecification", "Overrides"])?;
    let named = config.at("LaunchTemplateSpecification");
    let named = named.ok_or_else(|| Ec2Error::missing("LaunchTemplateSpecification"))?;
    named.only(&["LaunchTemplateId", "LaunchTemplateName", "Version"])?;
    let template = &state.templates[state.template_at(named)?];
    let version = template.resolve(named.need("Version")?)?;
    let data = &template.versions[&version].data;
    let empty = Tree::default();
    let mut asked = config.list("Overrides");
    if asked.is_empty() {
        asked.push(&empty);
    }
    let chosen: Vec<Override> = asked.into_iter().map(|o| overrides::read(state, data, o)).collect::<Result<_, _>>()?;
    overrides::check_overlap(&chosen)?;
    let template = (template.id.clone(), version);
    Ok(chosen.iter().flat_map(|o| of_override(o, &template, unit)).collect())
}

fn of_override(chosen: &Override, template: &(String, u64), unit: Unit) -> Vec<Pool> {
    let mut pools = Vec::new();
    for instance_type in &chosen.instance_types {
        let weight = match unit {
            Unit::Vcpu => instance_type.vcpus,
            Unit::MemoryMib => instance_type.memory_mib as u32,
            Unit::Units => chosen.weight,
        };
        pools.extend(chosen.subnets.iter().map(|(subnet, zone)| Pool {
            instance_type: instance_type.clone(),
            subnet: subnet.clone(),
            zone: *zone,
            image: chosen.image.clone(),
            template: template.clone(),
            weight,
            price: instance_type.spot(*zone) / f64::from(weight.max(1)),
            max_price: chosen.max_price,
        }));
    }
    pools
}

fn check_pools(pools: &[Pool]) -> Result<(), Ec2Error> {
    let mut seen = BTreeSet::new();
    if !pools.iter().all(|p| seen.insert((&p.instance_type.name, p.zone))) {
        let message = "The fleet configuration contains duplicate instance pools.";
        return Err(Ec2Error::new("InvalidFleetConfig", message));
    }
    if pools.len() > MOST_POOLS {
        let message = format!("The fleet configuration contains {} instance pools; at most {MOST_POOLS}", pools.len());
        return Err(Ec2Error::new("InvalidFleetConfig", message));
    }
    Ok(())
}
