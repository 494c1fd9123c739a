//! CreateLaunchTemplate, DescribeLaunchTemplates, ModifyLaunchTemplate, DeleteLaunchTemplate.

use super::template::{Template, check_data};
use crate::ids::{OWNER, fresh_id, iso, now_ms};
use crate::tags::{Tags, matches};
use crate::wire::{Answer, Ec2Error, Tree, Xml, page};
use crate::world::{State, World};
use std::collections::BTreeMap;

pub fn create(_: &World, state: &mut State, request: &Tree) -> Answer {
    if let Some(reply) = state.previous_reply("CreateLaunchTemplate", request)? {
        return Ok(reply);
    }
    let parameters = ["Action", "Version", "ClientToken", "DryRun", "LaunchTemplateName", "VersionDescription"];
    request.only(&[&parameters[..], &["LaunchTemplateData", "TagSpecification"]].concat())?;
    let name = request.need("LaunchTemplateName")?;
    if !(3..=128).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || "(.-/_)".contains(c)) {
        let message = format!("Launch template name '{name}' must be 3-128 characters of a-z, A-Z, 0-9 and ().-/_");
        return Err(Ec2Error::new("InvalidLaunchTemplateName.MalformedException", message));
    }
    let tags = Tags::only_for(request, "launch-template")?;
    let data = request.at("LaunchTemplateData").ok_or_else(|| Ec2Error::missing("LaunchTemplateData"))?;
    let at = state.add_template(fresh_id("lt"), name, request.text("VersionDescription"), data.clone(), tags)?;
    let answer = Xml::new().node("launchTemplate", xml(&state.templates[at], state));
    state.remember("CreateLaunchTemplate", request, &answer);
    Ok(answer)
}

impl State {
    pub fn add_template(
        &mut self,
        id: String,
        name: &str,
        description: Option<&str>,
        data: Tree,
        tags: Tags,
    ) -> Result<usize, Ec2Error> {
        if self.templates.iter().any(|t| t.name == name || t.id == id) {
            let message = format!("Launch template name '{name}' already in use.");
            return Err(Ec2Error::new("InvalidLaunchTemplateName.AlreadyExistsException", message));
        }
        check_data(&data)?;
        let number = self.next_number();
        let mut template = Template {
            number,
            id: id.clone(),
            name: name.to_owned(),
            created_ms: now_ms(),
            default: 1,
            counted: 0,
            versions: BTreeMap::new(),
        };
        template.add(description, data);
        self.templates.push(template);
        self.tags.insert(id, tags);
        Ok(self.templates.len() - 1)
    }
}

pub fn describe(_: &World, state: &mut State, request: &Tree) -> Answer {
    for (list, one) in [("LaunchTemplateId", "LaunchTemplateId"), ("LaunchTemplateName", "LaunchTemplateName")] {
        for asked in request.texts(list) {
            let mut question = Tree::default();
            question.put(one, Tree::leaf(asked));
            state.template_at(&question)?;
        }
    }
    let (ids, names) = (request.texts("LaunchTemplateId"), request.texts("LaunchTemplateName"));
    let mut found = Vec::new();
    for template in &state.templates {
        let named = ids.contains(&template.id.as_str()) || names.contains(&template.name.as_str());
        let tags = state.tags_of(&template.id);
        let holds = matches(request, |filter| match filter {
            "launch-template-name" => Some(vec![template.name.clone()]),
            other => tags.filter_values(other),
        })?;
        if holds && (named || ids.is_empty() && names.is_empty()) {
            found.push((template.number, xml(template, state)));
        }
    }
    let (page, next) = page::page(request, found, 1..=200)?;
    Ok(Xml::new().list("launchTemplates", page).next_token(next))
}

pub fn modify(_: &World, state: &mut State, request: &Tree) -> Answer {
    let at = state.template_at(request)?;
    if let Some(version) = request.text("SetDefaultVersion") {
        let number = state.templates[at].resolve(version)?;
        state.templates[at].default = number;
    }
    Ok(Xml::new().node("launchTemplate", xml(&state.templates[at], state)))
}

pub fn delete(_: &World, state: &mut State, request: &Tree) -> Answer {
    let at = state.template_at(request)?;
    let xml = xml(&state.templates[at], state);
    let gone = state.templates.remove(at);
    state.tags.remove(&gone.id);
    Ok(Xml::new().node("launchTemplate", xml))
}

fn xml(template: &Template, state: &State) -> Xml {
    Xml::new()
        .text("launchTemplateId", &template.id)
        .text("launchTemplateName", &template.name)
        .text("createTime", iso(template.created_ms))
        .text("createdBy", format!("arn:aws:iam::{}:root", OWNER))
        .text("defaultVersionNumber", template.default)
        .text("latestVersionNumber", template.latest())
        .tags(&state.tags_of(&template.id))
}

impl State {
    /// The template a request names by id or by name.
    pub fn template_at(&self, request: &Tree) -> Result<usize, Ec2Error> {
        match (request.text("LaunchTemplateId"), request.text("LaunchTemplateName")) {
            (Some(_), Some(_)) => {
                let message = "The parameter 'launchTemplateName' cannot be used with the parameter 'launchTemplateId'";
                Err(Ec2Error::new("InvalidParameterCombination", message))
            }
            (Some(id), None) => self.templates.iter().position(|t| t.id == id).ok_or_else(|| {
                let message = format!("The specified launch template, with template ID {id}, does not exist.");
                Ec2Error::new("InvalidLaunchTemplateId.NotFound", message)
            }),
            (None, Some(name)) => self.templates.iter().position(|t| t.name == name).ok_or_else(|| {
                let message = format!("The specified launch template, with template name {name}, does not exist.");
                Ec2Error::new("InvalidLaunchTemplateName.NotFoundException", message)
            }),
            (None, None) => Err(Ec2Error::missing("LaunchTemplateId")),
        }
    }
}
