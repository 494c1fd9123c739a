//! Limits that Service Quotas does not count for us, against what runs would need: versions of launch templates, and the
//! stack's own limit of vCPUs against its pipelines.

use super::super::finding::{Finding, fine, problem, warning};
use super::Deep;
use spotmill_core::fleet::Architecture;
use spotmill_core::model::Pipeline;
use spotmill_platform::aws::stacks::TemplateNow;
use std::collections::BTreeMap;

/// Of one launch template, by EC2's documentation.
const MOST_VERSIONS: usize = 10_000;
/// Each round of a step has a version while it lives; more than this are left over.
const ORDINARY_VERSIONS: usize = 1_000;

pub(super) fn check(of: &Deep<'_>, templates: &BTreeMap<Architecture, TemplateNow>) -> Vec<Finding> {
    let most = of.world.ctx.settings.max_vcpus.unwrap_or(0);
    let mut found: Vec<Finding> = templates.values().map(judge_versions).collect();
    found.extend(judge_vcpus(most, of.pipelines, &of.given("MaxVcpus=…")));
    found
}

fn judge_versions(now: &TemplateNow) -> Finding {
    let text = format!("{} has {} of {MOST_VERSIONS} versions", now.id, now.versions);
    let remedy = format!(
        "end what still runs, then delete the old ones: aws ec2 delete-launch-template-versions --launch-template-id {} --versions …",
        now.id
    );
    match now.versions {
        full if full >= MOST_VERSIONS => problem("templates", text, remedy),
        many if many > ORDINARY_VERSIONS => warning("templates", text, remedy),
        _ => fine("templates", text),
    }
}

/// A step whose one item takes more than all may have together would wait half a day, and fail.
fn judge_vcpus(most: u32, pipelines: &[&Pipeline], raise: &str) -> Option<Finding> {
    if most == 0 {
        return None;
    }
    let steps = pipelines.iter().flat_map(|p| p.steps.iter().map(move |s| (&p.name, s)));
    let (pipeline, largest) = steps.max_by_key(|(_, s)| s.resources.vcpus)?;
    let (step, vcpus) = (&largest.name, largest.resources.vcpus);
    Some(match vcpus > most {
        true => problem("MaxVcpus", format!("{most}, and an item of {pipeline}/{step} takes {vcpus}"), raise),
        false => fine("MaxVcpus", format!("{most} for all runs together; an item takes {vcpus} at most")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Grade;
    use super::super::parsed;
    use super::*;

    #[test]
    fn versions_of_a_template_are_counted_against_ec2s_limit() {
        let of = |versions| {
            let now = TemplateNow { id: "lt-1".to_owned(), latest: 12_000, versions, image: None };
            (judge_versions(&now).grade, judge_versions(&now).remedy.is_some())
        };
        assert_eq!(of(3), (Grade::Fine, false));
        assert_eq!(of(1_001), (Grade::Warning, true));
        assert_eq!(of(10_000), (Grade::Problem, true));
    }

    #[test]
    fn the_stacks_limit_takes_at_least_one_item() {
        let text = r#"format = 1
[pipeline]
name = "p"
[params]
date = { type = "date" }
[resources]
vcpus = 8
[[step]]
name = "s"
sql = "SELECT a FROM input"
[step.input]
path = "x.csv"
columns = ["a int32"]
[step.output]
destination = "out/{date}"
"#;
        let eight = parsed(text.to_owned());
        assert_eq!(judge_vcpus(0, &[&eight], "raise"), None, "0 is no limit");
        assert_eq!(judge_vcpus(4, &[&eight], "raise").map(|f| f.grade), Some(Grade::Problem));
        assert_eq!(judge_vcpus(8, &[&eight], "raise").map(|f| f.grade), Some(Grade::Fine));
    }
}
