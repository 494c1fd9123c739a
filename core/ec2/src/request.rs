//! From a request and a place to the calls: a launch-template version an architecture, then one fleet over both. A
//! `maintain` fleet, because only that takes requirements over every zone; the least interrupted pools first; nothing
//! is ended because there is more than asked for.

use super::allowed::Allowed;
use super::api::*;
use super::machines::{self, LeftOut, Machines, Need};
use super::{EXECUTION_TAG, FLEET_TAG, FleetPlace, RUN_TAG, STACK_TAG};
use super::{STEP_TAG, user_data};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use spotmill_core::bounds::{MAX_FLEET_VCPUS, MAX_TAG_CHARS};
use spotmill_core::digest::sha256;
use spotmill_core::fleet::{Architecture, FleetProblem, FleetRequest};
use spotmill_core::records::{RECORD_VERSION, WorkerSettings};
use std::collections::BTreeMap;

/// EC2 by itself allows 20 % on demand, which leaves few pools of those that were chosen: between the cheapest and the dearest
/// of them lies less than a factor of two.
const ON_DEMAND_OVER_LOWEST: i32 = 100;

/// The versions that carry this round's settings, to be made before the fleet.
pub fn template_versions(
    request: &FleetRequest,
    place: &FleetPlace,
) -> Result<BTreeMap<Architecture, CreateLaunchTemplateVersion>, FleetProblem> {
    let user_data = STANDARD.encode(user_data(&settings(request, place))?);
    let tags = tags(request, &place.stack)?;
    let tagged = |resource_type: &str| TagSpecification { resource_type: resource_type.to_owned(), tags: tags.clone() };
    let version = |architecture: Architecture| CreateLaunchTemplateVersion {
        client_token: token(request, place, &format!("template {architecture}")),
        launch_template_id: place.templates[&architecture].clone(),
        source_version: "$Latest".to_owned(),
        version_description: request.name.clone(),
        launch_template_data: LaunchTemplateData {
            user_data: user_data.clone(),
            tag_specifications: vec![tagged("instance"), tagged("volume")],
        },
    };
    let chosen = machines_for(request, place)?;
    Ok(chosen.types.keys().map(|architecture| (*architecture, version(*architecture))).collect())
}

/// The fleet of spot machines over the versions that were made of `template_versions`, by number.
pub fn create_fleet(
    request: &FleetRequest,
    place: &FleetPlace,
    versions: &BTreeMap<Architecture, i64>,
) -> Result<CreateFleet, FleetProblem> {
    let chosen = machines_for(request, place)?;
    let market = Market::spot(request, &chosen);
    fleet_over(request, place, versions, &chosen, market)
}

/// The fleet of machines on demand beside it, of the same name: a fleet of type maintain can change its total, but not
/// what it buys. It is asked for once in a round, so that the token needs no number of vCPUs in it.
pub fn create_on_demand(
    request: &FleetRequest,
    place: &FleetPlace,
    versions: &BTreeMap<Architecture, i64>,
    vcpus: u32,
) -> Result<CreateFleet, FleetProblem> {
    let chosen = machines_for(request, place)?;
    fleet_over(request, place, versions, &chosen, Market::on_demand(vcpus))
}

/// What a fleet of spot machines and one on demand differ in.
struct Market {
    /// Of the token.
    purpose: &'static str,
    capacity_type: &'static str,
    vcpus: u32,
    max_price: Option<String>,
    over_lowest: Option<i32>,
    spot_options: Option<SpotOptions>,
}

impl Market {
    fn spot(request: &FleetRequest, chosen: &Machines) -> Self {
        Self {
            purpose: "fleet",
            capacity_type: "spot",
            vcpus: chosen.total_vcpus,
            max_price: request.knobs.max_price_per_vcpu_hour.map(|usd| usd.to_string()),
            over_lowest: None,
            spot_options: Some(SpotOptions {
                allocation_strategy: "price-capacity-optimized".to_owned(),
                instance_interruption_behavior: "terminate".to_owned(),
            }),
        }
    }

    fn on_demand(vcpus: u32) -> Self {
        Self {
            purpose: "fleet on demand",
            capacity_type: "on-demand",
            vcpus,
            max_price: None,
            over_lowest: Some(ON_DEMAND_OVER_LOWEST),
            spot_options: None,
        }
    }
}

fn fleet_over(
    request: &FleetRequest,
    place: &FleetPlace,
    versions: &BTreeMap<Architecture, i64>,
    chosen: &Machines,
    market: Market,
) -> Result<CreateFleet, FleetProblem> {
    let config = |(architecture, types): (&Architecture, &Vec<String>)| {
        let version = versions.get(architecture).ok_or_else(|| {
            FleetProblem(format!("the launch template for {architecture} has no version for fleet {}", request.name))
        })?;
        Ok(LaunchTemplateConfig {
            launch_template_specification: LaunchTemplateSpecification {
                launch_template_id: place.templates[architecture].clone(),
                version: version.to_string(),
            },
            overrides: vec![Override {
                subnet_id: place.subnets.join(","),
                max_price: market.max_price.clone(),
                instance_requirements: requirements(chosen, types, market.over_lowest),
            }],
        })
    };
    let launch_template_configs = chosen.types.iter().map(config).collect::<Result<_, _>>()?;
    Ok(CreateFleet {
        client_token: token(request, place, market.purpose),
        r#type: "maintain".to_owned(),
        target_capacity_specification: TargetCapacity {
            total_target_capacity: number(market.vcpus.min(MAX_FLEET_VCPUS)),
            default_target_capacity_type: market.capacity_type.to_owned(),
            target_capacity_unit_type: "vcpu".to_owned(),
        },
        spot_options: market.spot_options,
        excess_capacity_termination_policy: "no-termination".to_owned(),
        launch_template_configs,
        terminate_instances_with_expiration: true,
        valid_until: moment(request.valid_until_ms)?,
        replace_unhealthy_instances: true,
        tag_specifications: vec![TagSpecification {
            resource_type: "fleet".to_owned(),
            tags: tags(request, &place.stack)?,
        }],
    })
}

/// What everything of the round bears.
pub fn tags(request: &FleetRequest, stack: &str) -> Result<Vec<Tag>, FleetProblem> {
    let all = [
        (STACK_TAG, stack),
        (FLEET_TAG, &request.name),
        (RUN_TAG, request.run.as_str()),
        (STEP_TAG, request.step.as_str()),
        (EXECUTION_TAG, request.execution.as_str()),
    ];
    let tag = |(key, value): (&str, &str)| match value.chars().count() {
        0..=MAX_TAG_CHARS => Ok(Tag { key: key.to_owned(), value: value.to_owned() }),
        chars => Err(FleetProblem(format!(
            "the value of tag {key} would have {chars} characters, and EC2 takes {MAX_TAG_CHARS}; shorten the values \
             of the pipeline's `key`, or the names of pipeline and step"
        ))),
    };
    all.into_iter().map(tag).collect()
}

/// Machine types that the pipeline allows, on the architectures that the stack has a template for and a worker was
/// built for.
pub fn machines_for(request: &FleetRequest, place: &FleetPlace) -> Result<Machines, FleetProblem> {
    if place.subnets.is_empty() {
        return Err(FleetProblem("the stack names no subnet to launch machines in; deploy it again".to_owned()));
    }
    let mut allowed = Allowed::by(&request.knobs);
    let mut left_out = Vec::new();
    for architecture in Architecture::ALL {
        let why = if !allowed.architectures.contains(&architecture) {
            "`fleet.architectures`"
        } else if !place.templates.contains_key(&architecture) {
            "no launch template"
        } else if !request.workers.contains_key(architecture.machine()) {
            "no worker program was deployed for it"
        } else {
            continue;
        };
        left_out.push(LeftOut::new(architecture.name(), why));
        allowed.architectures.retain(|a| *a != architecture);
    }
    if allowed.architectures.is_empty() {
        return Err(no_architecture(request, place));
    }
    if let Some(usd) = request.knobs.max_price_per_vcpu_hour {
        left_out.push(LeftOut::new(format!("pools above ${usd} a vCPU-hour"), "`fleet.max_price_per_vcpu_hour`"));
    }
    let mut chosen = machines::choose(&Need::of(request), &allowed, place.subnets.len())?;
    chosen.left_out.splice(0..0, left_out);
    Ok(chosen)
}

fn no_architecture(request: &FleetRequest, place: &FleetPlace) -> FleetProblem {
    let list = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let allowed: Vec<&str> = request.knobs.architectures.iter().map(|a| a.name()).collect();
    FleetProblem(format!(
        "no architecture is left for step {}: worker programs: {}; launch templates: {}; the pipeline's \
         `fleet.architectures`: {}; deploy the pipeline's worker for one that it allows",
        request.step,
        list(request.workers.keys().map(String::as_str).collect()),
        list(place.templates.keys().map(|a| a.name()).collect()),
        if allowed.is_empty() { "all".to_owned() } else { list(allowed) },
    ))
}

fn requirements(chosen: &Machines, types: &[String], over_lowest: Option<i32>) -> Requirements {
    Requirements {
        vcpu_count: Range { min: number(chosen.min_vcpus), max: number(chosen.max_vcpus) },
        memory_mib: AtLeast { min: i32::try_from(chosen.min_memory_mib).unwrap_or(i32::MAX) },
        memory_gib_per_vcpu: AtLeast { min: chosen.mib_per_vcpu as f64 / 1_024.0 },
        allowed_instance_types: types.to_vec(),
        bare_metal: "excluded".to_owned(),
        burstable_performance: "excluded".to_owned(),
        accelerator_count: AtMost { max: 0 },
        on_demand_max_price_percentage_over_lowest_price: over_lowest,
    }
}

/// The settings that the machines get.
fn settings(request: &FleetRequest, place: &FleetPlace) -> WorkerSettings {
    WorkerSettings {
        v: RECORD_VERSION,
        root: place.root.clone(),
        stack: place.stack.clone(),
        region: place.region.clone(),
        fleet: request.name.clone(),
        queue: request.queue.clone(),
        callbacks: request.callbacks.clone(),
        run: request.run.clone(),
        step: request.step.clone(),
        vcpus_per_item: request.vcpus_per_item,
        memory_bytes_per_item: request.memory_bytes_per_item,
        max_slots: request.max_slots,
        instances: request.instances.clone(),
        workers: request.workers.clone(),
        visibility_secs: place.visibility_secs,
    }
}

/// 64 characters, the most CreateFleet takes: the same request of a stack bears the same token for ever. Tokens are one space
/// for all stacks of an account and region, and a round has the same name in each.
fn token(request: &FleetRequest, place: &FleetPlace, purpose: &str) -> String {
    sha256(format!("{}\n{}\n{purpose}", place.stack, request.name).as_bytes())
}

fn moment(ms: u64) -> Result<String, FleetProblem> {
    let seconds = i64::try_from(ms / 1000).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    let at = seconds.ok_or_else(|| FleetProblem(format!("{ms} ms after 1970 is no moment a fleet can end at")))?;
    Ok(at.to_string())
}

fn number(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
