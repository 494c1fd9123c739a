//! Beside the images that the launch templates name, which every `doctor` looks at: what the parameters name now. A newer image
//! comes with the next deploy; a parameter that is gone lets the next deploy fail.

use super::super::finding::{Finding, fine, problem, unasked};
use super::super::place::image_parameter;
use super::Deep;
use spotmill_core::fleet::Architecture;
use spotmill_platform::aws::stacks::TemplateNow;
use std::collections::BTreeMap;

const WHAT: &str = "images";

pub(super) async fn check(of: &Deep<'_>, templates: &BTreeMap<Architecture, TemplateNow>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (architecture, now) in templates {
        let parameter = image_parameter(*architecture);
        // CloudFormation gives the parameter's name; an emulator gives the image, which every `doctor` looks at.
        let Some(name) = of.parameter(parameter).filter(|name| !name.starts_with("ami-")) else { continue };
        let given = of.given(&format!("{parameter}=…"));
        match of.world.aws.linter().parameter(name).await {
            Ok(named) => found.push(judge(name, named.as_deref(), now.image.as_deref(), &given)),
            Err(e) => found.push(unasked(WHAT, e)),
        }
    }
    found
}

fn judge(parameter: &str, named: Option<&str>, booted: Option<&str>, given: &str) -> Finding {
    match (named, booted) {
        (None, _) => problem(WHAT, format!("there is no parameter {parameter} in this region"), given),
        (Some(id), _) if !id.starts_with("ami-") => {
            problem(WHAT, format!("{parameter} holds `{id}`, which names no image"), given)
        }
        (Some(id), Some(booted)) if id == booted => fine(WHAT, format!("{parameter} is {id}, which machines boot")),
        (Some(id), booted) => {
            let booted = booted.unwrap_or("none");
            fine(WHAT, format!("{parameter} is {id} by now; machines boot {booted} until the next deploy"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Grade;
    use super::*;

    #[test]
    fn a_parameter_names_an_image_or_the_next_deploy_fails() {
        let of = |named, booted| judge("/p", named, booted, "give another").grade;
        assert_eq!(of(Some("ami-1"), Some("ami-1")), Grade::Fine);
        assert!(judge("/p", Some("ami-2"), Some("ami-1"), "").text.contains("boot ami-1 until the next deploy"));
        assert_eq!(of(None, Some("ami-1")), Grade::Problem);
        assert_eq!(of(Some("x"), Some("ami-1")), Grade::Problem);
    }
}
