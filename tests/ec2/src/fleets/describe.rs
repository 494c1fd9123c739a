//! DescribeFleets, DescribeFleetInstances, DescribeFleetHistory.

use super::{Event, Fleet, capacity};
use crate::faults::Spelling;
use crate::ids::{iso, now_ms};
use crate::tags::matches;
use crate::wire::{Answer, Ec2Error, Tree, Xml, echo, page};
use crate::world::{State, World};

pub fn describe(_: &World, state: &mut State, request: &Tree) -> Answer {
    let asked = request.texts("FleetId");
    for id in &asked {
        state.fleet(id)?;
    }
    let mut found = Vec::new();
    for fleet in &state.fleets {
        let holds = matches(request, |filter| {
            Some(vec![match filter {
                "activity-status" => state.activity(fleet).to_owned(),
                "excess-capacity-termination-policy" => policy(fleet).to_owned(),
                "fleet-state" => fleet.state.name().to_owned(),
                "replace-unhealthy-instances" => replaces_unhealthy(fleet).to_owned(),
                "type" => "maintain".to_owned(),
                _ => return None,
            }])
        })?;
        if holds && (asked.is_empty() || asked.contains(&fleet.id.as_str())) {
            found.push((fleet.number, fleet_xml(state, fleet)));
        }
    }
    let (page, next) = page::page(request, found, 1..=1_000)?;
    Ok(Xml::new().list("fleetSet", page).next_token(next))
}

fn policy(fleet: &Fleet) -> &'static str {
    if fleet.terminate_excess { "termination" } else { "no-termination" }
}

fn replaces_unhealthy(fleet: &Fleet) -> &str {
    fleet.request.text("ReplaceUnhealthyInstances").unwrap_or("false")
}

fn fleet_xml(state: &State, fleet: &Fleet) -> Xml {
    let mut shown = Tree::default();
    for name in ["LaunchTemplateConfigs", "SpotOptions", "TargetCapacitySpecification"] {
        if let Some(given) = fleet.request.at(name) {
            shown.put(name, given.clone());
        }
    }
    let (fulfilled, target) = (state.fulfilled(&fleet.id), fleet.target);
    let (spot, on_demand, fulfilled_on_demand) = if fleet.on_demand { (0, target, fulfilled) } else { (target, 0, 0) };
    for (name, capacity) in [("Total", target), ("Spot", spot), ("OnDemand", on_demand)] {
        shown.put(&format!("TargetCapacitySpecification.{name}TargetCapacity"), Tree::leaf(capacity.to_string()));
    }
    let shown = echo::echo(&shown);
    let scalars = Xml::new()
        .text("fleetId", &fleet.id)
        .text("activityStatus", state.activity(fleet))
        .text("fleetState", fleet.state.name())
        .text("createTime", iso(fleet.created_ms))
        .maybe("clientToken", fleet.request.text("ClientToken"))
        .text("excessCapacityTerminationPolicy", policy(fleet))
        .text("fulfilledCapacity", f64::from(fulfilled))
        .text("fulfilledOnDemandCapacity", f64::from(fulfilled_on_demand))
        .text("terminateInstancesWithExpiration", fleet.terminate_on_expiry)
        .text("type", "maintain")
        .maybe("validUntil", fleet.valid_until_ms.map(iso))
        .text("replaceUnhealthyInstances", replaces_unhealthy(fleet))
        .tags(&state.tags_of(&fleet.id));
    scalars.and(shown)
}

pub fn instances(_: &World, state: &mut State, request: &Tree) -> Answer {
    let id = request.need("FleetId")?;
    state.fleet(id)?;
    let mut found = Vec::new();
    for instance in state.held(id) {
        let holds = matches(request, |filter| match filter {
            "instance-type" => Some(vec![instance.pool.instance_type.name.clone()]),
            _ => None,
        })?;
        if holds {
            let spot = Some(&instance.spot_request).filter(|_| !instance.on_demand);
            let xml = Xml::new()
                .text("instanceId", &instance.id)
                .text("instanceType", &instance.pool.instance_type.name)
                .maybe("spotInstanceRequestId", spot)
                .text("instanceHealth", "healthy");
            found.push((instance.number, xml));
        }
    }
    let (page, next) = page::page(request, found, 1..=1_000)?;
    Ok(Xml::new().list("activeInstanceSet", page).next_token(next).text("fleetId", id))
}

pub fn history(_: &World, state: &mut State, request: &Tree) -> Answer {
    let fleet = state.fleet(request.need("FleetId")?)?;
    let missing = || Ec2Error::missing("StartTime");
    let start = capacity::instant_ms(request, "StartTime")?.ok_or_else(missing)?;
    let kind = request.text("EventType");
    let events = fleet.history.iter().enumerate();
    // A filter takes the model's words, whatever the answer is spelled like.
    let events = events.filter(|(_, event)| event.at_ms >= start && kind.is_none_or(|kind| kind == event.kind));
    let found = events.map(|(at, event)| (at as u64, event_xml(event, state.spelling))).collect();
    let (page, next) = page::page(request, found, 1..=1_000)?;
    Ok(Xml::new()
        .list("historyRecordSet", page)
        .text("lastEvaluatedTime", iso(now_ms()))
        .next_token(next)
        .text("fleetId", &fleet.id)
        .text("startTime", iso(start)))
}

fn event_xml(event: &Event, spelling: Spelling) -> Xml {
    let information = Xml::new()
        .text("eventDescription", &event.description)
        .text("eventSubType", &event.sub_kind)
        .maybe("instanceId", event.instance.as_ref());
    Xml::new()
        .node("eventInformation", information)
        .text("eventType", spelling.of(&event.kind))
        .text("timestamp", iso(event.at_ms))
}
