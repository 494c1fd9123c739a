//! The stack's roles as they stand, and what each of them calls: the table of this release, filled with this stack's own names.
//! It is made once, for every check that asks whether roles get what they call for.

use super::super::place::template_output;
use super::Deep;
use crate::aws::calls::{Calls, Scene};
use spotmill_core::fleet::Architecture;
use spotmill_platform::aws::stacks::Trial;
use std::collections::BTreeMap;

pub(super) struct Roles {
    pub(super) scene: Scene,
    pub(super) all: Vec<RoleNow>,
    /// Those that the stack does not have, by their names in the template.
    pub(super) absent: Vec<String>,
}

pub(super) struct RoleNow {
    /// In the template.
    pub(super) name: String,
    pub(super) callers: Vec<String>,
    pub(super) arn: String,
    pub(super) trials: Vec<Trial>,
}

impl Roles {
    /// `resources`: the stack's, physical names by names in the template.
    pub(super) fn of(of: &Deep<'_>, resources: &BTreeMap<String, String>) -> Self {
        let mut made = Self { scene: scene(of, resources), all: Vec::new(), absent: Vec::new() };
        let calls = Calls::of_release();
        for (name, role) in calls.roles() {
            let Some(physical) = resources.get(name) else {
                made.absent.push(name.to_owned());
                continue;
            };
            made.all.push(RoleNow {
                name: name.to_owned(),
                callers: role.callers.clone(),
                arn: role_arn(of, physical),
                trials: calls.trials(role, &made.scene),
            });
        }
        made
    }
}

fn scene(of: &Deep<'_>, resources: &BTreeMap<String, String>) -> Scene {
    let start = of.world.start.clone();
    // Where versions are published, a definition names one.
    let versioned = if start == of.world.pipeline_machine { "" } else { ":1" };
    Scene {
        partition: of.partition().to_owned(),
        region: of.world.aws.region().unwrap_or_default(),
        account: of.identity.account.clone(),
        stack: of.world.stack.clone(),
        bucket: of.output("Bucket"),
        inputs: of.parameters("InputBucketArns"),
        outputs: of.parameters("OutputBucketArns"),
        key: of.parameter("KmsKeyArn").map(str::to_owned),
        data_keys: of.parameters("DataKeyArns"),
        tables: of.parameters("TableArns"),
        databases: of.parameters("DatabaseArns"),
        subnets: of.world.subnets.clone(),
        templates: Architecture::ALL.map(|architecture| of.output(template_output(architecture))).to_vec(),
        security_group: of.output("SecurityGroup"),
        worker_role: role_arn(of, resources.get("WorkerRole").map_or("", String::as_str)),
        step_machine: format!("{}{versioned}", of.world.step_machine),
        start,
    }
}

/// The template gives its roles no path.
fn role_arn(of: &Deep<'_>, name: &str) -> String {
    format!("arn:{}:iam::{}:role/{name}", of.partition(), of.identity.account)
}
