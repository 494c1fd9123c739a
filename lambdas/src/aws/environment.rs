//! What the stack sets for its functions, as environment variables, and the ports that follow from it.

use crate::{Ctx, HandlerError, Settings};
use spotmill_core::bounds::{BOOT_SECS, VISIBILITY_RANGE_SECS, VISIBILITY_SECS};
use spotmill_core::calls::errors;
use spotmill_core::command::ORDINARY_STACK;
use spotmill_core::fleet::Architecture;
use spotmill_core::ids::Uri;
use spotmill_ec2::STACK_TAG;
use spotmill_platform::aws::{Aws, FleetSettings, QueueSettings};
use spotmill_platform::local::clock::SystemClock;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The port's name of the callback queue.
const CALLBACKS: &str = "callbacks";
/// Days after which the bucket's lifecycle rule removes what is under `scratch/`.
const SCRATCH_DAYS: u64 = 15;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    pub stack: String,
    /// The state root: a bucket.
    pub root: Uri,
    /// ARN of the queue that work queues give up to.
    pub dead_letters: String,
    /// ARN of the key of the stack's queues, if it is not SQS's own.
    pub key: Option<String>,
    /// Launch template by architecture.
    pub templates: BTreeMap<Architecture, String>,
    pub subnets: Vec<String>,
    pub scratch_days: u64,
    pub visibility_secs: u64,
    /// vCPUs that all fleets of the stack may have together.
    pub max_vcpus: Option<u32>,
}

impl Environment {
    /// Reads every variable with `get`; the error names all that are missing.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, HandlerError> {
        let mut missing = Vec::new();
        let mut want = |name: &'static str| {
            get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let (stack, root) = (want("SPOTMILL_STACK"), want("SPOTMILL_ROOT"));
        let dead_letters = want("SPOTMILL_DEAD_LETTERS");
        let templates = BTreeMap::from([
            (Architecture::X86_64, want("SPOTMILL_TEMPLATE_X86_64")),
            (Architecture::Arm64, want("SPOTMILL_TEMPLATE_ARM64")),
        ]);
        let subnets = want("SPOTMILL_SUBNETS");
        let key = get("SPOTMILL_KMS_KEY").map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        if !missing.is_empty() {
            return Err(misconfigured(format!("the function's environment lacks {}", missing.join(", "))));
        }
        if !Uri::new(&root).is_s3() {
            return Err(misconfigured(format!("SPOTMILL_ROOT is `{root}`; it should be s3://BUCKET")));
        }
        let scratch_days = number(&get, "SPOTMILL_SCRATCH_DAYS", SCRATCH_DAYS, &(2..=u64::MAX))?;
        let visibility_secs = number(&get, "SPOTMILL_VISIBILITY_SECONDS", VISIBILITY_SECS, &VISIBILITY_RANGE_SECS)?;
        let max_vcpus = number(&get, "SPOTMILL_MAX_VCPUS", 0, &(0..=100_000))?;
        let max_vcpus = u32::try_from(max_vcpus).ok().filter(|vcpus| *vcpus > 0);
        let subnets = subnets.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
        Ok(Self {
            stack,
            root: Uri::new(root),
            dead_letters,
            key,
            templates,
            subnets,
            scratch_days,
            visibility_secs,
            max_vcpus,
        })
    }

    /// What the functions may touch.
    pub fn ctx(&self, aws: &Aws) -> Ctx {
        let queues = QueueSettings {
            prefix: format!("{}-", self.stack),
            dead_letters: Some(self.dead_letters.clone()),
            key: self.key.clone(),
            tags: BTreeMap::from([(STACK_TAG.to_owned(), self.stack.clone())]),
        };
        let fleets = FleetSettings {
            stack: self.stack.clone(),
            templates: self.templates.clone(),
            subnets: self.subnets.clone(),
            root: self.root.clone(),
            visibility_secs: self.visibility_secs,
        };
        let mut settings = Settings::new(CALLBACKS);
        settings.caller.stack = Some(self.stack.clone()).filter(|stack| stack != ORDINARY_STACK);
        // A day less than the bucket keeps: what is read for a day must not expire while it is read.
        settings.scratch_secs = Some((self.scratch_days - 1) * 86_400);
        settings.max_vcpus = self.max_vcpus;
        settings.boot_secs = Some(BOOT_SECS);
        Ctx {
            root: self.root.clone(),
            store: Arc::new(aws.store()),
            queues: Arc::new(aws.queues(queues)),
            fleets: Arc::new(aws.fleets(fleets)),
            executions: Arc::new(aws.executions()),
            clock: Arc::new(SystemClock),
            catalogs: Some(Arc::new(aws.catalogs())),
            hooks: None,
            settings,
        }
    }
}

/// A number that has a default.
fn number(
    get: impl Fn(&str) -> Option<String>,
    name: &str,
    ordinary: u64,
    range: &RangeInclusive<u64>,
) -> Result<u64, HandlerError> {
    let Some(text) = get(name).filter(|text| !text.trim().is_empty()) else { return Ok(ordinary) };
    let most = if *range.end() == u64::MAX { "more".to_owned() } else { range.end().to_string() };
    text.trim()
        .parse()
        .ok()
        .filter(|n| range.contains(n))
        .ok_or_else(|| misconfigured(format!("{name} is `{text}`; it should be a number, {} to {most}", range.start())))
}

fn misconfigured(what: String) -> HandlerError {
    HandlerError::new(errors::MISCONFIGURED, format!("{what}: deploy the stack again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[(&str, &str)] = &[
        ("SPOTMILL_STACK", "s"),
        ("SPOTMILL_ROOT", "s3://bucket"),
        ("SPOTMILL_DEAD_LETTERS", "arn:aws:sqs:eu-west-1:1:s-dead-letters"),
        ("SPOTMILL_TEMPLATE_X86_64", "lt-1"),
        ("SPOTMILL_TEMPLATE_ARM64", "lt-2"),
        ("SPOTMILL_SUBNETS", "subnet-a, subnet-b"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Environment, String> {
        let all: BTreeMap<&str, &str> = ALL.iter().chain(changes).copied().collect();
        Environment::read(|name| all.get(name).map(|v| (*v).to_owned())).map_err(|e| e.to_string())
    }

    #[test]
    fn a_whole_environment_is_read() {
        let read = read(&[]).unwrap();
        assert_eq!(
            (read.subnets.as_slice(), read.scratch_days),
            (&["subnet-a".to_owned(), "subnet-b".to_owned()][..], 15)
        );
        assert_eq!(read.visibility_secs, VISIBILITY_SECS);
        assert_eq!(read.templates[&Architecture::Arm64], "lt-2");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let e = read(&[("SPOTMILL_STACK", ""), ("SPOTMILL_SUBNETS", " ")]).unwrap_err();
        let lacks = "the function's environment lacks SPOTMILL_STACK, SPOTMILL_SUBNETS: deploy the stack again";
        assert_eq!(e, format!("Spotmill.Misconfigured: {lacks}"));
        assert!(read(&[("SPOTMILL_ROOT", "bucket")]).unwrap_err().contains("`bucket`; it should be s3://BUCKET"));
        assert_eq!(
            (read(&[]).unwrap().max_vcpus, read(&[("SPOTMILL_MAX_VCPUS", "0")]).unwrap().max_vcpus),
            (None, None)
        );
        assert_eq!(read(&[("SPOTMILL_MAX_VCPUS", "64")]).unwrap().max_vcpus, Some(64));
        assert!(
            read(&[("SPOTMILL_MAX_VCPUS", "many")]).unwrap_err().contains("`many`; it should be a number, 0 to 100000")
        );
        for days in ["soon", "1", "-1"] {
            assert!(read(&[("SPOTMILL_SCRATCH_DAYS", days)]).unwrap_err().contains(days));
        }
        let e = read(&[("SPOTMILL_VISIBILITY_SECONDS", "5")]).unwrap_err();
        assert!(e.contains("SPOTMILL_VISIBILITY_SECONDS is `5`; it should be a number, 10 to 600"), "{e}");
    }
}
