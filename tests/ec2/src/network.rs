//! The region: zones, one VPC, a subnet a zone, and an image an architecture. Subnets and images made elsewhere (by
//! another emulator's CloudFormation) can be adopted under their own ids.

use crate::catalogue::Arch;
use crate::wire::{Answer, Ec2Error, Tree, Xml};
use crate::world::{OWNER, State, World};
use std::collections::BTreeMap;

pub const VPC: &str = "vpc-00000000000000001";

#[derive(Clone, Debug, PartialEq)]
pub struct Subnet {
    pub id: String,
    pub vpc: String,
    /// Index into the zones.
    pub zone: usize,
    pub default: bool,
}

#[derive(Clone, Debug)]
pub struct Network {
    pub region: String,
    pub zones: Vec<Zone>,
    pub subnets: Vec<Subnet>,
    pub images: BTreeMap<String, Arch>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// `us-east-1a`
    pub name: String,
    /// `use1-az1`, the same name in every account.
    pub id: String,
}

impl Network {
    pub fn new(region: &str, zones: usize) -> Network {
        let zones: Vec<Zone> = (0..zones.clamp(1, 6)).map(|at| zone(region, at)).collect();
        let subnet = |zone: usize| Subnet {
            id: format!("subnet-{:017x}", zone + 0xa),
            vpc: VPC.to_owned(),
            zone,
            default: true,
        };
        let subnets = (0..zones.len()).map(subnet).collect();
        let images = [("ami-00000000000086064", Arch::X86_64), ("ami-000000000000a6064", Arch::Arm64)];
        let images = images.map(|(id, arch)| (id.to_owned(), arch)).into();
        Network { region: region.to_owned(), zones, subnets, images }
    }

    pub fn subnet(&self, id: &str) -> Result<&Subnet, Ec2Error> {
        let missing = || Ec2Error::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"));
        self.subnets.iter().find(|s| s.id == id).ok_or_else(missing)
    }

    pub fn zone_index(&self, name: &str) -> Option<usize> {
        self.zones.iter().position(|z| z.name == name || z.id == name)
    }
}

fn zone(region: &str, at: usize) -> Zone {
    let letter = (b'a' + at as u8) as char;
    Zone { name: format!("{region}{letter}"), id: format!("{}-az{}", short(region), at + 1) }
}

/// `us-east-1` is `use1`, `ap-southeast-2` is `apse2`.
fn short(region: &str) -> String {
    let mut parts: Vec<String> = region.split('-').map(str::to_owned).collect();
    if let [_, compass @ .., _] = parts.as_mut_slice() {
        for word in compass {
            *word = word.replace("north", "n").replace("south", "s").replace("east", "e").replace("west", "w");
            *word = word.replace("central", "c");
        }
    }
    parts.concat()
}

pub fn describe_subnets(world: &World, state: &mut State, request: &Tree) -> Answer {
    let asked = request.texts("SubnetId");
    for id in &asked {
        state.network.subnet(id)?;
    }
    let chosen = state.network.subnets.iter().filter(|s| asked.is_empty() || asked.contains(&s.id.as_str()));
    let mut subnets = Vec::new();
    for subnet in chosen {
        let zone = &state.network.zones[subnet.zone];
        let tags = state.tags_of(&subnet.id);
        let holds = crate::tags::matches(request, |name| match name {
            "subnet-id" => Some(vec![subnet.id.clone()]),
            "vpc-id" => Some(vec![subnet.vpc.clone()]),
            "availability-zone" => Some(vec![zone.name.clone()]),
            "availability-zone-id" => Some(vec![zone.id.clone()]),
            "default-for-az" => Some(vec![subnet.default.to_string()]),
            "state" => Some(vec!["available".to_owned()]),
            other => tags.filter_values(other),
        })?;
        if holds {
            subnets.push(subnet_xml(subnet, zone).tags(&tags));
        }
    }
    let _ = world;
    Ok(Xml::new().list("subnetSet", subnets))
}

fn subnet_xml(subnet: &Subnet, zone: &Zone) -> Xml {
    Xml::new()
        .text("subnetId", &subnet.id)
        .text("state", "available")
        .text("vpcId", &subnet.vpc)
        .text("cidrBlock", format!("10.0.{}.0/24", subnet.zone))
        .text("availableIpAddressCount", 250)
        .text("availabilityZone", &zone.name)
        .text("availabilityZoneId", &zone.id)
        .text("defaultForAz", subnet.default)
        .text("mapPublicIpOnLaunch", true)
        .text("ownerId", OWNER)
}

pub fn describe_availability_zones(_: &World, state: &mut State, _: &Tree) -> Answer {
    let region = state.network.region.clone();
    let zones = state.network.zones.iter().map(|zone| {
        Xml::new()
            .text("zoneName", &zone.name)
            .text("zoneId", &zone.id)
            .text("zoneState", "available")
            .text("regionName", &region)
            .text("zoneType", "availability-zone")
            .text("optInStatus", "opt-in-not-required")
    });
    Ok(Xml::new().list("availabilityZoneInfo", zones))
}

pub fn describe_vpcs(_: &World, state: &mut State, request: &Tree) -> Answer {
    let asked = request.texts("VpcId");
    let existing: std::collections::BTreeSet<&str> = state.network.subnets.iter().map(|s| s.vpc.as_str()).collect();
    if let Some(id) = asked.iter().find(|id| !existing.contains(*id)) {
        return Err(Ec2Error::new("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist")));
    }
    let chosen = existing.into_iter().filter(|id| asked.is_empty() || asked.contains(id));
    let vpcs = chosen.map(|id| {
        Xml::new()
            .text("vpcId", id)
            .text("state", "available")
            .text("cidrBlock", "10.0.0.0/16")
            .text("isDefault", id == VPC)
            .text("ownerId", OWNER)
    });
    Ok(Xml::new().list("vpcSet", vpcs))
}

pub fn describe_images(_: &World, state: &mut State, request: &Tree) -> Answer {
    let asked = request.texts("ImageId");
    if let Some(id) = asked.iter().find(|id| !state.network.images.contains_key(**id)) {
        return Err(Ec2Error::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist")));
    }
    let chosen = state.network.images.iter().filter(|(id, _)| asked.is_empty() || asked.contains(&id.as_str()));
    let images = chosen.map(|(id, arch)| {
        Xml::new()
            .text("imageId", id)
            .text("imageState", "available")
            .text("architecture", arch.name())
            .text("imageOwnerId", "amazon")
            .text("isPublic", true)
            .text("name", format!("local-{}", arch.name()))
            .text("rootDeviceName", "/dev/xvda")
            .text("virtualizationType", "hvm")
    });
    Ok(Xml::new().list("imagesSet", images))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_both_names() {
        assert_eq!(zone("us-east-1", 3), Zone { name: "us-east-1d".into(), id: "use1-az4".into() });
        assert_eq!(zone("ap-southeast-2", 0).id, "apse2-az1");
    }
}
