//! ModifyFleet and DeleteFleets.

use super::{FleetState, capacity};
use crate::instances::Order;
use crate::wire::{Answer, Ec2Error, Tree, Xml};
use crate::world::{State, World};

/// Fleets of type maintain in one DeleteFleets.
const MOST_DELETED: usize = 100;

pub fn modify(world: &World, state: &mut State, request: &Tree) -> Answer {
    request
        .only(&[
            "Action",
            "Version",
            "DryRun",
            "FleetId",
            "TargetCapacitySpecification",
            "ExcessCapacityTerminationPolicy",
        ])
        .map_err(|error| {
            if request.at("LaunchTemplateConfigs").is_some() {
                Ec2Error::not_simulated("ModifyFleet with LaunchTemplateConfigs")
            } else {
                error
            }
        })?;
    let id = request.need("FleetId")?.to_owned();
    let found = state.fleet(&id)?;
    if found.state != FleetState::Active {
        let message = format!("The fleet {id} is {}, not active: it cannot be modified", found.state.name());
        return Err(Ec2Error::new("FleetNotInModifiableState", message));
    }
    let policy = request.text("ExcessCapacityTerminationPolicy").map(capacity::check_policy).transpose()?;
    let target = request.at("TargetCapacitySpecification").map(only_total).transpose()?;
    let Some(fleet) = state.fleet_mut(&id) else { return Err(Ec2Error::invalid(id)) };
    // What an absent policy means is nowhere documented: here it is EC2's default, the dearer of the two for us.
    fleet.terminate_excess = policy.unwrap_or(true);
    if let Some(target) = target.filter(|target| *target != fleet.target) {
        let description = format!("target {} becomes {target}", fleet.target);
        fleet.record("fleet-change", "modify_in_progress", description, None);
        fleet.target = target;
        fleet.next_launch_ms = 0;
        fleet.record("fleet-change", "modify_succeeded", format!("target is {target}"), None);
        if fleet.terminate_excess {
            terminate_excess(state, &id);
        }
    }
    world.wake.notify_one();
    Ok(Xml::new().text("return", true))
}

/// EC2 changes the total and nothing else, by what users of it report.
fn only_total(specification: &Tree) -> Result<u32, Ec2Error> {
    if specification.members().any(|(name, _)| name != "TotalTargetCapacity") {
        let message = "currently we only support total target capacity modification";
        return Err(Ec2Error::new("InvalidTargetCapacitySpecification", message));
    }
    capacity::target(specification)
}

/// The newest first, as long as the target is still met without it.
fn terminate_excess(state: &mut State, id: &str) {
    let Ok(target) = state.fleet(id).map(|f| f.target) else { return };
    let mut fulfilled = state.fulfilled(id);
    let newest: Vec<(String, u32)> = state.held(id).map(|i| (i.id.clone(), i.weight)).collect();
    for (instance, weight) in newest.into_iter().rev() {
        if fulfilled.saturating_sub(weight) >= target {
            fulfilled -= weight;
            state.order(&instance, Order::Terminate { code: "Server.FleetExcess", message: "excess capacity" });
        }
    }
}

pub fn delete(world: &World, state: &mut State, request: &Tree) -> Answer {
    let ids = request.texts("FleetId");
    if ids.is_empty() {
        return Err(Ec2Error::missing("FleetId"));
    }
    if ids.len() > MOST_DELETED {
        return Err(Ec2Error::invalid(format!("At most {MOST_DELETED} fleets can be deleted in a request")));
    }
    let missing = || Ec2Error::missing("TerminateInstances");
    let terminate = request.parsed::<bool>("TerminateInstances")?.ok_or_else(missing)?;
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for id in ids {
        match delete_one(state, id, terminate) {
            Ok(xml) => done.push(xml),
            Err((code, message)) => {
                let error = Xml::new().text("code", code).text("message", message);
                refused.push(Xml::new().node("error", error).text("fleetId", id));
            }
        }
    }
    world.wake.notify_one();
    Ok(Xml::new().list("successfulFleetDeletionSet", done).list("unsuccessfulFleetDeletionSet", refused))
}

fn delete_one(state: &mut State, id: &str, terminate: bool) -> Result<Xml, (&'static str, String)> {
    if !id.starts_with("fleet-") {
        return Err(("fleetIdMalformed", format!("The fleet ID '{id}' is malformed")));
    }
    let Some(fleet) = state.fleet_mut(id) else {
        return Err(("fleetIdDoesNotExist", format!("The fleet ID '{id}' does not exist")));
    };
    let before = fleet.state;
    let deletable = before == FleetState::Active || (before == FleetState::DeletedRunning && terminate);
    if !deletable {
        let message = format!("The fleet is {}: it cannot be deleted", before.name());
        return Err(("fleetNotInDeletableState", message));
    }
    fleet.end(terminate, "deleted");
    let after = fleet.state;
    if terminate {
        state.terminate_all(id);
    }
    Ok(Xml::new().text("currentFleetState", after.name()).text("previousFleetState", before.name()).text("fleetId", id))
}

impl State {
    pub fn terminate_all(&mut self, fleet: &str) {
        let held: Vec<String> = self.held(fleet).map(|i| i.id.clone()).collect();
        for instance in held {
            self.order(&instance, Order::Terminate { code: "Server.FleetDeleted", message: "the fleet was deleted" });
        }
    }
}
