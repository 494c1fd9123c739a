//! CreateLaunchTemplateVersion, DescribeLaunchTemplateVersions, DeleteLaunchTemplateVersions.

use super::template::{Template, check_data};
use crate::ids::{OWNER, iso};
use crate::wire::{Answer, Ec2Error, Tree, Xml, echo, page};
use crate::world::{State, World};

/// Of one template.
const MOST_VERSIONS: usize = 10_000;

pub fn create_version(_: &World, state: &mut State, request: &Tree) -> Answer {
    if let Some(reply) = state.previous_reply("CreateLaunchTemplateVersion", request)? {
        return Ok(reply);
    }
    let parameters = ["Action", "Version", "ClientToken", "DryRun", "LaunchTemplateId", "LaunchTemplateName"];
    request.only(
        &[&parameters[..], &["SourceVersion", "VersionDescription", "LaunchTemplateData", "ResolveAlias"]].concat(),
    )?;
    let given = request.at("LaunchTemplateData").ok_or_else(|| Ec2Error::missing("LaunchTemplateData"))?;
    let at = state.template_at(request)?;
    let template = &mut state.templates[at];
    if template.versions.len() >= MOST_VERSIONS {
        let message = format!("{} has {MOST_VERSIONS} versions; delete some", template.id);
        return Err(Ec2Error::new("VersionLimitExceeded", message));
    }
    let data = merged(template, request.text("SourceVersion"), given)?;
    check_data(&data)?;
    let number = template.add(request.text("VersionDescription"), data);
    let answer = Xml::new().node("launchTemplateVersion", version_xml(template, number));
    state.remember("CreateLaunchTemplateVersion", request, &answer);
    Ok(answer)
}

/// The source's parameters, each replaced as a whole where the request gives it.
fn merged(template: &Template, source: Option<&str>, given: &Tree) -> Result<Tree, Ec2Error> {
    let mut data = match source {
        Some(source) => template.versions[&template.resolve(source)?].data.clone(),
        None => Tree::default(),
    };
    for (name, value) in given.members() {
        data.put(name, value.clone());
    }
    Ok(data)
}

fn version_xml(template: &Template, number: u64) -> Xml {
    let version = &template.versions[&number];
    Xml::new()
        .text("launchTemplateId", &template.id)
        .text("launchTemplateName", &template.name)
        .text("versionNumber", number)
        .maybe("versionDescription", version.description.as_ref())
        .text("createTime", iso(version.created_ms))
        .text("createdBy", format!("arn:aws:iam::{OWNER}:root"))
        .text("defaultVersion", number == template.default)
        .node("launchTemplateData", echo::echo(&version.data))
}

/// Newest first.
pub fn describe_versions(_: &World, state: &mut State, request: &Tree) -> Answer {
    let asked = request.texts("LaunchTemplateVersion");
    let named = request.text("LaunchTemplateId").or(request.text("LaunchTemplateName"));
    let mut found = Vec::new();
    if named.is_none() {
        // Without a template, EC2 takes only the aliases: the latest or default version of every template.
        if asked.is_empty() || asked.iter().any(|v| !v.starts_with('$')) {
            return Err(Ec2Error::missing("LaunchTemplateId"));
        }
        for template in &state.templates {
            add_versions(&mut found, template, request, &asked)?;
        }
    } else {
        add_versions(&mut found, &state.templates[state.template_at(request)?], request, &asked)?;
    }
    let (page, next) = page::page(request, found, 1..=200)?;
    Ok(Xml::new().list("launchTemplateVersionSet", page).next_token(next))
}

fn add_versions(found: &mut Vec<(u64, Xml)>, t: &Template, request: &Tree, asked: &[&str]) -> Result<(), Ec2Error> {
    let wanted: Vec<u64> = asked.iter().map(|v| t.resolve(v)).collect::<Result<_, _>>()?;
    let min = request.parsed::<u64>("MinVersion")?.unwrap_or(0);
    let max = request.parsed::<u64>("MaxVersion")?.unwrap_or(u64::MAX);
    for number in t.versions.keys().rev().filter(|n| wanted.is_empty() || wanted.contains(n)) {
        if (min..=max).contains(number) {
            found.push((t.number << 32 | (u64::from(u32::MAX) - number), version_xml(t, *number)));
        }
    }
    Ok(())
}

pub fn delete_versions(_: &World, state: &mut State, request: &Tree) -> Answer {
    let asked = request.texts("LaunchTemplateVersion");
    if asked.is_empty() || asked.len() > 200 {
        return Err(Ec2Error::invalid("1 to 200 versions can be deleted in a request"));
    }
    let at = state.template_at(request)?;
    let template = &mut state.templates[at];
    let (mut gone, mut kept) = (Vec::new(), Vec::new());
    for version in asked {
        let named = Xml::new().text("launchTemplateId", &template.id).text("launchTemplateName", &template.name);
        let number = version
            .parse::<u64>()
            .map_err(|_| Ec2Error::invalid(format!("Version {version}: versions to delete are given by number")))?;
        let named = named.text("versionNumber", number);
        let error = match template.versions.contains_key(&number) {
            false => Some(("launchTemplateVersionDoesNotExist", "The version does not exist.")),
            true if number == template.default => Some(("unexpectedError", "Cannot delete the default version.")),
            true => None,
        };
        match error {
            Some((code, message)) => {
                let error = Xml::new().text("code", code).text("message", message);
                kept.push(named.node("responseError", error));
            }
            None => {
                template.versions.remove(&number);
                gone.push(named);
            }
        }
    }
    Ok(Xml::new()
        .list("successfullyDeletedLaunchTemplateVersionSet", gone)
        .list("unsuccessfullyDeletedLaunchTemplateVersionSet", kept))
}
