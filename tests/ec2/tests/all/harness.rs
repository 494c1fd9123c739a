//! An endpoint, a client of it, and the requests that tests begin with.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::{Builder, Credentials, Region};
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::create_fleet::builders::CreateFleetFluentBuilder;
use aws_sdk_ec2::types::{
    DefaultTargetCapacityType, FleetExcessCapacityTerminationPolicy, FleetLaunchTemplateConfigRequest,
    FleetLaunchTemplateOverridesRequest, FleetLaunchTemplateSpecificationRequest, FleetType,
    InstanceRequirementsRequest, LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateTagSpecificationRequest,
    MemoryMiBRequest, RequestLaunchTemplateData, ResourceType, SpotAllocationStrategy, SpotOptionsRequest, Tag,
    TagSpecification, TargetCapacitySpecificationRequest, TargetCapacityUnitType, VCpuCountRangeRequest,
};
use spotmill_local_ec2::{LocalEc2, LocalEc2Config, Snapshot};
use std::path::Path;
use std::time::Duration;

pub const WITHIN: Duration = Duration::from_secs(30);
pub const SUBNETS: &str = "subnet-0000000000000000a,subnet-0000000000000000b,subnet-0000000000000000c";
pub const X86_64: &str = "ami-00000000000086064";
pub const ARM64: &str = "ami-000000000000a6064";

/// Waits for signals, and for nothing else.
pub const IDLE: &str = "#!/bin/bash\nexec sleep 1000\n";

pub struct Harness {
    pub local: LocalEc2,
    pub ec2: Client,
}

impl Harness {
    pub async fn start() -> Harness {
        Harness::with(LocalEc2Config::default()).await
    }

    pub async fn with(config: LocalEc2Config) -> Harness {
        let config = LocalEc2Config { replace_after: Duration::from_millis(100), ..config };
        let local = LocalEc2::start(config).expect("the endpoint starts");
        let ec2 = client(local.endpoint()).await;
        Harness { local, ec2 }
    }

    /// A launch template with this user data.
    pub async fn template(&self, name: &str, image: &str, user_data: &str) -> String {
        template(&self.ec2, name, image, user_data).await
    }

    /// A template for each architecture, and the request of a fleet of so many vCPUs on both.
    pub async fn fleet(&self, name: &str, user_data: &str, vcpus: i32) -> CreateFleetFluentBuilder {
        let x86 = self.template(&format!("{name}-x86"), X86_64, user_data).await;
        let arm = self.template(&format!("{name}-arm"), ARM64, user_data).await;
        fleet(&self.ec2, &[&x86, &arm], vcpus)
    }

    /// A fleet of so many vCPUs, once all its instances (of two vCPUs) run.
    pub async fn running(&self, user_data: &str, vcpus: i32) -> (String, Snapshot) {
        let made = self.fleet("running", user_data, vcpus).await.send().await.expect("the fleet is made");
        let id = made.fleet_id().expect("a fleet has an id").to_owned();
        let all = vcpus as usize / 2;
        (id, self.local.wait_for("all run", WITHIN, |seen| seen.running().len() == all))
    }

    pub fn wait_for(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Snapshot {
        self.local.wait_for(what, WITHIN, holds)
    }

    pub async fn delete(&self, fleet: &str) {
        self.ec2.delete_fleets().fleet_ids(fleet).terminate_instances(true).send().await.expect("deleted");
    }
}

pub async fn client(endpoint: &str) -> Client {
    let aws = spotmill_platform::aws::Aws::from_env().await;
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(10));
    let config = Builder::from(aws.config())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(retries);
    Client::from_conf(config.build())
}

pub async fn template(ec2: &Client, name: &str, image: &str, user_data: &str) -> String {
    let tags = LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(ResourceType::Instance)
        .tags(Tag::builder().key("spotmill:stack").value("s").build())
        .build();
    let tokens = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .instance_metadata_tags("enabled".into())
        .http_tokens("required".into());
    let data = RequestLaunchTemplateData::builder()
        .image_id(image)
        .user_data(base64(user_data))
        .metadata_options(tokens.build())
        .tag_specifications(tags);
    let made = ec2.create_launch_template().launch_template_name(name).launch_template_data(data.build()).send().await;
    made.expect("the template is made").launch_template().unwrap().launch_template_id().unwrap().to_owned()
}

/// Two vCPUs each, in three zones, from all of these templates.
pub fn fleet(ec2: &Client, templates: &[&str], vcpus: i32) -> CreateFleetFluentBuilder {
    let configs = templates.iter().map(|id| config(id, "$Latest", vec![by_attributes(2, 2)])).collect();
    let options = SpotOptionsRequest::builder().allocation_strategy(SpotAllocationStrategy::PriceCapacityOptimized);
    ec2.create_fleet()
        .r#type(FleetType::Maintain)
        .set_launch_template_configs(Some(configs))
        .target_capacity_specification(target(vcpus))
        .spot_options(options.build())
        .excess_capacity_termination_policy(FleetExcessCapacityTerminationPolicy::NoTermination)
        .tag_specifications(fleet_tag("spotmill:fleet", "f"))
}

pub fn config(
    template: &str,
    version: &str,
    overrides: Vec<FleetLaunchTemplateOverridesRequest>,
) -> FleetLaunchTemplateConfigRequest {
    let named = FleetLaunchTemplateSpecificationRequest::builder().launch_template_id(template).version(version);
    FleetLaunchTemplateConfigRequest::builder()
        .launch_template_specification(named.build())
        .set_overrides(Some(overrides))
        .build()
}

pub fn requirements(min: i32, max: i32) -> InstanceRequirementsRequest {
    let vcpus = VCpuCountRangeRequest::builder().min(min).max(max).build();
    let memory = MemoryMiBRequest::builder().min(1).build();
    InstanceRequirementsRequest::builder().v_cpu_count(vcpus).memory_mib(memory).build()
}

pub fn by_attributes(min: i32, max: i32) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest::builder()
        .subnet_id(SUBNETS)
        .instance_requirements(requirements(min, max))
        .build()
}

pub fn target(vcpus: i32) -> TargetCapacitySpecificationRequest {
    TargetCapacitySpecificationRequest::builder()
        .total_target_capacity(vcpus)
        .default_target_capacity_type(DefaultTargetCapacityType::Spot)
        .target_capacity_unit_type(TargetCapacityUnitType::Vcpu)
        .build()
}

pub fn fleet_tag(key: &str, value: &str) -> TagSpecification {
    let tag = Tag::builder().key(key).value(value).build();
    TagSpecification::builder().resource_type(ResourceType::Fleet).tags(tag).build()
}

pub fn base64(text: &str) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}

/// EC2's name of the error.
pub fn code<T: std::fmt::Debug, E, R>(result: Result<T, SdkError<E, R>>) -> String
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    let error = result.expect_err("the call must be refused");
    error.code().unwrap_or("no code").to_owned()
}

pub fn message<T: std::fmt::Debug, E, R>(result: Result<T, SdkError<E, R>>) -> String
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    let error = result.expect_err("the call must be refused");
    format!("{}: {}", error.code().unwrap_or("no code"), error.message().unwrap_or("no message"))
}

/// The file once it is there and not empty.
pub fn read_soon(path: &Path) -> String {
    let until = std::time::Instant::now() + WITHIN;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text;
        }
        assert!(std::time::Instant::now() < until, "{} was not written: {text:?}", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process lives (one that nobody has collected yet does not).
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with('Z'))
}

/// The file once it is there, as the pids it lists.
pub fn pids(path: &Path, count: usize) -> Vec<u32> {
    let until = std::time::Instant::now() + WITHIN;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        if pids.len() == count {
            return pids;
        }
        assert!(std::time::Instant::now() < until, "{} does not list {count} pids: {text:?}", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}
