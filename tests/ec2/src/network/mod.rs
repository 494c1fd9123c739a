//! The region: zones, one VPC, a subnet a zone, and an image an architecture. Subnets and images made elsewhere (by
//! another emulator's CloudFormation) can be adopted under their own ids.

mod actions;
mod routes;

pub use actions::{describe_availability_zones, describe_images, describe_subnets, describe_vpcs};
pub use routes::{describe_nat_gateways, describe_route_tables, describe_vpc_endpoints};

use crate::catalogue::Arch;
use crate::wire::Ec2Error;
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
    /// Its tables have a default route.
    pub internet: bool,
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
        Network { region: region.to_owned(), zones, subnets, images, internet: true }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_both_names() {
        assert_eq!(zone("us-east-1", 3), Zone { name: "us-east-1d".into(), id: "use1-az4".into() });
        assert_eq!(zone("ap-southeast-2", 0).id, "apse2-az1");
    }
}
