//! Where machines would run: subnets, images, and the pools that steps can have.

use super::finding::{Finding, fine, problem, unasked, warning};
use crate::args::Global;
use crate::aws::World;
use spotmill_core::bounds::MAX_POOLS;
use spotmill_core::command::Command;
use spotmill_core::fleet::Architecture;
use spotmill_core::model::Pipeline;
use spotmill_ec2::Allowed;
use spotmill_ec2::machines::{self, Need};
use spotmill_platform::aws::stacks::{Image, Subnet};
use std::collections::BTreeMap;

/// Addresses a subnet should have left for machines.
const FREE_ADDRESSES: i32 = 32;
/// The number of items that is assumed when pools are counted: enough for every size to be useful.
const MANY: u32 = 1_000;

/// How many there are.
pub(super) async fn subnets(global: &Global, world: &World, found: &mut Vec<Finding>) -> usize {
    match world.aws.account().subnets(&world.subnets).await {
        Err(e) => found.push(unasked("subnets", e)),
        Ok(subnets) => found.push(judge_subnets(&global.command("deploy"), &world.subnets, &subnets)),
    }
    world.subnets.len()
}

pub(super) fn judge_subnets(deploy: &Command, asked: &[String], found: &[Subnet]) -> Finding {
    let gone: Vec<&str> = asked.iter().filter(|id| !found.iter().any(|s| s.id == **id)).map(String::as_str).collect();
    if !gone.is_empty() {
        return problem("subnets", format!("{} do not exist", gone.join(", ")), given(deploy, "SubnetIds=…"));
    }
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    found.iter().for_each(|s| zones.entry(s.zone.as_str()).or_default().push(s.id.as_str()));
    if let Some((zone, ids)) = zones.iter().find(|(_, ids)| ids.len() > 1) {
        let text = format!("{} are both in {zone}; a fleet takes one a zone", ids.join(" and "));
        return problem("subnets", text, format!("{}, one a zone", given(deploy, "SubnetIds=…")));
    }
    if let Some(full) = found.iter().find(|s| s.free < FREE_ADDRESSES) {
        let text = format!("{} in {} has {} addresses left", full.id, full.zone, full.free);
        return warning("subnets", text, format!("give larger subnets: {}", given(deploy, "SubnetIds=…")));
    }
    let (subnets, zones) = (found.len(), zones.keys().copied().collect::<Vec<_>>().join(", "));
    if subnets < 2 {
        return warning(
            "subnets",
            format!("one, in {zones}: few pools of spare machines"),
            given(deploy, "ZoneCount=3"),
        );
    }
    fine("subnets", format!("{subnets}, in {zones}"))
}

/// A deploy that changes a parameter of the stack.
pub(super) fn given(deploy: &Command, parameter: &str) -> String {
    deploy.clone().word("--set").blank(parameter).to_string()
}

/// The stack's output that names the launch template.
pub(super) fn template_output(of: Architecture) -> &'static str {
    match of {
        Architecture::X86_64 => "TemplateX86",
        Architecture::Arm64 => "TemplateArm64",
    }
}

/// The stack's parameter that names the image.
pub(super) fn image_parameter(of: Architecture) -> &'static str {
    match of {
        Architecture::X86_64 => "ImageX86",
        Architecture::Arm64 => "ImageArm64",
    }
}

pub(super) async fn images(global: &Global, world: &World, found: &mut Vec<Finding>) {
    let (deploy, mut described) = (global.command("deploy"), Vec::new());
    for architecture in Architecture::ALL {
        let template = world.now.outputs.get(template_output(architecture)).cloned().unwrap_or_default();
        match world.aws.account().image_of(&template).await {
            Err(e) => return found.push(unasked("images", e)),
            Ok(image) => match judge_image(&deploy, &template, architecture, image.as_ref()) {
                Ok(fine) => described.push(fine),
                Err(bad) => return found.push(bad),
            },
        }
    }
    found.push(fine("images", described.join(", ")));
}

/// The image as it is shown, or what is wrong with it.
fn judge_image(
    deploy: &Command,
    template: &str,
    architecture: Architecture,
    image: Option<&Image>,
) -> Result<String, Finding> {
    let Some(image) = image else {
        let text = format!("the image of {template} ({architecture}) is gone");
        return Err(problem("images", text, deploy.to_string()));
    };
    let another = given(deploy, &format!("{}=…", image_parameter(architecture)));
    if image.architecture != architecture.name() {
        let text = format!("{} is {}, its template is for {architecture}", image.id, image.architecture);
        return Err(problem("images", text, another));
    }
    if image.state != "available" {
        let text = format!("{} ({architecture}) is {}, not available", image.id, image.state);
        return Err(problem("images", text, another));
    }
    Ok(format!("{} {architecture}", image.id))
}

/// Machine types times zones, step by step: whether any takes an item, and how many.
pub(super) fn pools(global: &Global, pipeline: &Pipeline, zones: usize) -> Vec<Finding> {
    let one = |step: &spotmill_core::model::Step| {
        let need = Need {
            vcpus: step.resources.vcpus.max(1),
            memory_mib: step.resources.max_memory_bytes.div_ceil(1 << 20),
            slots: MANY,
        };
        match machines::choose(&need, &Allowed::by(&pipeline.fleet), zones) {
            Err(e) => problem("pools", format!("{}: {e}", step.name), "change the step in pipeline.toml, then deploy"),
            Ok(chosen) if chosen.pools() < 10 => {
                let text = format!("{}: only {} of {MAX_POOLS} possible", step.name, chosen.pools());
                warning(
                    "pools",
                    text,
                    format!("more zones ({}), or smaller items", given(&global.command("deploy"), "ZoneCount=4")),
                )
            }
            Ok(chosen) => fine("pools", format!("{}: {}", step.name, chosen.pools())),
        }
    };
    pipeline.steps.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;
    use spotmill_core::command::Caller;

    fn subnet(id: &str, zone: &str, free: i32) -> Subnet {
        Subnet { id: id.to_owned(), vpc: "vpc-1".to_owned(), zone: zone.to_owned(), free, public: true }
    }

    #[test]
    fn an_image_is_there_available_and_of_its_templates_kind() {
        let deploy = Caller::new("aws").command("deploy");
        let image = |architecture: &str, state: &str| Image {
            id: "ami-1".to_owned(),
            architecture: architecture.to_owned(),
            name: "al2023".to_owned(),
            state: state.to_owned(),
        };
        let judged = |image: Option<Image>| judge_image(&deploy, "lt-1", Architecture::Arm64, image.as_ref());
        assert_eq!(judged(Some(image("arm64", "available"))), Ok("ami-1 arm64".to_owned()));
        for (image, text) in [
            (None, "is gone"),
            (Some(image("x86_64", "available")), "its template is for arm64"),
            (Some(image("arm64", "disabled")), "is disabled, not available"),
        ] {
            let found = judged(image).expect_err(text);
            assert!(found.grade == Grade::Problem && found.text.contains(text), "{}", found.text);
        }
    }

    #[test]
    fn a_fleet_takes_one_subnet_a_zone() {
        let asked = ["a".to_owned(), "b".to_owned()];
        let deploy = Caller::new("aws").command("deploy");
        let judged = |found: &[Subnet]| judge_subnets(&deploy, &asked, found).grade;
        assert_eq!(judged(&[subnet("a", "1a", 4_000), subnet("b", "1b", 4_000)]), Grade::Fine);
        assert_eq!(judged(&[subnet("a", "1a", 4_000), subnet("b", "1a", 4_000)]), Grade::Problem);
        assert_eq!(judged(&[subnet("a", "1a", 4_000)]), Grade::Problem, "b is gone");
        assert_eq!(judged(&[subnet("a", "1a", 4_000), subnet("b", "1b", 3)]), Grade::Warning);
    }
}
