//! What is kept of a template.

use crate::ids::now_ms;
use crate::tags::Tags;
use crate::wire::{Ec2Error, Tree};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// User data, before base64.
const USER_DATA_BYTES: usize = 16 * 1024;

#[derive(Clone, Debug)]
pub struct Template {
    pub number: u64,
    pub id: String,
    pub name: String,
    pub created_ms: u64,
    pub default: u64,
    /// Numbers given so far; that of a deleted version is never given again.
    pub counted: u64,
    pub versions: BTreeMap<u64, Version>,
}

#[derive(Clone, Debug)]
pub struct Version {
    pub description: Option<String>,
    pub created_ms: u64,
    pub data: Tree,
}

impl Template {
    /// `7`, `$Latest` or `$Default`, if there is such a version.
    pub fn resolve(&self, version: &str) -> Result<u64, Ec2Error> {
        let number = match version {
            "$Latest" => Some(self.latest()),
            "$Default" => Some(self.default),
            number => number.parse().ok().filter(|n| self.versions.contains_key(n)),
        };
        number.ok_or_else(|| {
            let message = format!("Could not find launch template version {version} of {}", self.id);
            Ec2Error::new("InvalidLaunchTemplateId.VersionNotFound", message)
        })
    }

    /// The highest number that stands; the default version always does.
    pub fn latest(&self) -> u64 {
        self.versions.keys().next_back().copied().unwrap_or(self.default)
    }

    pub(super) fn add(&mut self, description: Option<&str>, data: Tree) -> u64 {
        self.counted += 1;
        let description = description.map(str::to_owned);
        self.versions.insert(self.counted, Version { description, created_ms: now_ms(), data });
        self.counted
    }
}

/// Refuses data that EC2 would refuse.
pub(super) fn check_data(data: &Tree) -> Result<(), Ec2Error> {
    user_data(data)?;
    for specification in data.list("TagSpecification") {
        let resource_type = specification.need("ResourceType")?;
        let taggable = ["instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"];
        if !taggable.contains(&resource_type) {
            let message = format!("'{resource_type}' is not a valid taggable resource type for this operation.");
            return Err(Ec2Error::invalid(message));
        }
        Tags::parse(specification)?;
    }
    Ok(())
}

/// The user data of a version, decoded.
pub fn user_data(data: &Tree) -> Result<Option<Vec<u8>>, Ec2Error> {
    let Some(encoded) = data.text("UserData").filter(|t| !t.is_empty()) else { return Ok(None) };
    let malformed = |_| Ec2Error::new("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
    let decoded = STANDARD.decode(encoded.trim()).map_err(malformed)?;
    if decoded.len() > USER_DATA_BYTES {
        return Err(Ec2Error::invalid(format!("User data is limited to {USER_DATA_BYTES} bytes")));
    }
    Ok(Some(decoded))
}
