//! Converts the pure requests to the SDK's types, field by field; it decides nothing.

use aws_sdk_ec2::operation::create_fleet::builders::CreateFleetFluentBuilder;
use aws_sdk_ec2::primitives::{DateTime, DateTimeFormat};
use aws_sdk_ec2::types::{
    AcceleratorCountRequest, FleetLaunchTemplateConfigRequest, FleetLaunchTemplateOverridesRequest,
    FleetLaunchTemplateSpecificationRequest, InstanceRequirementsRequest, LaunchTemplateTagSpecificationRequest,
    MemoryGiBPerVCpuRequest, MemoryMiBRequest, RequestLaunchTemplateData, SpotOptionsRequest, Tag, TagSpecification,
    TargetCapacitySpecificationRequest, VCpuCountRangeRequest,
};
use spotmill_ec2::api;

pub fn fleet_request(of: &api::CreateFleet, call: CreateFleetFluentBuilder) -> CreateFleetFluentBuilder {
    let target = &of.target_capacity_specification;
    call.client_token(&of.client_token)
        .r#type(of.r#type.as_str().into())
        .target_capacity_specification(
            TargetCapacitySpecificationRequest::builder()
                .total_target_capacity(target.total_target_capacity)
                .default_target_capacity_type(target.default_target_capacity_type.as_str().into())
                .target_capacity_unit_type(target.target_capacity_unit_type.as_str().into())
                .build(),
        )
        .set_spot_options(of.spot_options.as_ref().map(spot_options))
        .excess_capacity_termination_policy(of.excess_capacity_termination_policy.as_str().into())
        .set_launch_template_configs(Some(of.launch_template_configs.iter().map(config).collect()))
        .terminate_instances_with_expiration(of.terminate_instances_with_expiration)
        .set_valid_until(DateTime::from_str(&of.valid_until, DateTimeFormat::DateTime).ok())
        .replace_unhealthy_instances(of.replace_unhealthy_instances)
        .set_tag_specifications(Some(of.tag_specifications.iter().map(tagged).collect()))
}

fn spot_options(of: &api::SpotOptions) -> SpotOptionsRequest {
    SpotOptionsRequest::builder()
        .allocation_strategy(of.allocation_strategy.as_str().into())
        .instance_interruption_behavior(of.instance_interruption_behavior.as_str().into())
        .build()
}

fn config(of: &api::LaunchTemplateConfig) -> FleetLaunchTemplateConfigRequest {
    let template = &of.launch_template_specification;
    FleetLaunchTemplateConfigRequest::builder()
        .launch_template_specification(
            FleetLaunchTemplateSpecificationRequest::builder()
                .launch_template_id(&template.launch_template_id)
                .version(&template.version)
                .build(),
        )
        .set_overrides(Some(of.overrides.iter().map(one_override).collect()))
        .build()
}

fn one_override(of: &api::Override) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest::builder()
        .subnet_id(&of.subnet_id)
        .set_max_price(of.max_price.clone())
        .instance_requirements(requirements(&of.instance_requirements))
        .build()
}

fn requirements(of: &api::Requirements) -> InstanceRequirementsRequest {
    InstanceRequirementsRequest::builder()
        .v_cpu_count(VCpuCountRangeRequest::builder().min(of.vcpu_count.min).max(of.vcpu_count.max).build())
        .memory_mib(MemoryMiBRequest::builder().min(of.memory_mib.min).build())
        .memory_gib_per_v_cpu(MemoryGiBPerVCpuRequest::builder().min(of.memory_gib_per_vcpu.min).build())
        .set_allowed_instance_types(Some(of.allowed_instance_types.clone()))
        .bare_metal(of.bare_metal.as_str().into())
        .burstable_performance(of.burstable_performance.as_str().into())
        .accelerator_count(AcceleratorCountRequest::builder().max(of.accelerator_count.max).build())
        .set_on_demand_max_price_percentage_over_lowest_price(of.on_demand_max_price_percentage_over_lowest_price)
        .build()
}

pub fn data(of: &api::LaunchTemplateData) -> RequestLaunchTemplateData {
    let tagged = |of: &api::TagSpecification| {
        LaunchTemplateTagSpecificationRequest::builder()
            .resource_type(of.resource_type.as_str().into())
            .set_tags(Some(tags(&of.tags)))
            .build()
    };
    RequestLaunchTemplateData::builder()
        .user_data(&of.user_data)
        .set_tag_specifications(Some(of.tag_specifications.iter().map(tagged).collect()))
        .build()
}

fn tagged(of: &api::TagSpecification) -> TagSpecification {
    TagSpecification::builder().resource_type(of.resource_type.as_str().into()).set_tags(Some(tags(&of.tags))).build()
}

fn tags(of: &[api::Tag]) -> Vec<Tag> {
    of.iter().map(|t| Tag::builder().key(&t.key).value(&t.value).build()).collect()
}
