//! DescribeSubnets, DescribeAvailabilityZones, DescribeVpcs, DescribeImages.

use super::{Subnet, VPC, Zone};
use crate::ids::OWNER;
use crate::tags::matches;
use crate::wire::{Answer, Ec2Error, Tree, Xml};
use crate::world::{State, World};

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
        let holds = matches(request, |name| match name {
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
