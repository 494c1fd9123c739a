//! The names of one stack, in place of those that the table of calls writes short. Names that exist only while a run does (a
//! queue, a fleet) are such as a run would give them. Pure.

use super::Context;
use std::collections::BTreeMap;

/// What a stack is called and what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// `aws`, `aws-cn`.
    pub partition: String,
    pub region: String,
    pub account: String,
    pub stack: String,
    pub bucket: String,
    /// ARNs of further buckets.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// ARNs of keys.
    pub key: Option<String>,
    pub data_keys: Vec<String>,
    /// ARNs of Glue's tables and their databases.
    pub tables: Vec<String>,
    pub databases: Vec<String>,
    pub subnets: Vec<String>,
    /// Ids of launch templates.
    pub templates: Vec<String>,
    pub security_group: String,
    /// ARN of the machines' role.
    pub worker_role: String,
    /// What a start starts, and the step machine as the pipeline's definition names it.
    pub start: String,
    pub step_machine: String,
}

/// As a run names it.
const WORK: &str = "0123456789abcdef0123456789abcdef";
/// In place of a star in a key.
const KEY_PART: &str = "flights/x/y";

impl Scene {
    fn of(&self, service: &str, rest: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{rest}", self.partition, self.region, self.account)
    }

    /// The ARNs that a short name stands for; none if it is no name.
    pub fn named(&self, short: &str) -> Option<Vec<String>> {
        let (name, key) = short.split_once('/').map_or((short, None), |(name, key)| (name, Some(key)));
        let stack = &self.stack;
        let queue = |name: &str| vec![self.of("sqs", &format!("{stack}-{name}"))];
        let execution = |machine: &str| vec![self.of("states", &format!("execution:{stack}-{machine}:1"))];
        let found = match name {
            "*" => vec!["*".to_owned()],
            "bucket" => vec![format!("arn:{}:s3:::{}", self.partition, self.bucket)],
            "input" => self.inputs.clone(),
            "lake" => self.outputs.clone(),
            "key" => self.key.iter().cloned().collect(),
            "data-key" => self.data_keys.clone(),
            "table" => self.tables.clone(),
            "database" => self.databases.clone(),
            "catalog" if self.tables.is_empty() => Vec::new(),
            "catalog" => vec![self.of("glue", "catalog")],
            "work" => queue(WORK),
            "callbacks" | "dead-letters" | "undelivered" => queue(name),
            "execution" => execution("pipeline"),
            "step-execution" => execution("step"),
            "pipeline-machine" => vec![self.start.clone()],
            "step-machine" => vec![self.step_machine.clone()],
            "log" => vec![self.of("logs", &format!("log-group:/spotmill/{stack}/functions:log-stream:doctor"))],
            "worker-role" => vec![self.worker_role.clone()],
            "nested-rule" => {
                vec![self.of("events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")]
            }
            function => {
                let function = function.strip_prefix("function-")?;
                vec![self.of("lambda", &format!("function:{stack}-{function}:1"))]
            }
        };
        let key = key.map(|key| key.replace('*', KEY_PART));
        Some(match key {
            Some(key) => found.into_iter().map(|arn| format!("{arn}/{key}")).collect(),
            None => found,
        })
    }

    /// The resources of a type that an EC2 call names, each with what the call bears there.
    pub(super) fn of_kind(&self, kind: &str, context: &Context) -> Vec<(String, Context)> {
        let template = |id: &String| self.of("ec2", &format!("launch-template/{id}"));
        let one = |id: &str| vec![(self.of("ec2", &format!("{kind}/{id}")), String::new(), String::new())];
        // The ARN, and what of it stands in braces.
        let found: Vec<(String, String, String)> = match kind {
            "launch-template" => self.templates.iter().map(|id| (template(id), template(id), String::new())).collect(),
            "subnet" => {
                let subnet = |id: &String| (self.of("ec2", &format!("subnet/{id}")), String::new(), id.clone());
                self.subnets.iter().map(subnet).collect()
            }
            "image" => {
                vec![(format!("arn:{}:ec2:{}::image/ami-1", self.partition, self.region), String::new(), String::new())]
            }
            "fleet" => one("fleet-1"),
            "instance" => one("i-1"),
            "volume" => one("vol-1"),
            "network-interface" => one("eni-1"),
            "spot-instances-request" => one("sir-1"),
            "security-group" => one(&self.security_group),
            _ => Vec::new(),
        };
        let by_template = context.values().any(|v| v == "{launch-template}");
        let fill = |(arn, own, subnet): (String, String, String)| {
            // A resource that is no template itself is launched from each of them.
            let templates: Vec<String> = match (by_template, own.is_empty()) {
                (true, true) => self.templates.iter().map(template).collect(),
                _ => vec![own],
            };
            templates
                .into_iter()
                .map(move |template| {
                    let filled = |value: &String| match value.as_str() {
                        "{stack}" => self.stack.clone(),
                        "{launch-template}" => template.clone(),
                        "{subnet}" => subnet.clone(),
                        _ => value.clone(),
                    };
                    (
                        arn.clone(),
                        context.iter().map(|(key, value)| (key.clone(), filled(value))).collect::<BTreeMap<_, _>>(),
                    )
                })
                .collect::<Vec<_>>()
        };
        found.into_iter().flat_map(fill).collect()
    }

    /// What every request bears, whoever makes it: boundaries and policies of organizations ask for these.
    pub(super) fn every_request(&self) -> Vec<(String, String)> {
        vec![
            ("aws:RequestedRegion".to_owned(), self.region.clone()),
            ("aws:SecureTransport".to_owned(), "true".to_owned()),
        ]
    }
}

#[cfg(test)]
impl Scene {
    pub fn example() -> Self {
        let machine = |name: &str| format!("arn:aws:states:eu-west-1:123456789012:stateMachine:etl-{name}");
        Self {
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            stack: "etl".to_owned(),
            bucket: "etl-data".to_owned(),
            inputs: vec!["arn:aws:s3:::acme-raw".to_owned()],
            outputs: vec!["arn:aws:s3:::acme-lake".to_owned()],
            key: Some("arn:aws:kms:eu-west-1:123456789012:key/1".to_owned()),
            data_keys: vec!["arn:aws:kms:eu-west-1:123456789012:key/2".to_owned()],
            tables: vec!["arn:aws:glue:eu-west-1:123456789012:table/acme/by_route".to_owned()],
            databases: vec!["arn:aws:glue:eu-west-1:123456789012:database/acme".to_owned()],
            subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
            templates: vec!["lt-x86".to_owned(), "lt-arm".to_owned()],
            security_group: "sg-1".to_owned(),
            worker_role: "arn:aws:iam::123456789012:role/etl-WorkerRole-1".to_owned(),
            start: machine("pipeline") + ":live",
            step_machine: machine("step") + ":1",
        }
    }
}
