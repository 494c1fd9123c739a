//! One override of a launch template: which image, which types, which subnets.

use crate::catalogue::{self, InstanceType};
use crate::requirements;
use crate::wire::{Ec2Error, Tree};
use crate::world::State;

pub struct Override {
    pub image: String,
    pub instance_types: Vec<InstanceType>,
    by_attribute: bool,
    /// Subnets and their zones.
    pub subnets: Vec<(String, usize)>,
    pub weight: u32,
    /// Dollars an hour of one unit of capacity.
    pub max_price: Option<f64>,
}

const MEMBERS: [&str; 8] = [
    "InstanceType",
    "MaxPrice",
    "SubnetId",
    "AvailabilityZone",
    "WeightedCapacity",
    "Priority",
    "InstanceRequirements",
    "ImageId",
];

/// `data`: the launch template's, which the override goes before.
pub fn read(state: &State, data: &Tree, asked: &Tree) -> Result<Override, Ec2Error> {
    if let Some((name, _)) = asked.members().find(|(name, _)| !MEMBERS.contains(name)) {
        return Err(Ec2Error::not_simulated(format!("LaunchTemplateConfigs.Overrides.{name}")));
    }
    let image = image(state, asked.text("ImageId").or(data.text("ImageId")))?;
    let arch = state.network.images[&image];
    let by_name = asked.text("InstanceType").or(data.text("InstanceType"));
    let attributes = asked.at("InstanceRequirements").or(data.at("InstanceRequirements"));
    let instance_types = match (attributes, by_name) {
        (Some(attributes), _) => requirements::matching(attributes, arch)?,
        (None, Some(name)) => {
            let unknown = || Ec2Error::invalid(format!("Invalid value '{name}' for InstanceType."));
            let instance_type = catalogue::find(name).ok_or_else(unknown)?;
            // EC2 finds a type that does not fit the image only when it launches.
            Some(instance_type).filter(|t| t.arch == arch).into_iter().collect()
        }
        (None, None) => return Err(Ec2Error::missing("InstanceType")),
    };
    let weight = asked.parsed::<f64>("WeightedCapacity")?.unwrap_or(1.0);
    let subnets = subnets(state, asked)?;
    Ok(Override {
        image,
        instance_types,
        by_attribute: attributes.is_some(),
        subnets,
        weight: weight.max(1.0) as u32,
        max_price: asked.parsed("MaxPrice")?,
    })
}

/// A maintain fleet takes a literal image only.
fn image(state: &State, asked: Option<&str>) -> Result<String, Ec2Error> {
    let id = asked.filter(|id| !id.is_empty()).ok_or_else(|| Ec2Error::missing("ImageId"))?;
    if id.starts_with("resolve:ssm:") {
        let message = "A Systems Manager parameter as ImageId is supported for fleets of type instant only";
        return Err(Ec2Error::invalid(message));
    }
    if !id.starts_with("ami-") {
        return Err(Ec2Error::new("InvalidAMIID.Malformed", format!("Invalid id: \"{id}\" (expecting \"ami-...\")")));
    }
    if !state.network.images.contains_key(id) {
        return Err(Ec2Error::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist")));
    }
    Ok(id.to_owned())
}

/// Comma-separated ids; without any, the default subnet of the zone asked for, or of every zone.
fn subnets(state: &State, asked: &Tree) -> Result<Vec<(String, usize)>, Ec2Error> {
    let network = &state.network;
    if let Some(ids) = asked.text("SubnetId").filter(|t| !t.is_empty()) {
        let found = ids.split(',').map(|id| network.subnet(id.trim()).map(|s| (s.id.clone(), s.zone)));
        return found.collect();
    }
    let zones: Vec<usize> = match asked.text("AvailabilityZone").filter(|t| !t.is_empty()) {
        Some(names) => {
            let unknown = |name: &str| Ec2Error::invalid(format!("Invalid availability zone: [{name}]"));
            let index = |name: &str| network.zone_index(name.trim()).ok_or_else(|| unknown(name));
            names.split(',').map(index).collect::<Result<_, _>>()?
        }
        None => (0..network.zones.len()).collect(),
    };
    let defaults = network.subnets.iter().filter(|s| s.default && zones.contains(&s.zone));
    Ok(defaults.map(|s| (s.id.clone(), s.zone)).collect())
}

/// Two sets of attributes in one template must not match the same type. (EC2's own test of overlap is not published.)
pub fn check_overlap(chosen: &[Override]) -> Result<(), Ec2Error> {
    let sets: Vec<&Override> = chosen.iter().filter(|o| o.by_attribute).collect();
    let overlap = |a: &Override, b: &Override| a.instance_types.iter().any(|t| b.instance_types.contains(t));
    for (at, one) in sets.iter().enumerate() {
        if sets[at + 1..].iter().any(|other| overlap(one, other)) {
            return Err(Ec2Error::invalid(
                "Two or more of your InstanceRequirements structures include overlapping values. Ensure that there is \
                 no overlap, and try again.",
            ));
        }
    }
    Ok(())
}
