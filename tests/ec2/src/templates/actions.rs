//! CreateLaunchTemplate, DescribeLaunchTemplates, ModifyLaunchTemplate, DeleteLaunchTemplate.

use super::{Template, check_data};
use crate::tags::{Tags, matches};
use crate::wire::{Answer, Ec2Error, Tree, Xml, page};
use crate::world::{State, World, fresh_id, now_ms};
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
    let answer = Xml::new().node("launchTemplate", state.templates[at].xml(state));
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
            found.push((template.number, template.xml(state)));
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
    Ok(Xml::new().node("launchTemplate", state.templates[at].xml(state)))
}

pub fn delete(_: &World, state: &mut State, request: &Tree) -> Answer {
    let at = state.template_at(request)?;
    let xml = state.templates[at].xml(state);
    let gone = state.templates.remove(at);
    state.tags.remove(&gone.id);
    Ok(Xml::new().node("launchTemplate", xml))
}
