//! What the account allows: quotas of machines and functions, and service-linked roles.

use super::finding::{Finding, Grade, fine, problem, unasked, warning};
use spotmill_core::model::Pipeline;
use spotmill_ec2::cause::{ON_DEMAND_QUOTA, SPOT_QUOTA, raise_quota};
use spotmill_platform::aws::Aws;

/// Concurrent executions of functions.
const CONCURRENCY_QUOTA: &str = "L-B99A9384";
/// What the queues' functions may take, and one for each of a run's steps at once: a new account has ten.
const LEAST_FUNCTIONS: f64 = 10.0;

/// The most vCPUs that a fleet of these pipelines may ask for; at least the vCPUs of one item.
pub(super) fn most_vcpus(pipelines: &[&Pipeline]) -> (u32, bool) {
    let items = pipelines.iter().flat_map(|p| &p.steps).map(|s| s.resources.vcpus).max().unwrap_or(1);
    match pipelines.iter().filter_map(|p| p.fleet.max_vcpus).max() {
        Some(most) => (most.max(items), true),
        None => (items, false),
    }
}

pub(super) async fn quota(aws: &Aws, (vcpus, bounded): (u32, bool)) -> Finding {
    match aws.account().quota("ec2", SPOT_QUOTA).await {
        Err(e) => unasked("spot quota", e),
        Ok(None) => {
            warning("spot quota", format!("{SPOT_QUOTA} is not known in this region"), "check it in Service Quotas")
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

/// Of on-demand machines, where a pipeline takes them.
pub(super) async fn on_demand_quota(aws: &Aws, pipelines: &[&Pipeline]) -> Option<Finding> {
    let taking: Vec<&Pipeline> = pipelines.iter().copied().filter(|p| p.fleet.on_demand_after_secs.is_some()).collect();
    if taking.is_empty() {
        return None;
    }
    let (vcpus, _) = most_vcpus(&taking);
    Some(match aws.account().quota("ec2", ON_DEMAND_QUOTA).await {
        Err(e) => unasked("on-demand quota", e),
        Ok(None) => fine("on-demand quota", format!("{ON_DEMAND_QUOTA} is not known in this region")),
        Ok(Some(quota)) => judge_on_demand(quota, vcpus),
    })
}

pub(super) fn judge_on_demand(quota: f64, vcpus: u32) -> Finding {
    let text = format!("{quota} vCPUs ({ON_DEMAND_QUOTA})");
    if quota < f64::from(vcpus) {
        let text = format!("{text}, `fleet.on_demand_after` may ask for {vcpus}");
        return warning("on-demand quota", text, raise_quota(ON_DEMAND_QUOTA, vcpus.saturating_mul(2).max(64)));
    }
    fine("on-demand quota", text)
}

pub(super) async fn concurrency(aws: &Aws) -> Finding {
    match aws.account().quota("lambda", CONCURRENCY_QUOTA).await {
        Err(e) => unasked("functions", e),
        Ok(None) => fine("functions", format!("{CONCURRENCY_QUOTA} is not known in this region")),
        Ok(Some(quota)) => judge_concurrency(quota),
    }
}

pub(super) fn judge_concurrency(quota: f64) -> Finding {
    let text = format!("{quota} at once ({CONCURRENCY_QUOTA})");
    if quota < LEAST_FUNCTIONS {
        let raise = "aws service-quotas request-service-quota-increase --service-code lambda --quota-code";
        let text = format!("{text}, a run needs {LEAST_FUNCTIONS} beside what else the account does");
        return warning("functions", text, format!("{raise} {CONCURRENCY_QUOTA} --desired-value 1000"));
    }
    fine("functions", text)
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
    fn quotas_beside_that_of_spot_warn_with_the_command_that_raises_them() {
        let low = judge_on_demand(5.0, 32);
        assert_eq!((low.grade, judge_on_demand(32.0, 32).grade), (Grade::Warning, Grade::Fine));
        assert!(low.remedy.unwrap().contains("--quota-code L-1216C47A --desired-value 64"));
        let few = judge_concurrency(5.0);
        assert_eq!((few.grade, judge_concurrency(10.0).grade), (Grade::Warning, Grade::Fine));
        assert!(few.remedy.unwrap().contains("--service-code lambda --quota-code L-B99A9384"));
    }

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
