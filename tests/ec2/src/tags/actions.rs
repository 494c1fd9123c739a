//! CreateTags, DeleteTags, DescribeTags.

use super::{Tags, matches};
use crate::wire::{Answer, Ec2Error, Tree, Xml, page};
use crate::world::{State, World};

pub fn create_tags(_: &World, state: &mut State, request: &Tree) -> Answer {
    let tags = Tags::parse(request)?;
    let resources = request.texts("ResourceId");
    if resources.is_empty() || tags.0.is_empty() {
        return Err(Ec2Error::missing(if resources.is_empty() { "ResourceId" } else { "Tag" }));
    }
    for id in &resources {
        state.resource_type(id)?;
    }
    for id in resources {
        state.tags.entry(id.to_owned()).or_default().0.extend(tags.0.clone());
    }
    Ok(Xml::new().text("return", true))
}

pub fn delete_tags(_: &World, state: &mut State, request: &Tree) -> Answer {
    for id in request.texts("ResourceId") {
        let Some(tags) = state.tags.get_mut(id) else { continue };
        for tag in request.list("Tag") {
            let (key, value) = (tag.need("Key")?, tag.text("Value"));
            if value.is_none_or(|value| tags.0.get(key).is_some_and(|has| has == value)) {
                tags.0.remove(key);
            }
        }
    }
    Ok(Xml::new().text("return", true))
}

pub fn describe_tags(_: &World, state: &mut State, request: &Tree) -> Answer {
    let mut found = Vec::new();
    for (id, tags) in &state.tags {
        let Ok(resource_type) = state.resource_type(id) else { continue };
        for (key, value) in tags {
            let holds = matches(request, |name| match name {
                "key" => Some(vec![key.clone()]),
                "value" => Some(vec![value.clone()]),
                "resource-id" => Some(vec![id.clone()]),
                "resource-type" => Some(vec![resource_type.to_owned()]),
                other => other.strip_prefix("tag:").map(|k| if k == key { vec![value.clone()] } else { vec![] }),
            })?;
            if holds {
                let named = Xml::new().text("resourceId", id).text("resourceType", resource_type);
                found.push((found.len() as u64, named.text("key", key).text("value", value)));
            }
        }
    }
    let (page, next) = page::page(request, found, 5..=1_000)?;
    Ok(Xml::new().list("tagSet", page).next_token(next))
}
