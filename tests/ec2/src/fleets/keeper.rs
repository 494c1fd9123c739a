//! Keeps fleets at their targets: launches what is missing, ends what expired, closes what has no instance left. One
//! task for all fleets; it acts when woken and when something is due.

use super::{Fleet, FleetState, Pool};
use crate::catalogue::Arch;
use crate::ids::now_ms;
use crate::instances::{self, Birth};
use crate::world::{State, World};
use std::sync::Arc;
use std::time::Duration;

/// The same launch error is recorded again only after this long.
const REPEAT_ERROR_MS: u64 = 5_000;
/// Inspects the fleets at least this often, whatever happens.
const INSPECT_MS: u64 = 1_000;
/// A launch takes one of so many cheapest pools: that with the fewest instances of the fleet.
const CHEAPEST: usize = 6;

pub async fn keep(world: Arc<World>) {
    loop {
        let (births, wait_ms) = step(&world, now_ms());
        for birth in births {
            tokio::spawn(instances::life::live(world.clone(), birth));
        }
        let wait = tokio::time::sleep(Duration::from_millis(wait_ms));
        tokio::select! {
            () = world.wake.notified() => {}
            () = wait => {}
        }
    }
}

/// Inspects every fleet once: what to launch now, and how long until the next inspection.
fn step(world: &World, now: u64) -> (Vec<Birth>, u64) {
    let mut state = world.state();
    let (mut births, mut wait_ms) = (Vec::new(), INSPECT_MS);
    let ids: Vec<String> = state.fleets.iter().map(|f| f.id.clone()).collect();
    for id in ids {
        if expired(&mut state, &id, now) {
            state.terminate_all(&id);
        }
        let living = state.instances.iter().any(|i| i.fleet == id && i.ended_ms.is_none());
        let Some(fleet) = state.fleet_mut(&id) else { continue };
        if matches!(fleet.state, FleetState::DeletedTerminating | FleetState::DeletedRunning) && !living {
            fleet.state = FleetState::Deleted;
            fleet.ended_ms = Some(now);
        }
        if fleet.state != FleetState::Active {
            continue;
        }
        if let Some(until) = fleet.valid_until_ms {
            wait_ms = wait_ms.min(until.saturating_sub(now));
        }
        if fleet.next_launch_ms > now {
            wait_ms = wait_ms.min(fleet.next_launch_ms - now);
            continue;
        }
        if !state.closing {
            births.extend(fill(world, &mut state, &id, now));
        }
        if let Some(fleet) = state.fleet_mut(&id).filter(|f| f.next_launch_ms > now) {
            wait_ms = wait_ms.min(fleet.next_launch_ms - now);
        }
    }
    (births, wait_ms.max(1))
}

/// Ends a fleet whose time is over; returns whether its instances must go.
fn expired(state: &mut State, id: &str, now: u64) -> bool {
    let over = |f: &&mut Fleet| f.state == FleetState::Active && f.valid_until_ms.is_some_and(|until| until <= now);
    let Some(fleet) = state.fleet_mut(id).filter(over) else { return false };
    let terminate = fleet.terminate_on_expiry;
    fleet.end(terminate, "expired");
    terminate
}

/// Launches until the target is met, or until something stands in the way, which is recorded.
fn fill(world: &World, state: &mut State, id: &str, now: u64) -> Vec<Birth> {
    let mut births = Vec::new();
    loop {
        let Ok(fleet) = state.fleet(id) else { return births };
        let (on_demand, missing) = (fleet.on_demand, fleet.target.saturating_sub(state.fulfilled(id)));
        if missing == 0 {
            clear_error(state, id);
            return births;
        }
        match pick(world, state, fleet, missing) {
            Ok(pool) => match instances::birth(world, state, id, pool, on_demand) {
                Ok(birth) => births.push(birth),
                Err(what) => return record_error(state, id, now, INVALID, what, births),
            },
            Err((sub_kind, what)) => return record_error(state, id, now, &sub_kind, what, births),
        }
    }
}

fn clear_error(state: &mut State, id: &str) {
    if let Some(fleet) = state.fleet_mut(id) {
        fleet.last_error = None;
    }
}

const INVALID: &str = "spotFleetRequestConfigurationInvalid";
const NO_CAPACITY: &str = "allLaunchSpecsTemporarilyBlacklisted";
const QUOTA: &str = "spotInstanceCountLimitExceeded";

/// The pool of the next instance, or the service error that explains why there is none.
fn pick(world: &World, state: &State, fleet: &Fleet, missing: u32) -> Result<Pool, (String, String)> {
    if let Some(error) = &state.launch_error {
        return Err((error.sub_kind.clone(), error.message.clone()));
    }
    if fleet.pools.is_empty() {
        return Err((
            INVALID.to_owned(),
            "No instance type of the launch templates' architectures meets the request".to_owned(),
        ));
    }
    let runnable = fleet.pools.iter().filter(|p| p.instance_type.arch == Arch::of_host()).cloned();
    let mut pools: Vec<Pool> = runnable.collect();
    pools.retain(|p| fleet.on_demand || state.capacity.has(p.instance_type.vcpus));
    if pools.is_empty() {
        let message = "InsufficientInstanceCapacity: There is no Spot capacity available that matches your request.";
        return Err((NO_CAPACITY.to_owned(), message.to_owned()));
    }
    // A price is of spot machines.
    pools.retain(|p| fleet.on_demand || p.max_price.is_none_or(|most| p.price <= most));
    if pools.is_empty() {
        let message = "SpotMaxPriceTooLow: Your Spot request price is lower than the price of every pool.";
        return Err((NO_CAPACITY.to_owned(), message.to_owned()));
    }
    // Not more than is missing, if anything is as small; else the smallest.
    let smallest = pools.iter().map(|p| p.weight).min().unwrap_or(1);
    pools.retain(|p| p.weight <= missing.max(smallest));
    pools.sort_by(|a, b| a.price.total_cmp(&b.price));
    pools.truncate(CHEAPEST);
    let held = |p: &Pool| {
        state.held(&fleet.id).filter(|i| i.pool.zone == p.zone && i.pool.instance_type == p.instance_type).count()
    };
    let Some(pool) = pools.iter().min_by_key(|p| held(p)).cloned() else {
        return Err((INVALID.to_owned(), "the fleet has no pools".to_owned()));
    };
    within_quota(world, state, pool.instance_type.vcpus).map(|()| pool)
}

fn within_quota(world: &World, state: &State, vcpus: u32) -> Result<(), (String, String)> {
    let living = || state.instances.iter().filter(|i| i.ended_ms.is_none());
    let exceeded = |what: String| Err((QUOTA.to_owned(), format!("MaxSpotInstanceCountExceeded: {what} are in use")));
    let used: u32 = living().map(|i| i.pool.instance_type.vcpus).sum();
    if let Some(quota) = state.quota_vcpus.filter(|quota| used + vcpus > *quota) {
        return exceeded(format!("{used} of {quota} vCPUs"));
    }
    let (count, most) = (living().count(), world.config.quota_instances);
    if count >= most {
        return exceeded(format!("{count} of {most} instances"));
    }
    Ok(())
}

/// Records the error, unless it was recorded a moment ago, and schedules a retry.
fn record_error(state: &mut State, id: &str, now: u64, sub_kind: &str, what: String, births: Vec<Birth>) -> Vec<Birth> {
    let replace_after_ms = state.replace_after_ms;
    let Some(fleet) = state.fleet_mut(id) else { return births };
    fleet.next_launch_ms = now + replace_after_ms;
    let recorded = fleet.last_error.as_ref().is_some_and(|(kind, at)| kind == sub_kind && at + REPEAT_ERROR_MS > now);
    if !recorded {
        fleet.last_error = Some((sub_kind.to_owned(), now));
        fleet.record("service-error", sub_kind, what, None);
    }
    births
}
