//! What each role of the stack calls, as CI holds the template to it: `infra/calls.toml`, the one table, which the program
//! carries. Here it is filled with a stack's own names and made trials for IAM's simulator. Pure.

mod scene;

pub use scene::Scene;

use serde::Deserialize;
use spotmill_platform::aws::stacks::Trial;
use std::collections::{BTreeMap, BTreeSet};

const TABLE: &str = include_str!("../../../../infra/calls.toml");
/// What is not named one by one, but by `[request]`.
const REQUEST: &str = "request";

/// Condition keys and what they are in a request.
type Context = BTreeMap<String, String>;

#[derive(Deserialize)]
pub struct Calls {
    role: BTreeMap<String, Role>,
    /// By action and type of resource.
    request: BTreeMap<String, BTreeMap<String, Context>>,
    /// By action and resource, as the table writes it.
    bears: BTreeMap<String, BTreeMap<String, Context>>,
}

#[derive(Deserialize)]
pub struct Role {
    /// The functions that have it, or the machines.
    pub callers: Vec<String>,
    /// Resources by action.
    #[serde(flatten)]
    calls: BTreeMap<String, Vec<String>>,
}

impl Calls {
    /// The table of this release.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn of_release() -> Self {
        toml::from_str(TABLE).expect("infra/calls.toml is a table of calls")
    }

    /// Roles by their names in the template.
    pub fn roles(&self) -> impl Iterator<Item = (&str, &Role)> {
        self.role.iter().map(|(name, role)| (name.as_str(), role))
    }

    /// What a role calls in this stack, with as few trials as say it exactly: actions that are called on the same resources
    /// with the same context are one. What the stack does not have (a key, further buckets) is not called.
    pub fn trials(&self, role: &Role, scene: &Scene) -> Vec<Trial> {
        let mut by: BTreeMap<(Context, BTreeSet<String>), Vec<String>> = BTreeMap::new();
        for (action, resources) in &role.calls {
            let mut of_action: BTreeMap<Context, BTreeSet<String>> = BTreeMap::new();
            for (arn, context) in self.calls(action, resources, scene) {
                of_action.entry(context).or_default().insert(arn);
            }
            for (context, arns) in of_action {
                by.entry((context, arns)).or_default().push(action.clone());
            }
        }
        let trial = |((context, arns), actions): ((Context, BTreeSet<String>), Vec<String>)| Trial {
            actions,
            resources: arns.into_iter().collect(),
            context: scene.every_request().into_iter().chain(context).collect(),
        };
        by.into_iter().map(trial).collect()
    }

    /// Each resource that a call is checked on, with what the call bears there.
    fn calls(&self, action: &str, resources: &[String], scene: &Scene) -> Vec<(String, Context)> {
        let none = Context::new();
        if resources == [REQUEST] {
            let kinds = self.request.get(action).into_iter().flatten();
            return kinds.flat_map(|(kind, context)| scene.of_kind(kind, context)).collect();
        }
        let bears = self.bears.get(action);
        let called = |short: &String| {
            let context = bears.and_then(|b| b.get(short)).unwrap_or(&none).clone();
            scene.named(short).unwrap_or_default().into_iter().map(move |arn| (arn, context.clone()))
        };
        resources.iter().flat_map(called).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene() -> Scene {
        Scene::example()
    }

    fn trials(role: &str) -> Vec<Trial> {
        let calls = Calls::of_release();
        calls.trials(&calls.role[role], &scene())
    }

    #[test]
    fn every_name_of_the_table_is_something_in_a_stack() {
        let (calls, scene) = (Calls::of_release(), scene());
        for (name, role) in calls.roles() {
            for (action, resources) in &role.calls {
                for short in resources.iter().filter(|short| *short != REQUEST) {
                    let found = scene.named(short);
                    assert!(
                        found.as_ref().is_some_and(|arns| !arns.is_empty()),
                        "{name} {action} on {short}: {found:?}"
                    );
                }
                let tried = calls.calls(action, resources, &scene);
                assert!(!tried.is_empty(), "{name} {action} is tried on nothing");
                for (arn, context) in tried {
                    assert!(arn == "*" || arn.starts_with("arn:aws:"), "{arn}");
                    assert!(context.values().all(|v| !v.contains('{')), "{name} {action} {context:?}");
                }
            }
        }
    }

    #[test]
    fn a_call_is_tried_once_on_each_of_its_resources_with_what_it_bears_there() {
        let fleet = trials("FleetRole");
        let on = |action: &str, arn: &str| -> Vec<&Trial> {
            let has = |t: &&Trial| t.actions.iter().any(|a| a == action) && t.resources.iter().any(|r| r == arn);
            fleet.iter().filter(has).collect()
        };
        let bears = |trial: &Trial, key: &str| trial.context.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
        for subnet in ["subnet-a", "subnet-b"] {
            let found = on("ec2:CreateFleet", &format!("arn:aws:ec2:eu-west-1:123456789012:subnet/{subnet}"));
            assert_eq!(found.len(), 1, "{subnet}");
            assert_eq!(bears(found[0], "ec2:SubnetID").as_deref(), Some(subnet));
        }
        let fleets = on("ec2:CreateFleet", "arn:aws:ec2:eu-west-1:123456789012:fleet/fleet-1");
        assert_eq!(bears(fleets[0], "aws:RequestTag/spotmill:stack").as_deref(), Some("etl"));
        let instances = on("ec2:CreateFleet", "arn:aws:ec2:eu-west-1:123456789012:instance/i-1");
        assert_eq!(
            bears(instances[0], "aws:RequestTag/spotmill:stack"),
            None,
            "a tag there would hide a missing grant"
        );
        // Of both templates, each as itself.
        for template in ["lt-x86", "lt-arm"] {
            let arn = format!("arn:aws:ec2:eu-west-1:123456789012:launch-template/{template}");
            let run = on("ec2:RunInstances", &arn);
            assert_eq!(bears(run[0], "ec2:LaunchTemplate").as_deref(), Some(&*arn));
        }
        let passed = on("iam:PassRole", "arn:aws:iam::123456789012:role/etl-WorkerRole-1");
        assert_eq!(bears(passed[0], "iam:PassedToService").as_deref(), Some("ec2.amazonaws.com"));
    }

    #[test]
    fn a_receipt_is_written_only_if_absent_and_other_objects_are_not() {
        let worker = trials("WorkerRole");
        let of = |part: &str| {
            worker
                .iter()
                .find(|t| t.resources.iter().any(|r| r.contains(part)) && t.actions.iter().any(|a| a == "s3:PutObject"))
        };
        let absent = |t: &Trial| t.context.iter().any(|(k, _)| k == "s3:if-none-match");
        assert!(of("/receipts/").is_some_and(absent));
        assert!(of("/failures/").is_some_and(|t| !absent(t)));
    }

    #[test]
    fn what_a_stack_does_not_have_is_not_called() {
        let calls = Calls::of_release();
        let none = Vec::new;
        let (data_keys, inputs, outputs, tables, databases) = (none(), none(), none(), none(), none());
        let bare = Scene { key: None, data_keys, inputs, outputs, tables, databases, ..scene() };
        let all: Vec<Trial> = calls.roles().flat_map(|(_, role)| calls.trials(role, &bare)).collect();
        assert!(all.iter().all(|t| !t.resources.is_empty()));
        assert!(all.iter().all(|t| t.actions.iter().all(|a| !a.starts_with("kms:") && !a.starts_with("glue:"))));
        assert!(all.iter().all(|t| t.resources.iter().all(|r| !r.contains("acme"))));
    }
}
