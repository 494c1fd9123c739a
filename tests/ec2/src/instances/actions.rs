//! DescribeInstances, TerminateInstances, GetConsoleOutput.

use super::{Instance, InstanceState, Order};
use crate::ids::{OWNER, iso, now_ms};
use crate::tags::matches;
use crate::wire::{Answer, Ec2Error, Tree, Xml, page};
use crate::world::{State, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// GetConsoleOutput gives the last 64 KiB.
const CONSOLE_BYTES: usize = 64 * 1024;

pub fn describe(_: &World, state: &mut State, request: &Tree) -> Answer {
    let asked = existing(state, request)?;
    if !asked.is_empty() && request.text("MaxResults").is_some() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(Ec2Error::new("InvalidParameterCombination", message));
    }
    let mut found = Vec::new();
    for instance in &state.instances {
        if matches(request, |filter| filter_values(state, instance, filter))?
            && (asked.is_empty() || asked.contains(&instance.id))
        {
            let reservation = Xml::new().text("reservationId", &instance.reservation).text("ownerId", OWNER);
            found.push((instance.number, reservation.list("instancesSet", [instance_xml(state, instance)])));
        }
    }
    let (page, next) = page::page(request, found, 5..=1_000)?;
    Ok(Xml::new().list("reservationSet", page).next_token(next))
}

/// Asked about only: the server answers dry runs of every action. Machines here are launched by fleets.
pub fn run(_: &World, _: &mut State, _: &Tree) -> Answer {
    Err(Ec2Error::not_simulated("RunInstances, but for dry runs"))
}

/// The ids of the request; every one must exist.
fn existing(state: &State, request: &Tree) -> Result<Vec<String>, Ec2Error> {
    let asked = request.texts("InstanceId");
    for id in &asked {
        if !id.starts_with("i-") {
            return Err(Ec2Error::new("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\"")));
        }
        state.instance(id)?;
    }
    Ok(asked.into_iter().map(str::to_owned).collect())
}

fn filter_values(state: &State, instance: &Instance, filter: &str) -> Option<Vec<String>> {
    let zone = &state.network.zones[instance.pool.zone];
    let value = match filter {
        "instance-state-name" => instance.state.name().to_owned(),
        "instance-state-code" => instance.state.code().to_string(),
        "instance-id" => instance.id.clone(),
        "instance-type" => instance.pool.instance_type.name.clone(),
        "instance-lifecycle" if instance.on_demand => return Some(Vec::new()),
        "instance-lifecycle" => "spot".to_owned(),
        "availability-zone" => zone.name.clone(),
        "image-id" => instance.pool.image.clone(),
        "subnet-id" => instance.pool.subnet.clone(),
        "architecture" => instance.pool.instance_type.arch.name().to_owned(),
        other => return state.tags_of(&instance.id).filter_values(other),
    };
    Some(vec![value])
}

fn state_xml(state: InstanceState) -> Xml {
    Xml::new().text("code", state.code()).text("name", state.name())
}

fn instance_xml(state: &State, instance: &Instance) -> Xml {
    let zone = &state.network.zones[instance.pool.zone];
    let placement =
        Xml::new().text("availabilityZone", &zone.name).text("availabilityZoneId", &zone.id).text("tenancy", "default");
    let spot = Some(&instance.spot_request).filter(|_| !instance.on_demand);
    let cpu = Xml::new().text("coreCount", instance.pool.instance_type.vcpus).text("threadsPerCore", 1);
    let xml = Xml::new()
        .text("instanceId", &instance.id)
        .text("imageId", &instance.pool.image)
        .node("instanceState", state_xml(instance.state))
        .text("instanceType", &instance.pool.instance_type.name)
        .text("launchTime", iso(instance.launched_ms))
        .node("placement", placement)
        .text("subnetId", &instance.pool.subnet)
        .text("privateIpAddress", &instance.ip)
        .text("architecture", instance.pool.instance_type.arch.name())
        .node("cpuOptions", cpu)
        .maybe("instanceLifecycle", spot.map(|_| "spot"))
        .maybe("spotInstanceRequestId", spot)
        .tags(&state.tags_of(&instance.id));
    match &instance.reason {
        Some((code, message)) => {
            let reason = Xml::new().text("code", code).text("message", format!("{code}: {message}"));
            xml.text("reason", message).node("stateReason", reason)
        }
        None => xml,
    }
}

/// Unknown ids refuse the whole request; ended instances are fine.
pub fn terminate(world: &World, state: &mut State, request: &Tree) -> Answer {
    let asked = existing(state, request)?;
    if asked.is_empty() {
        return Err(Ec2Error::missing("InstanceId"));
    }
    let mut changes = Vec::new();
    for id in asked {
        let before = state.instance(&id)?.state;
        let order = Order::Terminate { code: "Client.UserInitiatedShutdown", message: "User initiated shutdown" };
        state.order(&id, order);
        let after = state.instance(&id)?.state;
        let xml = Xml::new().text("instanceId", &id);
        changes.push(xml.node("currentState", state_xml(after)).node("previousState", state_xml(before)));
    }
    world.wake.notify_one();
    Ok(Xml::new().list("instancesSet", changes))
}

pub fn console_output(_: &World, state: &mut State, request: &Tree) -> Answer {
    let instance = state.instance(request.need("InstanceId")?)?;
    // EC2 takes the output when a machine boots and when it ends; what it writes in between only `Latest` shows.
    if instance.ended_ms.is_none() && request.parsed::<bool>("Latest")? != Some(true) {
        return Ok(Xml::new().text("instanceId", &instance.id).text("timestamp", iso(now_ms())));
    }
    let log = std::fs::read(instance.dir.join("console.log")).unwrap_or_default();
    let tail = &log[log.len().saturating_sub(CONSOLE_BYTES)..];
    Ok(Xml::new()
        .text("instanceId", &instance.id)
        .text("timestamp", iso(now_ms()))
        .text("output", STANDARD.encode(tail)))
}
