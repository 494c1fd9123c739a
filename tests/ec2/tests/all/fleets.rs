//! A fleet comes up, holds its target, changes it, expires, ends.

use crate::harness::{Harness, IDLE, WITHIN, fleet_tag, read_soon, target};
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{
    DefaultTargetCapacityType, Filter, FleetExcessCapacityTerminationPolicy, FleetStateCode,
    TargetCapacitySpecificationRequest, TargetCapacityUnitType,
};
use spotmill_local_ec2::{FleetState, InstanceState};
use std::time::{Duration, SystemTime};

#[tokio::test(flavor = "multi_thread")]
async fn instances_come_up_in_several_zones_and_run_their_user_data() {
    let at = Harness::start().await;
    let script = "#!/bin/bash\necho \"$LOCAL_EC2_INSTANCE $HOME $SPOTMILL_HOME\" > ran\nexec sleep 1000\n";
    let (fleet, seen) = at.running(script, 6).await;
    for instance in seen.running() {
        let dir = instance.dir.display();
        assert_eq!(read_soon(&instance.dir.join("ran")), format!("{} {dir} {dir}/home\n", instance.id));
        assert_eq!(instance.tags["spotmill:stack"], "s");
        assert_eq!(instance.tags["aws:ec2:fleet-id"], fleet);
    }
    let zones: std::collections::BTreeSet<_> = seen.instances.iter().map(|i| &i.zone).collect();
    assert!(zones.len() > 1, "{zones:?}");

    let described = at.ec2.describe_fleets().fleet_ids(&fleet).send().await.unwrap();
    let described = &described.fleets()[0];
    assert_eq!(described.fleet_state(), Some(&FleetStateCode::Active));
    assert_eq!(described.fulfilled_capacity(), Some(6.0));
    assert_eq!(described.activity_status().map(|s| s.as_str()), Some("fulfilled"));
    assert_eq!(described.launch_template_configs().len(), 2);
    let overrides = &described.launch_template_configs()[0].overrides()[0];
    assert_eq!(overrides.subnet_id(), Some(crate::harness::SUBNETS));
    assert_eq!(overrides.instance_requirements().unwrap().v_cpu_count().unwrap().min(), Some(2));
    assert_eq!(described.tags()[0].key(), Some("spotmill:fleet"));
    let active = at.ec2.describe_fleet_instances().fleet_id(&fleet).send().await.unwrap();
    assert_eq!(active.active_instances().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_found_by_their_tags() {
    let at = Harness::start().await;
    let (fleet, seen) = at.running(IDLE, 4).await;
    let by = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let ours = at.ec2.describe_instances().filters(by("tag:spotmill:stack", "s"));
    let ours = ours.filters(by("instance-state-name", "running")).send().await.unwrap();
    let mut ids: Vec<&str> =
        ours.reservations().iter().flat_map(|r| r.instances()).filter_map(|i| i.instance_id()).collect();
    ids.sort_unstable();
    let mut expected: Vec<&str> = seen.running().iter().map(|i| i.id.as_str()).collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let none = at.ec2.describe_instances().filters(by("tag:spotmill:stack", "another")).send().await.unwrap();
    assert!(none.reservations().is_empty());
    let tags = at.ec2.describe_tags().filters(by("resource-id", &fleet)).send().await.unwrap();
    assert_eq!(tags.tags()[0].resource_type().map(|t| t.as_str()), Some("fleet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_instance_is_replaced() {
    let at = Harness::start().await;
    let (_, seen) = at.running(IDLE, 4).await;
    let victim = seen.running()[0].id.clone();
    let killed_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    at.local.kill(&victim).unwrap();
    let seen = at.wait_for("gone and replaced", |seen| seen.living().count() == 2 && seen.running().len() == 2);
    assert_eq!(seen.instances.len(), 3);
    let gone = seen.instances.iter().find(|i| i.id == victim).unwrap();
    assert_eq!(gone.state, InstanceState::Terminated);
    let next = seen.instances.last().unwrap();
    assert!(next.launched_ms >= killed_ms + 100, "replaced only after a while: {seen:?}");
    assert!(gone.reason.as_deref().unwrap().starts_with("Server.SpotInstanceTermination"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_target_without_termination_ends_nobody_and_whoever_is_terminated_is_not_replaced() {
    let at = Harness::start().await;
    let (fleet, seen) = at.running(IDLE, 6).await;
    let modify = || at.ec2.modify_fleet().fleet_id(&fleet);
    // EC2 changes the total alone, and says so of anything else.
    let refused = modify().target_capacity_specification(target(2)).send().await.unwrap_err();
    assert_eq!(ProvideErrorMetadata::code(&refused), Some("InvalidTargetCapacitySpecification"), "{refused:?}");
    let policy = FleetExcessCapacityTerminationPolicy::NoTermination;
    let modify = modify().target_capacity_specification(total(2)).excess_capacity_termination_policy(policy);
    modify.send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(at.local.snapshot().running().len(), 3);
    let chosen: Vec<String> = seen.running().iter().take(2).map(|i| i.id.clone()).collect();
    for _ in 0..2 {
        at.ec2.terminate_instances().set_instance_ids(Some(chosen.clone())).send().await.unwrap();
    }
    at.wait_for("two ended", |seen| seen.living().count() == 1);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(at.local.snapshot().instances.len(), 3, "nobody was replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_target_with_termination_ends_the_newest() {
    let at = Harness::start().await;
    let (fleet, seen) = at.running(IDLE, 6).await;
    let policy = FleetExcessCapacityTerminationPolicy::Termination;
    let modify = at.ec2.modify_fleet().fleet_id(&fleet).excess_capacity_termination_policy(policy);
    modify.target_capacity_specification(total(2)).send().await.unwrap();
    let seen_then = at.wait_for("two ended", |seen| seen.living().count() == 1);
    assert_eq!(seen_then.running()[0].id, seen.instances[0].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_demand_is_on_demand_again_after_a_target_of_nothing() {
    let at = Harness::start().await;
    let bought = TargetCapacitySpecificationRequest::builder()
        .total_target_capacity(2)
        .default_target_capacity_type(DefaultTargetCapacityType::OnDemand)
        .target_capacity_unit_type(TargetCapacityUnitType::Vcpu)
        .build();
    let ask = at.fleet("bought", IDLE, 2).await.target_capacity_specification(bought);
    let fleet = ask.send().await.unwrap().fleet_id().unwrap().to_owned();
    at.wait_for("one runs", |seen| seen.running().len() == 1);
    let modify = |vcpus| at.ec2.modify_fleet().fleet_id(&fleet).target_capacity_specification(total(vcpus));
    modify(0).send().await.unwrap();
    at.wait_for("none is left", |seen| seen.living().next().is_none());
    modify(4).send().await.unwrap();
    let seen = at.wait_for("two run", |seen| seen.running().len() == 2);
    assert!(seen.running().iter().all(|i| i.on_demand), "{seen:?}");
    let described = at.ec2.describe_fleets().fleet_ids(&fleet).send().await.unwrap();
    assert_eq!(described.fleets()[0].fulfilled_on_demand_capacity(), Some(4.0));
    let target = described.fleets()[0].target_capacity_specification().unwrap();
    let parts = (target.total_target_capacity(), target.on_demand_target_capacity(), target.spot_target_capacity());
    assert_eq!(parts, (Some(4), Some(4), Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_fleet_ends_with_its_instances() {
    let at = Harness::start().await;
    let until = DateTime::from(SystemTime::now() + Duration::from_secs(3));
    let ask = at.fleet("expiring", IDLE, 4).await.valid_until(until).terminate_instances_with_expiration(true);
    ask.send().await.unwrap();
    at.wait_for("both run", |seen| seen.running().len() == 2);
    let seen = at.wait_for("expired", |seen| seen.fleets[0].state == FleetState::Deleted);
    assert_eq!(seen.living().count(), 0);
    assert!(seen.fleets[0].history.iter().any(|e| e.sub_kind == "expired"), "{:?}", seen.fleets[0].history);
}

#[tokio::test(flavor = "multi_thread")]
async fn units_count_instances() {
    let at = Harness::start().await;
    let id = at.template("named", host_image(), IDLE).await;
    let instance_type = if cfg!(target_arch = "aarch64") { "m7g.large" } else { "m7i.large" };
    let named =
        aws_sdk_ec2::types::FleetLaunchTemplateOverridesRequest::builder().instance_type(instance_type.into()).build();
    let target = TargetCapacitySpecificationRequest::builder().total_target_capacity(2).spot_target_capacity(2).build();
    let fleet = at.ec2.create_fleet().launch_template_configs(crate::harness::config(&id, "1", vec![named]));
    fleet.target_capacity_specification(target).tag_specifications(fleet_tag("a", "b")).send().await.unwrap();
    let seen = at.local.wait_for("two run", WITHIN, |seen| seen.running().len() == 2);
    assert!(seen.instances.iter().all(|i| i.kind == instance_type), "{seen:?}");
}

fn total(vcpus: i32) -> TargetCapacitySpecificationRequest {
    TargetCapacitySpecificationRequest::builder().total_target_capacity(vcpus).build()
}

pub fn host_image() -> &'static str {
    if cfg!(target_arch = "aarch64") { crate::harness::ARM64 } else { crate::harness::X86_64 }
}
