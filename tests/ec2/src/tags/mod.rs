//! Tags and filters, the same for everything that has an id.

mod actions;

pub use actions::{create_tags, delete_tags, describe_tags};

use crate::requirements::fits;
use crate::wire::{Ec2Error, Tree};
use std::collections::BTreeMap;

/// A resource may have 50 tags.
const MOST: usize = 50;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags(pub BTreeMap<String, String>);

impl Tags {
    /// Values of the filters `tag:KEY`, `tag-key`; `None` for any other filter.
    pub fn filter_values(&self, filter: &str) -> Option<Vec<String>> {
        match filter.strip_prefix("tag:") {
            Some(key) => Some(self.0.get(key).cloned().into_iter().collect()),
            None if filter == "tag-key" => Some(self.0.keys().cloned().collect()),
            None => None,
        }
    }

    /// `Tag.N.Key`, `Tag.N.Value` under `tree`.
    pub fn parse(tree: &Tree) -> Result<Tags, Ec2Error> {
        let mut tags = BTreeMap::new();
        for tag in tree.list("Tag") {
            let key = tag.need("Key")?;
            if key.starts_with("aws:") {
                let message = "Tag keys starting with 'aws:' are reserved for internal use";
                return Err(Ec2Error::invalid(message));
            }
            if key.chars().count() > 127 || tag.text("Value").unwrap_or("").chars().count() > 255 {
                return Err(Ec2Error::invalid(format!("Tag '{key}' exceeds the maximum length.")));
            }
            tags.insert(key.to_owned(), tag.text("Value").unwrap_or("").to_owned());
        }
        if tags.len() > MOST {
            let message = format!("The maximum number of Tags for a resource has been reached: {MOST}");
            return Err(Ec2Error::new("TagLimitExceeded", message));
        }
        Ok(Tags(tags))
    }

    /// The tags of the `TagSpecification` for `resource_type`.
    pub fn specified(request: &Tree, resource_type: &str) -> Result<Tags, Ec2Error> {
        let mut all = Tags::default();
        for specification in request.list("TagSpecification") {
            if specification.need("ResourceType")? == resource_type {
                all.0.extend(Tags::parse(specification)?.0);
            }
        }
        Ok(all)
    }

    /// Refuses a `TagSpecification` for anything but `resource_type`.
    pub fn only_for(request: &Tree, resource_type: &str) -> Result<Tags, Ec2Error> {
        for specification in request.list("TagSpecification") {
            let asked = specification.need("ResourceType")?;
            if asked != resource_type {
                let message = format!("'{asked}' is not a valid taggable resource type for this operation.");
                return Err(Ec2Error::invalid(message));
            }
        }
        Tags::specified(request, resource_type)
    }
}

impl<'a> IntoIterator for &'a Tags {
    type Item = (&'a String, &'a String);
    type IntoIter = std::collections::btree_map::Iter<'a, String, String>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Whether a thing passes every filter of the request: one of a filter's values (wildcards allowed) must fit one of the
/// thing's. `values` gives what the thing has for a filter; `None`: there is no such filter.
pub fn matches(request: &Tree, values: impl Fn(&str) -> Option<Vec<String>>) -> Result<bool, Ec2Error> {
    for filter in request.list("Filter") {
        let name = filter.need("Name")?;
        let Some(own) = values(name) else {
            return Err(Ec2Error::invalid(format!("The filter '{name}' is invalid")));
        };
        let wanted = filter.texts("Value");
        if !own.iter().any(|own| wanted.iter().any(|pattern| fits(pattern, own))) {
            return Ok(false);
        }
    }
    Ok(true)
}
