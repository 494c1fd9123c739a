//! Takes over what another emulator's CloudFormation made, under the same ids, so that a stack can be deployed there and
//! its fleets launched here.

use crate::catalogue::Arch;
use crate::network::Subnet;
use crate::tags::Tags;
use crate::wire::{Ec2Error, Tree};
use crate::world::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adopt {
    pub templates: Vec<AdoptTemplate>,
    pub subnets: Vec<AdoptSubnet>,
    /// Image ids and their architectures.
    pub images: BTreeMap<String, Arch>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptTemplate {
    pub id: String,
    pub name: String,
    /// LaunchTemplateData in the API's names, as in CloudFormation; becomes version 1.
    pub data: serde_json::Value,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptSubnet {
    pub id: String,
    /// Absent: that of the default VPC.
    #[serde(default)]
    pub vpc: Option<String>,
    /// Name or id of one of this region's zones.
    pub zone: String,
}

impl State {
    /// Adopting again replaces what was adopted under the same id.
    pub fn adopt(&mut self, adopt: Adopt) -> Result<(), Ec2Error> {
        for subnet in adopt.subnets {
            let unknown = || {
                let names: Vec<&str> = self.network.zones.iter().map(|z| z.name.as_str()).collect();
                Ec2Error::invalid(format!(
                    "subnet {}: no zone {}; there are {}",
                    subnet.id,
                    subnet.zone,
                    names.join(", ")
                ))
            };
            let zone = self.network.zone_index(&subnet.zone).ok_or_else(unknown)?;
            self.network.subnets.retain(|s| s.id != subnet.id);
            let vpc = subnet.vpc.unwrap_or_else(|| crate::network::VPC.to_owned());
            self.network.subnets.push(Subnet { id: subnet.id, vpc, zone, default: false });
        }
        self.network.images.extend(adopt.images);
        for template in adopt.templates {
            self.templates.retain(|t| t.id != template.id);
            let data = Tree::from_json(&template.data);
            self.add_template(template.id, &template.name, Some("adopted"), data, Tags(template.tags))?;
        }
        Ok(())
    }
}
