//! DescribeSpotPriceHistory, GetInstanceTypesFromInstanceRequirements, DescribeInstanceTypes: the catalogue, asked.

use crate::catalogue::{Arch, InstanceType, find, types};
use crate::ids::{iso, now_ms};
use crate::requirements::matching;
use crate::tags::matches;
use crate::wire::{Answer, Ec2Error, Tree, Xml, page};
use crate::world::{State, World};

const PRODUCT: &str = "Linux/UNIX";

/// Prices never move: one price a type and zone, as of now.
pub fn spot_history(_: &World, state: &mut State, request: &Tree) -> Answer {
    let (asked, products) = (request.texts("InstanceType"), request.texts("ProductDescription"));
    if let Some(unknown) = asked.iter().find(|name| find(name).is_none()) {
        return Err(Ec2Error::invalid(format!("Invalid value '{unknown}' for InstanceType.")));
    }
    let product = products.is_empty() || products.iter().any(|p| p.starts_with(PRODUCT));
    let zone_asked = request.text("AvailabilityZone").or(request.text("AvailabilityZoneId"));
    let now = iso(now_ms());
    let mut found = Vec::new();
    for instance_type in types().iter().filter(|t| product && (asked.is_empty() || asked.contains(&t.name.as_str()))) {
        for (at, zone) in state.network.zones.iter().enumerate() {
            let holds = matches(request, |filter| match filter {
                "availability-zone" => Some(vec![zone.name.clone()]),
                "availability-zone-id" => Some(vec![zone.id.clone()]),
                "instance-type" => Some(vec![instance_type.name.clone()]),
                "product-description" => Some(vec![PRODUCT.to_owned()]),
                _ => None,
            })?;
            if holds && zone_asked.is_none_or(|asked| asked == zone.name || asked == zone.id) {
                let xml = Xml::new()
                    .text("availabilityZone", &zone.name)
                    .text("availabilityZoneId", &zone.id)
                    .text("instanceType", &instance_type.name)
                    .text("productDescription", PRODUCT)
                    .text("spotPrice", format!("{:.6}", instance_type.spot(at)))
                    .text("timestamp", &now);
                found.push((found.len() as u64, xml));
            }
        }
    }
    let (page, next) = page::page(request, found, 1..=1_000)?;
    Ok(Xml::new().list("spotPriceHistorySet", page).next_token(next))
}

/// All architectures' types in one list; virtualization must include hvm.
pub fn from_requirements(_: &World, _: &mut State, request: &Tree) -> Answer {
    let asked = request.at("InstanceRequirements").ok_or_else(|| Ec2Error::missing("InstanceRequirements"))?;
    let archs = request.texts("ArchitectureType");
    if archs.is_empty() || request.texts("VirtualizationType").is_empty() {
        return Err(Ec2Error::missing(if archs.is_empty() { "ArchitectureType" } else { "VirtualizationType" }));
    }
    let mut found = Vec::new();
    for arch in [Arch::X86_64, Arch::Arm64] {
        if archs.contains(&arch.name()) && request.texts("VirtualizationType").contains(&"hvm") {
            found.extend(matching(asked, arch)?);
        }
    }
    let numbered = found.iter().enumerate().map(|(at, t)| (at as u64, Xml::new().text("instanceType", &t.name)));
    let (page, next) = page::page(request, numbered.collect(), 1..=1_000)?;
    Ok(Xml::new().list("instanceTypeSet", page).next_token(next))
}

pub fn describe_types(_: &World, _: &mut State, request: &Tree) -> Answer {
    let asked = request.texts("InstanceType");
    if let Some(unknown) = asked.iter().find(|name| find(name).is_none()) {
        let message = format!("The following supplied instance types do not exist: [{unknown}]");
        return Err(Ec2Error::new("InvalidInstanceType", message));
    }
    let mut found = Vec::new();
    for instance_type in types().iter().filter(|t| asked.is_empty() || asked.contains(&t.name.as_str())) {
        let holds = matches(request, |filter| match filter {
            "instance-type" => Some(vec![instance_type.name.clone()]),
            "processor-info.supported-architecture" => Some(vec![instance_type.arch.name().to_owned()]),
            _ => None,
        })?;
        if holds {
            found.push((found.len() as u64, type_xml(instance_type)));
        }
    }
    let (page, next) = page::page(request, found, 1..=100)?;
    Ok(Xml::new().list("instanceTypeSet", page).next_token(next))
}

fn type_xml(instance_type: &InstanceType) -> Xml {
    let one = |text: &str| Xml::new().text("item", text);
    Xml::new()
        .text("instanceType", &instance_type.name)
        .text("currentGeneration", true)
        .node("supportedUsageClasses", one("spot"))
        .text("bareMetal", false)
        .node("processorInfo", Xml::new().node("supportedArchitectures", one(instance_type.arch.name())))
        .node("vCpuInfo", Xml::new().text("defaultVCpus", instance_type.vcpus))
        .node("memoryInfo", Xml::new().text("sizeInMiB", instance_type.memory_mib))
        .text("instanceStorageSupported", instance_type.local_storage_gb > 0)
        .text("burstablePerformanceSupported", instance_type.burstable)
}
