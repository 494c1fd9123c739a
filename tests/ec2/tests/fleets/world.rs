//! A stack on a local endpoint: two launch templates, a subnet a zone, and a worker that only copies the settings
//! that it was given and waits.

use aws_config::retry::RetryConfig;
use aws_sdk_ec2::config::{Credentials, Region, SharedCredentialsProvider};
use spotmill_core::digest::sha256;
use spotmill_core::fleet::{Architecture, FleetRequest};
use spotmill_local_ec2::{Adopt, AdoptSubnet, AdoptTemplate, Arch, LocalEc2, LocalEc2Config};
use spotmill_platform::aws::fleets::Patience;
use spotmill_platform::aws::{Aws, Ec2Fleets, FleetSettings};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Tries of the SDK: a fault that hits all of them is seen by the adapter.
pub const TRIES: u32 = 2;
pub const WITHIN: Duration = Duration::from_secs(20);

/// `serve --settings FILE …`
const WORKER: &str =
    "#!/usr/bin/env bash\n[ \"$1 $2\" = 'serve --settings' ] && cp \"$3\" \"$HOME/received.json\"\nsleep 600\n";
/// Stands in for the AWS command line: whatever is fetched is the worker.
const AWS: &str = "#!/usr/bin/env bash\ncp \"$(dirname \"$0\")/worker\" \"${@: -1}\"\n";
const SUBNETS: [&str; 2] = ["subnet-0a", "subnet-0b"];

pub struct World {
    pub ec2: LocalEc2,
    pub fleets: Ec2Fleets,
    pub config: aws_config::SdkConfig,
    _programs: tempfile::TempDir,
}

impl World {
    pub async fn start() -> World {
        let programs = tempfile::tempdir().expect("tempdir");
        program(programs.path(), "aws", AWS);
        program(programs.path(), "worker", WORKER);
        let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").expect("PATH"));
        let ec2 = LocalEc2::start(LocalEc2Config {
            region: "us-east-1".to_owned(),
            instance_env: BTreeMap::from([("PATH".to_owned(), path)]),
            replace_after: Duration::from_millis(100),
            ..LocalEc2Config::default()
        })
        .expect("the endpoint starts");
        ec2.adopt(stack()).expect("adopt");
        let config = config(ec2.endpoint()).await;
        let fleets = fleets(&config, "etl");
        World { ec2, fleets, config, _programs: programs }
    }

    pub fn request(&self, name: &str) -> FleetRequest {
        let digest = sha256(WORKER.as_bytes());
        FleetRequest {
            v: 1,
            name: name.to_owned(),
            queue: name.to_owned(),
            callbacks: "callbacks".to_owned(),
            run: "flights/2013-01-01".into(),
            step: "normalize".into(),
            vcpus_per_item: 2,
            memory_bytes_per_item: 4 << 30,
            max_slots: 3,
            execution: "arn:aws:states:us-east-1:000000000000:execution:etl-step:1".into(),
            workers: [("x86_64".to_owned(), digest.clone()), ("aarch64".to_owned(), digest)].into(),
            instances: None,
            valid_until_ms: 4_000_000_000_000,
            knobs: Default::default(),
            because: String::new(),
        }
    }

    /// No fleet, no machine, no version but the stack's own.
    pub fn nothing_is_left(&self) {
        let seen = self.ec2.wait_for("nothing is left", WITHIN, |seen| {
            seen.living().next().is_none() && seen.living_fleets().next().is_none()
        });
        for template in &seen.templates {
            assert_eq!(template.versions, [1], "{template:?}");
        }
    }
}

pub fn fleets(config: &aws_config::SdkConfig, stack: &str) -> Ec2Fleets {
    let settings = FleetSettings {
        visibility_secs: 120,
        stack: stack.to_owned(),
        templates: [(Architecture::X86_64, "lt-0aaa".to_owned()), (Architecture::Arm64, "lt-0bbb".to_owned())].into(),
        subnets: SUBNETS.map(str::to_owned).to_vec(),
        root: "s3://etl-bucket".into(),
    };
    Aws::from(config.clone()).fleets(settings).with_patience(Patience {
        seen: Duration::from_millis(50),
        ended: WITHIN,
        poll: Duration::from_millis(50),
    })
}

async fn config(endpoint: &str) -> aws_config::SdkConfig {
    let retries = RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(Duration::from_millis(10));
    let credentials = Credentials::new("test", "test", None, None, "test");
    let base = Aws::from_env().await.config().clone().into_builder();
    base.endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(retries)
        .build()
}

fn stack() -> Adopt {
    let template = |id: &str, image: &str| AdoptTemplate {
        id: id.to_owned(),
        name: format!("etl-{id}"),
        data: serde_json::json!({"ImageId": image}),
        tags: [("spotmill:stack".to_owned(), "etl".to_owned())].into(),
    };
    let subnet = |(id, zone): (&str, &str)| AdoptSubnet { id: id.to_owned(), vpc: None, zone: zone.to_owned() };
    Adopt {
        templates: vec![template("lt-0aaa", "ami-0aaa"), template("lt-0bbb", "ami-0bbb")],
        subnets: [(SUBNETS[0], "us-east-1a"), (SUBNETS[1], "us-east-1b")].map(subnet).to_vec(),
        images: [("ami-0aaa".to_owned(), Arch::X86_64), ("ami-0bbb".to_owned(), Arch::Arm64)].into(),
    }
}

fn program(dir: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    std::fs::write(&path, text).expect("write");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}
