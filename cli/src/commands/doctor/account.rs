//! What the account allows: spot quota and service-linked roles.

use super::finding::{Finding, Grade, fine, problem, unasked, warning};
use spotmill_core::model::Pipeline;
use spotmill_ec2::cause::{SPOT_QUOTA, raise_quota};
use spotmill_platform::aws::Aws;

/// The most vCPUs that a fleet of these pipelines may ask for; at least the vCPUs of one item.
pub(super) fn most_vcpus(pipelines: &[&Pipeline]) -> (u32, bool) {
    let items = pipelines.iter().flat_map(|p| &p.steps).map(|s| s.resources.vcpus).max().unwrap_or(1);
    match pipelines.iter().filter_map(|p| p.fleet.max_vcpus).max() {
        Some(most) => (most.max(items), true),
        None => (items, false),
    }
}

pub(super) async fn quota(aws: &Aws, (vcpus, bounded): (u32, bool)) -> Finding {
    match aws.account().ec2_quota(SPOT_QUOTA).await {
        Err(e) => unasked("spot quota", e),
        Ok(None) => {
            warning("spot quota", format!("{SPOT_QUOTA} is not known in this region"), "look in Service Quotas")
        }
        Ok(Some(quota)) => judge_quota(quota, vcpus, bounded),
    }
}

pub(super) fn judge_quota(quota: f64, vcpus: u32, bounded: bool) -> Finding {
    let raise = |to: u32| raise_quota(SPOT_QUOTA, to);
    let text = format!("{quota} vCPUs ({SPOT_QUOTA})");
    if quota < f64::from(vcpus) {
        let needs = if bounded { format!("max_vcpus = {vcpus}") } else { format!("an item takes {vcpus}") };
        return problem("spot quota", format!("{text}, {needs}"), raise(vcpus.saturating_mul(2).max(64)));
    }
    if !bounded && quota < 64.0 {
        let text = format!("{text}; `[fleet] max_vcpus` is not set, a fleet asks for all its items");
        return warning("spot quota", text, raise(256));
    }
    fine("spot quota", text)
}

pub(super) async fn role(aws: &Aws, name: &str, service: &str, absent: Grade) -> Finding {
    match aws.account().has_role(name).await {
        Err(e) => unasked("service role", e),
        Ok(true) => fine("service role", name),
        Ok(false) => Finding {
            what: "service role",
            grade: absent,
            text: format!("{name} does not exist"),
            remedy: Some(format!("aws iam create-service-linked-role --aws-service-name {service}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_held_against_what_a_fleet_asks_for() {
        let low = judge_quota(5.0, 32, true);
        assert_eq!(low.grade, Grade::Problem);
        assert!(low.remedy.unwrap().contains("--quota-code L-34B43A08 --desired-value 64"));
        assert_eq!(judge_quota(640.0, 32, true).grade, Grade::Fine);
        assert_eq!(judge_quota(5.0, 2, false).grade, Grade::Warning, "all items ask at once");
        assert_eq!(judge_quota(5.0, 8, false).grade, Grade::Problem, "not even one item");
    }
}
