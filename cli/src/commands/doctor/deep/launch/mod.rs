//! The launch, tried without launching: for each step the request that LaunchFleet would send, as a dry run, and what EC2 then
//! does in each subnet, a machine of its own. EC2 checks who asks, which is the caller here and the functions' role in a run;
//! what denies expressly mostly denies both, and what merely does not allow the caller leaves the question open.

mod answers;

use super::super::finding::{Finding, fine, problem, unchecked};
use super::Deep;
use crate::aws::World;
use answers::{grouped, judge};
use spotmill_core::bounds::FLEET_LIFE_SECS;
use spotmill_core::digest::sha256;
use spotmill_core::fleet::{Architecture, FleetProblem, FleetRequest};
use spotmill_core::ids::ExecutionId;
use spotmill_core::keys;
use spotmill_core::model::{Pipeline, Step};
use spotmill_core::records::Deployed;
use spotmill_ec2::api::CreateFleet;
use spotmill_ec2::{FleetPlace, create_fleet, create_on_demand, machines_for, template_versions};
use spotmill_lambdas::fleet_preview;
use spotmill_platform::aws::fleets::OneMachine;
use spotmill_platform::aws::stacks::TemplateNow;
use spotmill_platform::records;
use std::collections::{BTreeMap, BTreeSet};

const WHAT: &str = "dry run";

/// What is tried: a name for people, and the request.
struct Tried {
    name: String,
    fleets: Vec<CreateFleet>,
    machines: BTreeSet<OneMachine>,
}

pub(super) async fn check(of: &Deep<'_>, templates: &BTreeMap<Architecture, TemplateNow>) -> Vec<Finding> {
    let place = place(of.world, templates);
    let (mut found, mut machines, mut answers) = (Vec::new(), BTreeSet::new(), Vec::new());
    for pipeline in of.pipelines {
        let workers = match workers(of.world, pipeline).await {
            Ok(workers) => workers,
            Err(finding) => {
                found.push(finding);
                continue;
            }
        };
        for step in &pipeline.steps {
            let request = request(of.world, pipeline, step, &workers);
            match tried(&request, &place, templates) {
                Err(e) => found.push(problem(WHAT, format!("{}: {e}", step.name), of.deploy())),
                Ok(tried) => {
                    for fleet in &tried.fleets {
                        answers.push(("ec2:CreateFleet", tried.name.clone(), of.world.aws.dry_fleet(fleet).await));
                    }
                    machines.extend(tried.machines);
                }
            }
        }
    }
    for machine in &machines {
        let subject = format!("{} in {}", machine.instance_type, machine.subnet);
        answers.push(("ec2:RunInstances", subject, of.world.aws.dry_machine(machine).await));
    }
    let tries = answers.len();
    found.extend(grouped(answers).iter().filter_map(|(action, subjects, answer)| judge(action, subjects, answer)));
    if found.is_empty() && tries > 0 {
        let subnets = of.world.subnets.join(", ");
        found.push(fine(WHAT, format!("EC2 would take the fleets of all steps, and machines in {subnets}")));
    }
    if found.is_empty() {
        found.push(unchecked(WHAT, "no pipeline is deployed whose launch could be tried", of.deploy()));
    }
    found
}

/// Where LaunchFleet launches, with the templates that are there.
fn place(world: &World, templates: &BTreeMap<Architecture, TemplateNow>) -> FleetPlace {
    let visibility = world.now.parameters.get("VisibilitySeconds").and_then(|secs| secs.parse().ok());
    FleetPlace {
        stack: world.stack.clone(),
        root: world.root().clone(),
        region: world.aws.region().unwrap_or_default(),
        templates: templates.iter().map(|(architecture, now)| (*architecture, now.id.clone())).collect(),
        subnets: world.subnets.clone(),
        visibility_secs: visibility.unwrap_or(spotmill_core::bounds::VISIBILITY_SECS),
    }
}

async fn workers(world: &World, pipeline: &Pipeline) -> Result<BTreeMap<String, String>, Finding> {
    let uri = keys::deployed(world.root(), &pipeline.name);
    match records::load::<Deployed>(&*world.ctx.store, &uri).await {
        Ok(Some((deployed, _))) => Ok(deployed.worker.programs),
        Ok(None) => {
            let deploy = format!("deploy `{}` first", pipeline.name);
            Err(unchecked(WHAT, format!("`{}` is not deployed", pipeline.name), deploy))
        }
        Err(e) => Err(unchecked(WHAT, e, "look at the bucket")),
    }
}

/// As LaunchFleet would ask in a run's first round, for one slot: the size of a fleet is a matter of quotas.
fn request(world: &World, pipeline: &Pipeline, step: &Step, workers: &BTreeMap<String, String>) -> FleetRequest {
    let name = sha256(format!("doctor\n{}\n{}", pipeline.name, step.name).as_bytes())[..32].to_owned();
    FleetRequest {
        queue: format!("{}-{name}", world.stack),
        name,
        callbacks: world.ctx.settings.callbacks.clone(),
        run: format!("{}/doctor", pipeline.name).as_str().into(),
        execution: ExecutionId::new(world.step_machine.replace(":stateMachine:", ":execution:") + ":doctor"),
        valid_until_ms: world.ctx.clock.now_ms() + FLEET_LIFE_SECS * 1_000,
        ..fleet_preview::request(pipeline, step, 0, workers)
    }
}

/// Both fleets where the pipeline takes machines on demand; and one machine for each architecture and subnet.
fn tried(
    request: &FleetRequest,
    place: &FleetPlace,
    templates: &BTreeMap<Architecture, TemplateNow>,
) -> Result<Tried, FleetProblem> {
    // What a round's version of a template would be made of has to be within EC2's limits too.
    template_versions(request, place)?;
    let versions: BTreeMap<Architecture, i64> = templates.iter().map(|(a, now)| (*a, now.latest)).collect();
    let chosen = machines_for(request, place)?;
    let mut fleets = vec![create_fleet(request, place, &versions)?];
    if request.knobs.on_demand_after_secs.is_some() {
        fleets.push(create_on_demand(request, place, &versions, chosen.total_vcpus)?);
    }
    let mut machines = BTreeSet::new();
    for (architecture, types) in &chosen.types {
        let (Some(now), Some(first)) = (templates.get(architecture), types.first()) else { continue };
        for subnet in &place.subnets {
            machines.insert(OneMachine {
                template: now.id.clone(),
                version: now.latest.to_string(),
                subnet: subnet.clone(),
                instance_type: first.clone(),
            });
        }
    }
    let name = format!("{}/{}", request.run.pipeline(), request.step);
    Ok(Tried { name, fleets, machines })
}

#[cfg(test)]
mod tests;
