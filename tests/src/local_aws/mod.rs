//! An AWS on this machine, with the stack of `infra/template.yaml` in it: the emulator holds S3, SQS, Lambda, Step
//! Functions and the rest, our own endpoint holds EC2. The functions are the real binaries, the machines of fleets run
//! the real worker from the real user data. All of it ends with the value.

mod runs;
mod stack;

pub use runs::Ended;

use serde_json::Value;
use spotmill_emulator::Emulator;
use spotmill_local_ec2::{LocalEc2, LocalEc2Config, Snapshot};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

pub const STACK: &str = "etl";

pub struct LocalAws {
    pub emulator: Emulator,
    pub ec2: LocalEc2,
    pub outputs: BTreeMap<String, String>,
}

impl LocalAws {
    /// # Panics
    /// If anything of it does not start; with what it said.
    pub fn start() -> LocalAws {
        // The emulator's functions have to know EC2's address, and EC2's machines the emulator's.
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a free port").port();
        let ec2 = format!("http://127.0.0.1:{port}");
        let emulator = Emulator::start_with(&[("AWS_ENDPOINT_URL_EC2", &ec2)]);
        let mut instance_env: BTreeMap<String, String> = emulator.env().into_iter().collect();
        // Machines ask their own metadata service who they are.
        instance_env.remove("AWS_EC2_METADATA_DISABLED");
        instance_env.insert("PATH".to_owned(), emulator.path());
        let config = LocalEc2Config { port, instance_env, ..LocalEc2Config::default() };
        let ec2 = LocalEc2::start(config).expect("the local EC2 endpoint starts");
        let mut aws = LocalAws { emulator, ec2, outputs: BTreeMap::new() };
        aws.outputs = stack::deploy(&aws);
        aws
    }

    /// What a program of ours needs to talk to it.
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = self.emulator.env();
        env.push(("AWS_ENDPOINT_URL_EC2".to_owned(), self.ec2.endpoint().to_owned()));
        env.push(("SPOTMILL_STACK".to_owned(), STACK.to_owned()));
        env
    }

    #[track_caller]
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("the stack has no output {name}: {:?}", self.outputs))
    }

    pub fn bucket(&self) -> &str {
        self.output("Bucket")
    }

    /// The AWS command line; its JSON.
    ///
    /// # Panics
    /// If it fails; with what it said.
    #[track_caller]
    pub fn aws(&self, args: &[&str]) -> Value {
        self.try_aws(args).unwrap_or_else(|said| panic!("aws {}: {said}\nemulator: {}", args.join(" "), self.log()))
    }

    pub fn try_aws(&self, args: &[&str]) -> Result<Value, String> {
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
        let clean = |seen: &Snapshot| {
            let versions_left = seen.templates.iter().any(|t| t.versions.len() > 1);
            seen.instances.iter().all(|i| i.ended_ms.is_some())
                && !versions_left
                && seen.fleets.iter().all(|f| f.ended_ms.is_some())
        };
        self.ec2.wait_for("no machine, fleet or template version is left", within, clean);
        let queues = self.aws(&["sqs", "list-queues", "--queue-name-prefix", STACK]);
        let rounds: Vec<&str> = queues["QueueUrls"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|url| url.as_str()?.rsplit('/').next()?.strip_prefix("etl-"))
            .filter(|name| name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()))
            .collect();
        assert!(rounds.is_empty(), "queues of rounds are left: {rounds:?}");
    }
}
