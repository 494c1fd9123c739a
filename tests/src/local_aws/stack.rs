//! The stack in the emulator, as `spotmill deploy` makes it, and the launch templates and subnets that it made handed
//! over to our EC2.

use super::functions::{functions, stripped};
use super::{LAKE, LocalAws};
use crate::{Project, Ran};
use serde_json::Value;
use spotmill_local_ec2::{Adopt, AdoptSubnet, AdoptTemplate, Arch};
use std::collections::BTreeMap;

/// The stack's own bucket.
pub const BUCKET: &str = "etl-data";

/// The own bucket of a stack.
fn bucket(stack: &str) -> String {
    format!("{stack}-data")
}

/// Seconds: an item of a machine that vanished waits so long, and a poison item fifteen times.
const VISIBILITY: u32 = 10;
const IMAGE: &str = "/etl/image/arm64";

/// What the emulator needs to have before a stack can be made in it.
pub fn prepare(aws: &LocalAws) {
    // It knows Amazon's parameter for one architecture only.
    aws.aws(&["ssm", "put-parameter", "--name", IMAGE, "--type", "String", "--value", "ami-0123456789abcdef0"]);
    aws.aws(&["s3", "mb", &format!("s3://{LAKE}")]);
}

/// `spotmill deploy` of this project, as a user would; the stack is made by the first. `more` are further parameters of it.
pub fn deploy(aws: &LocalAws, stack: &str, project: &Project, more: &[&str]) -> Ran {
    let lambdas = functions();
    let worker = stripped(project.worker());
    let worker_option = if cfg!(target_arch = "aarch64") { "--worker-aarch64" } else { "--worker-x86-64" };
    let lake = format!("arn:aws:s3:::{LAKE}");
    let set = [
        format!("BucketName={}", bucket(stack)),
        format!("InputBucketArns={lake}"),
        format!("OutputBucketArns={lake}"),
        format!("ImageArm64={IMAGE}"),
        format!("VisibilitySeconds={VISIBILITY}"),
        // The emulator has no versions of state machines.
        "PublishMachines=false".to_owned(),
        // Nor alarms that calculate.
        "CountLateApart=false".to_owned(),
        // Fired by hand, and for a day of which there is data.
        "ScheduleState=DISABLED".to_owned(),
        "ScheduleDate=2013-01-01".to_owned(),
    ];
    let (lambdas, worker) = (lambdas.to_string_lossy(), worker.to_string_lossy());
    let mut args = vec!["deploy", "--allow-any-glibc", "--lambdas", &lambdas, worker_option, &worker];
    set.iter().map(String::as_str).chain(more.iter().copied()).for_each(|s| args.extend(["--set", s]));
    aws.spotmill_of(stack, project, &args)
}

pub fn outputs(aws: &LocalAws, stack: &str) -> BTreeMap<String, String> {
    let described = aws.aws(&["cloudformation", "describe-stacks", "--stack-name", stack]);
    let outputs = described["Stacks"][0]["Outputs"].as_array().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    outputs.iter().map(|o| (text(&o["OutputKey"]), text(&o["OutputValue"]))).collect()
}

/// What CloudFormation made in the emulator's EC2, under the same ids in ours.
pub fn hand_over(aws: &LocalAws, outputs: &BTreeMap<String, String>) {
    let mut adopt = Adopt::default();
    for (output, arch) in [("TemplateX86", Arch::X86_64), ("TemplateArm64", Arch::Arm64)] {
        let id = outputs[output].clone();
        let described =
            aws.aws(&["ec2", "describe-launch-template-versions", "--launch-template-id", &id, "--versions", "1"]);
        let version = &described["LaunchTemplateVersions"][0];
        let data = version["LaunchTemplateData"].clone();
        let image = data["ImageId"].as_str().expect("the template names an image").to_owned();
        // One image serves both architectures in the emulator; its machines are of this machine's kind anyway.
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
