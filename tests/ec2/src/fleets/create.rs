//! CreateFleet: everything EC2 checks before it answers, and the fleet.

use super::{Fleet, FleetState, capacity, pools};
use crate::ids::{fresh_uuid, now_ms};
use crate::tags::Tags;
use crate::wire::{Answer, Ec2Error, Tree, Xml};
use crate::world::{State, World};

const PARAMETERS: [&str; 17] = [
    "Action",
    "Version",
    "DryRun",
    "ClientToken",
    "SpotOptions",
    "OnDemandOptions",
    "ExcessCapacityTerminationPolicy",
    "LaunchTemplateConfigs",
    "TargetCapacitySpecification",
    "TerminateInstancesWithExpiration",
    "Type",
    "ValidFrom",
    "ValidUntil",
    "ReplaceUnhealthyInstances",
    "TagSpecification",
    "Context",
    "ReservedCapacityOptions",
];

pub fn create(world: &World, state: &mut State, request: &Tree) -> Answer {
    if request.text("ClientToken").is_some_and(|token| token.len() > 64) {
        return Err(Ec2Error::invalid("ClientToken must be at most 64 ASCII characters"));
    }
    if let Some(reply) = state.previous_reply("CreateFleet", request)? {
        return Ok(reply);
    }
    let (fleet, tags) = read(state, request)?;
    let answer = Xml::new().text("fleetId", &fleet.id);
    state.tags.insert(fleet.id.clone(), tags);
    state.fleets.push(fleet);
    state.remember("CreateFleet", request, &answer);
    world.wake.notify_one();
    Ok(answer)
}

fn read(state: &mut State, request: &Tree) -> Result<(Fleet, Tags), Ec2Error> {
    request.only(&PARAMETERS)?;
    for name in ["OnDemandOptions", "ReservedCapacityOptions", "ValidFrom", "Context"] {
        if request.at(name).is_some() {
            return Err(Ec2Error::not_simulated(format!("CreateFleet with {name}")));
        }
    }
    match request.text("Type").unwrap_or("maintain") {
        "maintain" => {}
        other @ ("instant" | "request") => return Err(Ec2Error::not_simulated(format!("fleets of type {other}"))),
        other => return Err(Ec2Error::invalid(format!("Value ({other}) for parameter Type is invalid."))),
    }
    let specification = request.at("TargetCapacitySpecification");
    let specification = specification.ok_or_else(|| Ec2Error::missing("TargetCapacitySpecification"))?;
    let on_demand = capacity::on_demand(specification)?;
    capacity::check_spot_options(request)?;
    let policy = request.text("ExcessCapacityTerminationPolicy").unwrap_or("termination");
    let unit = capacity::unit(specification)?;
    let mut fleet = Fleet {
        number: state.next_number(),
        id: format!("fleet-{}", fresh_uuid()),
        request: request.clone(),
        state: FleetState::Active,
        created_ms: now_ms(),
        ended_ms: None,
        target: capacity::target(specification)?,
        on_demand,
        unit,
        terminate_excess: capacity::check_policy(policy)?,
        valid_until_ms: valid_until(request)?,
        terminate_on_expiry: request.parsed("TerminateInstancesWithExpiration")?.unwrap_or(false),
        pools: pools::of_request(state, request, unit)?,
        history: Vec::new(),
        next_launch_ms: 0,
        last_error: None,
    };
    let tags = Tags::only_for(request, "fleet")?;
    fleet.record("fleet-change", "submitted", "the fleet was submitted", None);
    fleet.record("fleet-change", "active", "the fleet is active", None);
    Ok((fleet, tags))
}

fn valid_until(request: &Tree) -> Result<Option<u64>, Ec2Error> {
    let until = capacity::instant_ms(request, "ValidUntil")?;
    if until.is_some_and(|until| until <= now_ms()) {
        return Err(Ec2Error::invalid("ValidUntil must be in the future"));
    }
    Ok(until)
}
