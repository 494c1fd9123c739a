//! The two calls as EC2 spells them: a field for each field that is used, under the API's own name, so that the JSON
//! can be held against AWS's service model.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateFleet {
    pub client_token: String,
    pub r#type: String,
    pub target_capacity_specification: TargetCapacity,
    /// Of fleets whose machines are spot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_options: Option<SpotOptions>,
    pub excess_capacity_termination_policy: String,
    pub launch_template_configs: Vec<LaunchTemplateConfig>,
    pub terminate_instances_with_expiration: bool,
    /// RFC 3339, whole seconds.
    pub valid_until: String,
    pub replace_unhealthy_instances: bool,
    pub tag_specifications: Vec<TagSpecification>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetCapacity {
    pub total_target_capacity: i32,
    pub default_target_capacity_type: String,
    pub target_capacity_unit_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SpotOptions {
    pub allocation_strategy: String,
    pub instance_interruption_behavior: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LaunchTemplateConfig {
    pub launch_template_specification: LaunchTemplateSpecification,
    pub overrides: Vec<Override>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LaunchTemplateSpecification {
    pub launch_template_id: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Override {
    /// Every zone's, comma separated.
    pub subnet_id: String,
    /// Dollars an hour for a unit of capacity, which is a vCPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_price: Option<String>,
    pub instance_requirements: Requirements,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Requirements {
    #[serde(rename = "VCpuCount")]
    pub vcpu_count: Range,
    #[serde(rename = "MemoryMiB")]
    pub memory_mib: AtLeast<i32>,
    #[serde(rename = "MemoryGiBPerVCpu")]
    pub memory_gib_per_vcpu: AtLeast<f64>,
    pub allowed_instance_types: Vec<String>,
    pub bare_metal: String,
    pub burstable_performance: String,
    pub accelerator_count: AtMost,
    /// Percent that a machine type may cost more a vCPU than the cheapest that is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand_max_price_percentage_over_lowest_price: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Range {
    pub min: i32,
    pub max: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AtLeast<T> {
    pub min: T,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AtMost {
    pub max: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagSpecification {
    pub resource_type: String,
    pub tags: Vec<Tag>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateLaunchTemplateVersion {
    pub client_token: String,
    pub launch_template_id: String,
    /// Image, role, security group and the rest come from it.
    pub source_version: String,
    /// The fleet's name, by which the version is found later.
    pub version_description: String,
    pub launch_template_data: LaunchTemplateData,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LaunchTemplateData {
    /// Base64.
    pub user_data: String,
    pub tag_specifications: Vec<TagSpecification>,
}
