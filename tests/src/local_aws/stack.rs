//! The stack in the emulator: a release of the functions in a bucket, `infra/template.yaml` deployed from it, and the
//! launch templates and subnets that it made handed over to our EC2.

use super::{LocalAws, STACK};
use crate::{programs, repository};
use serde_json::Value;
use spotmill_lambdas::FUNCTIONS;
use spotmill_local_ec2::{Adopt, AdoptSubnet, AdoptTemplate, Arch};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const CODE: &str = "code";
const RELEASE: &str = "r1";
const IMAGE: &str = "/etl/image/arm64";

pub fn deploy(aws: &LocalAws) -> BTreeMap<String, String> {
    release(aws);
    // The emulator knows Amazon's parameter for one architecture only.
    let image = ["ssm", "put-parameter", "--name", IMAGE, "--type", "String", "--value", "ami-0123456789abcdef0"];
    aws.aws(&image);
    let template = repository().join("infra/template.yaml");
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    aws.aws(&[
        "cloudformation",
        "deploy",
        "--stack-name",
        STACK,
        "--template-file",
        &template.to_string_lossy(),
        "--s3-bucket",
        CODE,
        "--capabilities",
        "CAPABILITY_IAM",
        "CAPABILITY_NAMED_IAM",
        "CAPABILITY_AUTO_EXPAND",
        "--parameter-overrides",
        &format!("CodeBucket={CODE}"),
        &format!("CodeKeyPrefix={RELEASE}"),
        &format!("Architecture={architecture}"),
        "BucketName=etl-data",
        "PublishMachines=false",
        &format!("ImageArm64={IMAGE}"),
    ]);
    let outputs = outputs(aws);
    hand_over(aws, &outputs);
    outputs
}

/// Every function's program as `bootstrap` in a zip, and the state machines.
fn release(aws: &LocalAws) {
    let here = tempfile::tempdir().expect("a directory");
    for function in FUNCTIONS {
        zip(aws, &programs().lambdas.join(function.binary), &here.path().join(format!("{}.zip", function.binary)));
    }
    for machine in ["pipeline.asl.json", "step.asl.json"] {
        std::fs::copy(repository().join("statemachine").join(machine), here.path().join(machine)).expect("copy");
    }
    aws.aws(&["s3", "mb", &format!("s3://{CODE}")]);
    let from = here.path().to_string_lossy();
    aws.aws(&["s3", "cp", "--recursive", "--only-show-errors", &from, &format!("s3://{CODE}/{RELEASE}/")]);
}

/// Without its symbols: the emulator unpacks it for every function.
fn zip(aws: &LocalAws, program: &Path, to: &Path) {
    let dir = tempfile::tempdir().expect("a directory");
    let bootstrap = dir.path().join("bootstrap");
    let stripped = Command::new("strip").arg("-o").arg(&bootstrap).arg(program).status().expect("strip (binutils)");
    assert!(stripped.success(), "strip {}", program.display());
    let python = aws.emulator.python();
    let zipped = Command::new(python).args(["-m", "zipfile", "-c"]).arg(to).arg(&bootstrap).status().expect("python");
    assert!(zipped.success(), "zip {}", program.display());
}

fn outputs(aws: &LocalAws) -> BTreeMap<String, String> {
    let described = aws.aws(&["cloudformation", "describe-stacks", "--stack-name", STACK]);
    let outputs = described["Stacks"][0]["Outputs"].as_array().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    outputs.iter().map(|o| (text(&o["OutputKey"]), text(&o["OutputValue"]))).collect()
}

/// What CloudFormation made in the emulator's EC2, under the same ids in ours.
fn hand_over(aws: &LocalAws, outputs: &BTreeMap<String, String>) {
    let mut adopt = Adopt::default();
    for (output, arch) in [("TemplateX86", Arch::X86_64), ("TemplateArm64", Arch::Arm64)] {
        let id = outputs[output].clone();
        let described =
            aws.aws(&["ec2", "describe-launch-template-versions", "--launch-template-id", &id, "--versions", "1"]);
        let version = &described["LaunchTemplateVersions"][0];
        let data = version["LaunchTemplateData"].clone();
        let image = data["ImageId"].as_str().expect("the template names an image").to_owned();
        // One image serves both architectures in the emulator; machines here are of this machine's kind anyway.
        adopt.images.entry(image).or_insert(arch);
        let name = version["LaunchTemplateName"].as_str().unwrap_or(output).to_owned();
        adopt.templates.push(AdoptTemplate { id, name, data, tags: BTreeMap::new() });
    }
    for subnet in outputs["Subnets"].split(',') {
        let described = aws.aws(&["ec2", "describe-subnets", "--subnet-ids", subnet]);
        let zone = described["Subnets"][0]["AvailabilityZone"].as_str().expect("a subnet has a zone").to_owned();
        adopt.subnets.push(AdoptSubnet { id: subnet.to_owned(), vpc: None, zone });
    }
    aws.ec2.adopt(adopt).expect("our EC2 takes over templates and subnets");
}
