//! What CreateFleet refuses and with which name, client tokens, pages, and actions nobody knows.

use crate::fleets::host_image;
use crate::harness::{
    ARM64, Harness, IDLE, SUBNETS, X86_64, by_attributes, code, config, fleet, fleet_tag, message, requirements, target,
};
use aws_sdk_ec2::operation::create_fleet::builders::CreateFleetFluentBuilder;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{
    AcceleratorCountRequest, FleetLaunchTemplateOverridesRequest, FleetType, InstanceRequirementsRequest,
    RequestLaunchTemplateData, ResourceType, TagSpecification,
};
use spotmill_local_ec2::LocalEc2Config;
use std::time::{Duration, SystemTime};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_token_is_one_fleet_and_another_request_under_it_is_an_error() {
    let at = Harness::start().await;
    let ask = at.fleet("token", IDLE, 2).await.client_token("t1");
    let first = ask.clone().send().await.unwrap();
    let second = ask.clone().send().await.unwrap();
    assert_eq!(first.fleet_id(), second.fleet_id());
    let other = ask.clone().target_capacity_specification(target(4)).send().await;
    assert_eq!(code(other), "IdempotentParameterMismatch");
    at.delete(first.fleet_id().unwrap()).await;
    let dead = ask.send().await.unwrap();
    assert_eq!(dead.fleet_id(), first.fleet_id(), "a token used again gives the dead fleet");
    assert_eq!(at.local.snapshot().fleets.len(), 1);
}

fn overridden(ask: InstanceRequirementsRequest) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest::builder().instance_requirements(ask).build()
}

fn named(instance_type: &str) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest::builder().instance_type(instance_type.into()).build()
}

async fn refused(ask: CreateFleetFluentBuilder, expected: &str) {
    let message = message(ask.send().await);
    assert!(message.starts_with(expected), "{message}; expected {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_refused_by_name() {
    let at = Harness::start().await;
    let id = &at.template("one", host_image(), IDLE).await;
    let ask = |overrides| {
        at.ec2
            .create_fleet()
            .launch_template_configs(config(id, "1", overrides))
            .target_capacity_specification(target(2))
    };
    let good = || ask(vec![by_attributes(2, 2)]);
    refused(good().r#type(FleetType::Instant), "UnsupportedOperation: ").await;
    refused(good().r#type(FleetType::Request), "UnsupportedOperation: ").await;
    refused(good().target_capacity_specification(target(10_001)), "InvalidParameterValue: TotalTargetCapacity").await;
    let past = DateTime::from(SystemTime::now() - Duration::from_secs(1));
    refused(good().valid_until(past), "InvalidParameterValue: ValidUntil").await;
    let tag = TagSpecification::builder().resource_type(ResourceType::Instance).build();
    refused(good().tag_specifications(tag), "InvalidParameterValue: 'instance' is not a valid taggable").await;
    refused(good().tag_specifications(fleet_tag("aws:x", "y")), "InvalidParameterValue: Tag keys").await;
    refused(good().launch_template_configs(config("lt-none", "1", vec![])), "InvalidLaunchTemplateId.NotFound").await;
    let no_version = ask(vec![]).set_launch_template_configs(Some(vec![config(id, "9", vec![by_attributes(2, 2)])]));
    refused(no_version, "InvalidLaunchTemplateId.VersionNotFound").await;
    refused(ask(vec![]), "InvalidParameterCombination: TargetCapacityUnitType").await;
    refused(ask(vec![by_attributes(2, 2), named("m7i.large")]), "InvalidParameterCombination: ").await;
    let five = (0..5).map(|n| by_attributes(1 << n, 1 << n)).collect();
    refused(ask(five), "InvalidParameterValue: Your request contains more than the maximum allowed number").await;
    let overlapping = vec![by_attributes(2, 8), by_attributes(8, 16)];
    refused(ask(overlapping), "InvalidParameterValue: Two or more of your InstanceRequirements").await;
    let twice = FleetLaunchTemplateOverridesRequest::builder()
        .subnet_id(format!("{SUBNETS},subnet-0000000000000000a"))
        .instance_requirements(requirements(2, 2));
    refused(ask(vec![twice.build()]), "InvalidFleetConfig: The fleet configuration contains duplicate").await;
    let lost = FleetLaunchTemplateOverridesRequest::builder().subnet_id("subnet-none");
    refused(ask(vec![lost.instance_requirements(requirements(2, 2)).build()]), "InvalidSubnetID.NotFound").await;
    assert_eq!(at.local.snapshot().fleets.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_must_be_given_and_literal() {
    let at = Harness::start().await;
    for (image, expected) in [
        ("resolve:ssm:/aws/service/x", "InvalidParameterValue: A Systems Manager"),
        ("", "MissingParameter: The request must contain the parameter ImageId"),
        ("ami-123", "InvalidAMIID.NotFound"),
        ("nonsense", "InvalidAMIID.Malformed"),
    ] {
        let name = format!("t-{}", image.len());
        let id = at.template(&name, image, IDLE).await;
        refused(fleet(&at.ec2, &[&id], 2), expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_three_hundred_pools_are_refused() {
    let at = Harness::with(LocalEc2Config { zones: 6, ..LocalEc2Config::default() }).await;
    let (x86, arm) = (at.template("x86", X86_64, IDLE).await, at.template("arm", ARM64, IDLE).await);
    let broad = || vec![overridden(requirements(1, 64))];
    let both = vec![config(&x86, "1", broad()), config(&arm, "1", broad())];
    let ask = at.ec2.create_fleet().target_capacity_specification(target(2));
    refused(
        ask.clone().set_launch_template_configs(Some(both)),
        "InvalidFleetConfig: The fleet configuration contains",
    )
    .await;
    ask.launch_template_configs(config(&x86, "1", broad())).send().await.expect("one architecture is within it");
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_that_match_nothing_are_reported_only_by_the_history() {
    let at = Harness::start().await;
    let id = at.template("one", host_image(), IDLE).await;
    let gpus = AcceleratorCountRequest::builder().min(1).build();
    let ask = InstanceRequirementsRequest::builder().accelerator_count(gpus);
    let ask = ask.set_v_cpu_count(requirements(1, 9).v_cpu_count).set_memory_mib(requirements(1, 9).memory_mib);
    let fleet = at.ec2.create_fleet().launch_template_configs(config(&id, "1", vec![overridden(ask.build())]));
    fleet.target_capacity_specification(target(2)).send().await.unwrap();
    at.wait_for("the error is recorded", |seen| {
        seen.fleets[0].history.iter().any(|e| e.sub_kind == "spotFleetRequestConfigurationInvalid")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_too_low_gets_nothing() {
    let at = Harness::start().await;
    let id = at.template("one", host_image(), IDLE).await;
    let cheap = FleetLaunchTemplateOverridesRequest::builder().max_price("0.0001");
    let cheap = cheap.instance_requirements(requirements(2, 2)).build();
    let fleet = at.ec2.create_fleet().launch_template_configs(config(&id, "1", vec![cheap]));
    fleet.target_capacity_specification(target(2)).send().await.unwrap();
    at.wait_for("the error is recorded", |seen| {
        seen.fleets[0].history.iter().any(|e| e.description.starts_with("SpotMaxPriceTooLow"))
    });
    assert_eq!(at.local.snapshot().instances.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_fleet_and_every_instance_once() {
    let at = Harness::start().await;
    let id = at.template("one", host_image(), IDLE).await;
    for n in 0..5 {
        fleet(&at.ec2, &[&id], 0).client_token(format!("t{n}")).send().await.unwrap();
    }
    let pages = at.ec2.describe_fleets().max_results(2).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.fleets().len()).collect::<Vec<_>>(), [2, 2, 1]);
    let mut ids: Vec<&str> = pages.iter().flat_map(|page| page.fleets()).filter_map(|f| f.fleet_id()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 5);

    fleet(&at.ec2, &[&id], 12).send().await.unwrap();
    at.wait_for("six run", |seen| seen.running().len() == 6);
    assert_eq!(code(at.ec2.describe_instances().max_results(4).send().await), "InvalidParameterValue");
    let pages = at.ec2.describe_instances().max_results(5).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.reservations().len()).collect::<Vec<_>>(), [5, 1]);
    assert_eq!(code(at.ec2.describe_fleets().next_token("nonsense").send().await), "InvalidNextToken");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_named() {
    let at = Harness::start().await;
    assert_eq!(code(at.ec2.describe_fleets().fleet_ids("fleet-none").send().await), "InvalidFleetId.NotFound");
    assert_eq!(code(at.ec2.terminate_instances().instance_ids("i-none").send().await), "InvalidInstanceID.NotFound");
    assert_eq!(code(at.ec2.terminate_instances().instance_ids("none").send().await), "InvalidInstanceID.Malformed");
    let unknown = message(at.ec2.describe_key_pairs().send().await);
    assert!(unknown.starts_with("InvalidAction: The action DescribeKeyPairs"), "{unknown}");
    let filter = aws_sdk_ec2::types::Filter::builder().name("moon").values("full").build();
    let id = at.template("one", host_image(), IDLE).await;
    fleet(&at.ec2, &[&id], 0).send().await.unwrap();
    let filtered = message(at.ec2.describe_fleets().filters(filter).send().await);
    assert!(filtered.contains("The filter 'moon' is invalid"), "{filtered}");
    assert_eq!(code(at.ec2.create_fleet().dry_run(true).send().await), "DryRunOperation");
    let data = RequestLaunchTemplateData::builder().user_data("not base64!").build();
    let malformed = at.ec2.create_launch_template().launch_template_name("bad").launch_template_data(data);
    assert_eq!(code(malformed.send().await), "InvalidUserData.Malformed");
}
