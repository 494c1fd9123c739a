//! An AWS on this machine, with the stack of `infra/template.yaml` in it: the emulator holds S3, SQS, Lambda, Step
//! Functions and the rest, our own endpoint holds EC2. `spotmill deploy` makes the stack and deploys pipelines; the
//! functions are the real binaries, the machines of fleets run the real worker from the real user data. All of it ends
//! with the value.

pub mod functions;
mod messages;
mod runs;
mod spent;
mod stack;

pub use runs::Ended;
pub use spent::Spent;
pub use stack::BUCKET;

use crate::{Project, Ran};
use serde_json::Value;
use spotmill_emulator::Emulator;
use spotmill_local_ec2::{LocalEc2, LocalEc2Config, Snapshot};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;

pub const STACK: &str = "etl";
/// The user's own bucket: what pipelines read, and where they publish.
pub const LAKE: &str = "lake";
/// The file that calls are recorded in, if any.
const RECORD_CALLS: &str = "SPOTMILL_RECORD_CALLS";

/// Of the first child of a machine.
const CHILD_UIDS: &str = "70000";

pub struct LocalAws {
    pub emulator: Emulator,
    pub ec2: LocalEc2,
    pub outputs: BTreeMap<String, String>,
    /// What the time of whoever uses it goes into.
    pub spent: Spent,
}

impl LocalAws {
    /// Items are users of their own on its machines, as on real ones, where this process may make them so.
    ///
    /// # Panics
    /// If anything of it does not start; with its output.
    pub fn start() -> LocalAws {
        let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        LocalAws::start_with(root.then_some(CHILD_UIDS))
    }

    /// Its items may end the machine that they run on.
    ///
    /// # Panics
    /// As `start`.
    pub fn of_one_user() -> LocalAws {
        LocalAws::start_with(None)
    }

    fn start_with(child_uids: Option<&str>) -> LocalAws {
        // The emulator's functions have to know EC2's address, and EC2's machines the emulator's.
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a free port").port();
        let ec2 = format!("http://127.0.0.1:{port}");
        let emulator = Emulator::start_with(&[("AWS_ENDPOINT_URL_EC2", &ec2)]);
        let mut instance_env: BTreeMap<String, String> = emulator.env().into_iter().collect();
        // Machines ask their own metadata service who they are.
        instance_env.remove("AWS_EC2_METADATA_DISABLED");
        instance_env.insert("PATH".to_owned(), emulator.path());
        // Where calls are recorded (tests/permissions), machines record theirs; functions inherit this program's environment.
        let record = std::env::var(RECORD_CALLS).ok();
        instance_env.extend(record.map(|file| (RECORD_CALLS.to_owned(), file)));
        instance_env.extend(child_uids.map(|first| ("SPOTMILL_CHILD_UIDS".to_owned(), first.to_owned())));
        let config = LocalEc2Config { port, instance_env, ..LocalEc2Config::default() };
        let ec2 = LocalEc2::start(config).expect("the local EC2 endpoint starts");
        let mut aws = LocalAws { emulator, ec2, outputs: BTreeMap::new(), spent: Spent::default() };
        stack::prepare(&aws);
        aws.deploy_project(&Project::flights().on_aws("flights"), "flights");
        aws.outputs = stack::outputs(&aws, STACK);
        stack::hand_over(&aws, &aws.outputs);
        aws.subscribe_to_notices();
        aws
    }

    /// `spotmill` in a project, in this AWS.
    pub fn spotmill(&self, project: &Project, args: &[&str]) -> Ran {
        self.spotmill_of(STACK, project, args)
    }

    /// The same with another stack of this AWS.
    pub fn spotmill_of(&self, stack: &str, project: &Project, args: &[&str]) -> Ran {
        let mut command = project.command(args);
        let command = command.envs(self.env()).env("SPOTMILL_STACK", stack);
        unrecorded(command).output().expect("spotmill starts").into()
    }

    #[track_caller]
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("the stack has no output {name}: {:?}", self.outputs))
    }

    /// The AWS command line; its JSON.
    ///
    /// # Panics
    /// If it fails; with its output.
    #[track_caller]
    pub fn aws(&self, args: &[&str]) -> Value {
        self.try_aws(args).unwrap_or_else(|error| panic!("aws {}: {error}\nemulator: {}", args.join(" "), self.log()))
    }

    pub fn try_aws(&self, args: &[&str]) -> Result<Value, String> {
        let _spent = self.spent.on("aws");
        let output = self.emulator.aws(&[&["--output", "json"], args].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if !output.status.success() {
            return Err(text(&output.stderr) + &text(&output.stdout));
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    fn log(&self) -> String {
        self.emulator.log_tail()
    }

    /// Fails unless everything that a run makes and must not leave is gone, at the latest after `within`.
    #[track_caller]
    pub fn leaves_nothing(&self, within: Duration) {
        let _spent = self.spent.on("clean-up");
        let clean = |seen: &Snapshot| {
            let versions_left = seen.templates.iter().any(|t| t.versions.len() > 1);
            seen.instances.iter().all(|i| i.ended_ms.is_some())
                && !versions_left
                && seen.fleets.iter().all(|f| f.ended_ms.is_some())
        };
        self.ec2.wait_for("no machine, fleet or template version is left", within, clean);
        let rounds = self.round_queues();
        assert!(rounds.is_empty(), "queues of rounds are left: {rounds:?}");
    }
}

/// A person's calls are not recorded: like a machine's they would bear no name, and a person has other rights.
fn unrecorded(command: &mut Command) -> &mut Command {
    command.env_remove(RECORD_CALLS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn calls_of_a_person_are_not_recorded() {
        let mut command = Command::new("spotmill");
        unrecorded(command.env(RECORD_CALLS, "calls"));
        let given: Vec<_> = command.get_envs().collect();
        assert_eq!(given, [(OsStr::new(RECORD_CALLS), None)]);
    }
}
