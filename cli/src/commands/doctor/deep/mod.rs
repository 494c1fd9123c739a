//! `doctor --deep`: what only the account itself can say. Each check fetches, and hands what it fetched to a judgement without
//! side effects; a check that may not be made is a finding of its own and never passes. Nothing is changed and no machine is
//! launched: launches are tried as dry runs.

mod buckets;
mod definitions;
mod images;
mod keys;
mod launch;
mod limits;
mod named;
mod permissions;
mod roles;
mod routes;
mod tables;

use super::deploy;
use super::finding::{Finding, problem, unasked};
use super::place::{given, template_output};
use crate::args::Global;
use crate::aws::World;
use roles::Roles;
use spotmill_core::fleet::Architecture;
use spotmill_core::model::Pipeline;
use spotmill_platform::aws::stacks::{Account, Identity, TemplateNow};
use std::collections::BTreeMap;

/// What the checks look at.
pub(super) struct Deep<'a> {
    pub(super) global: &'a Global,
    pub(super) world: &'a World,
    pub(super) identity: &'a Identity,
    pub(super) pipelines: &'a [&'a Pipeline],
}

impl Deep<'_> {
    fn account(&self) -> Account {
        self.world.aws.account()
    }

    /// A parameter of the stack, if it is set.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.world.now.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn parameters(&self, name: &str) -> Vec<String> {
        self.parameter(name).into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect()
    }

    fn output(&self, name: &str) -> String {
        self.world.now.outputs.get(name).cloned().unwrap_or_default()
    }

    fn deploy(&self) -> String {
        deploy(self.global)
    }

    /// A deploy that sets a parameter.
    fn given(&self, parameter: &str) -> String {
        given(&self.global.command("deploy"), parameter)
    }

    /// `aws`, or that of another kind of region.
    fn partition(&self) -> &str {
        self.identity.arn.split(':').nth(1).unwrap_or("aws")
    }
}

pub(super) async fn checks(of: &Deep<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let resources = match of.world.aws.stacks().resources(&of.world.stack).await {
        Ok(resources) => Some(resources),
        Err(e) => {
            // All that is about roles hangs on their names.
            found.push(unasked("permissions", e));
            None
        }
    };
    let roles = resources.as_ref().map(|resources| Roles::of(of, resources));
    if let Some(roles) = &roles {
        found.extend(permissions::check(of, roles).await);
    }
    let templates = templates(of, &mut found).await;
    found.extend(launch::check(of, &templates).await);
    found.extend(routes::check(of).await);
    found.extend(limits::check(of, &templates));
    found.extend(images::check(of, &templates).await);
    if let Some(roles) = &roles {
        found.extend(named::check(of, &roles.scene));
        found.extend(tables::check(of, &roles.scene));
        found.extend(buckets::check(of, roles).await);
        found.extend(keys::check(of, roles).await);
    }
    if let Some(resources) = &resources {
        found.extend(definitions::check(of, resources).await);
    }
    found
}

/// The launch templates as they stand, by architecture.
async fn templates(of: &Deep<'_>, found: &mut Vec<Finding>) -> BTreeMap<Architecture, TemplateNow> {
    let mut all = BTreeMap::new();
    for architecture in Architecture::ALL {
        let id = of.output(template_output(architecture));
        match of.account().template(&id).await {
            Ok(Some(now)) => drop(all.insert(architecture, now)),
            Ok(None) => {
                let text = format!("the launch template for {architecture} ({id}) is gone");
                found.push(problem("templates", text, of.deploy()));
            }
            Err(e) => found.push(unasked("templates", e)),
        }
    }
    all
}

/// A pipeline by its file's text.
#[cfg(test)]
fn parsed(toml: String) -> Pipeline {
    let sources =
        spotmill_spec::Sources { path: "pipeline.toml".to_owned(), toml, sql_files: std::collections::BTreeMap::new() };
    spotmill_spec::parse(&sources).unwrap_or_else(|problems| panic!("{problems:?}")).pipeline
}
