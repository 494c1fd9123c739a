//! Reads a round's fleet: targets, machines, history, consoles, prices. It converts what EC2 answers to our types and
//! decides nothing. Of EC2's fleets a round has one, and another for what it buys on demand.

use super::inspect::{ended, value};
use super::{Ec2Fleets, RequestError};
use crate::aws::spot;
use crate::local::clock::SystemClock;
use crate::ports::{Clock, FleetEvent, FleetNow};
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{DefaultTargetCapacityType, FleetData, FleetStateCode, Instance, InstanceLifecycleType};
use spotmill_core::fleet::{MachineNow, Target};
use spotmill_ec2::FLEET_TAG;
use spotmill_ec2::console_tail;
use std::collections::BTreeSet;

/// A machine that has no console of this very moment, only what it wrote when it booted or ended.
const NO_LATEST: &[&str] = &["UnsupportedOperation", "InvalidParameterCombination", "InvalidParameterValue"];

impl Ec2Fleets {
    /// EC2's fleets of that name: those that live if any does, else all that are shown.
    pub(super) async fn named(&self, name: &str) -> Result<Vec<FleetData>, RequestError> {
        let mut ours = self.described_fleets().await?;
        ours.retain(|f| self.ours(f.tags()) && value(f.tags(), FLEET_TAG) == Some(name));
        if ours.iter().any(lives) {
            ours.retain(lives);
        }
        Ok(ours)
    }

    pub(super) async fn fleet_now(&self, name: &str) -> Result<Option<FleetNow>, RequestError> {
        let fleets = self.named(name).await?;
        if fleets.is_empty() {
            return Ok(None);
        }
        let machines = self.instances(name).await?.iter().filter_map(machine).collect();
        let target = Target {
            vcpus: fleets.iter().map(total).sum(),
            on_demand: fleets.iter().filter(|f| is_on_demand(f)).map(total).sum(),
        };
        let overrides = || fleets.iter().flat_map(|f| f.launch_template_configs()).flat_map(|c| c.overrides());
        let types: BTreeSet<&String> = overrides()
            .flat_map(|o| o.instance_requirements().map(|r| r.allowed_instance_types()).unwrap_or_default())
            .collect();
        let zones: BTreeSet<&str> = overrides().flat_map(|o| o.subnet_id().unwrap_or_default().split(',')).collect();
        Ok(Some(FleetNow { target, machines, types: types.len(), zones: zones.len() }))
    }

    pub(super) async fn history(&self, name: &str) -> Result<Vec<FleetEvent>, RequestError> {
        let mut events = Vec::new();
        for fleet in self.named(name).await? {
            events.extend(self.history_of(&fleet).await?);
        }
        events.sort_by_key(|e| e.at_ms);
        Ok(events)
    }

    async fn history_of(&self, fleet: &FleetData) -> Result<Vec<FleetEvent>, RequestError> {
        let since = fleet.create_time().copied().unwrap_or(DateTime::from_secs(0));
        let mut events = Vec::new();
        let mut next = None;
        loop {
            let call = self.client.describe_fleet_history().set_fleet_id(fleet.fleet_id.clone()).start_time(since);
            let page = call.set_next_token(next.take()).send().await?;
            for record in page.history_records() {
                let of = record.event_information();
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                events.push(FleetEvent {
                    at_ms: millis(record.timestamp()),
                    kind: text(record.event_type().map(|t| t.as_str())),
                    sub_kind: text(of.and_then(|i| i.event_sub_type())),
                    text: text(of.and_then(|i| i.event_description())),
                });
            }
            next = page.next_token.filter(|t| !t.is_empty());
            if next.is_none() {
                return Ok(events);
            }
        }
    }

    pub(super) async fn console_of(&self, machine: &str) -> Result<Option<String>, RequestError> {
        // Without `latest` EC2 shows what it took when the machine booted: not yet why it does nothing.
        let ask = || self.client.get_console_output().instance_id(machine);
        let reply = match ask().latest(true).send().await.map_err(RequestError::from) {
            Err(e) if e.is(NO_LATEST) => ask().send().await?,
            reply => reply?,
        };
        Ok(reply.output.and_then(|output| console_tail(&output)))
    }

    pub(super) async fn spot_prices(&self, pools: &[(String, String)]) -> Result<Vec<Option<f64>>, RequestError> {
        if pools.is_empty() {
            return Ok(Vec::new());
        }
        let (instance_types, zones): (BTreeSet<String>, BTreeSet<String>) = pools.iter().cloned().unzip();
        let (instance_types, zones): (Vec<String>, Vec<String>) =
            (instance_types.into_iter().collect(), zones.into_iter().collect());
        let prices = spot::prices(&self.client, &instance_types, &zones, SystemClock.now_ms()).await?;
        let price = |(instance_type, zone): &(String, String)| {
            prices.iter().find(|p| p.kind == *instance_type && p.zone == *zone)
        };
        Ok(pools.iter().map(|pool| price(pool).map(|p| p.usd)).collect())
    }
}

pub(super) fn lives(of: &FleetData) -> bool {
    of.fleet_state() == Some(&FleetStateCode::Active)
}

pub(super) fn is_on_demand(of: &FleetData) -> bool {
    let buys = of.target_capacity_specification().and_then(|t| t.default_target_capacity_type());
    buys == Some(&DefaultTargetCapacityType::OnDemand)
}

/// vCPUs that it is to have.
pub(super) fn total(of: &FleetData) -> u32 {
    number(of.target_capacity_specification().and_then(|t| t.total_target_capacity()))
}

fn machine(of: &Instance) -> Option<MachineNow> {
    let cpu = of.cpu_options();
    let vcpus = number(cpu.and_then(|c| c.core_count())) * number(cpu.and_then(|c| c.threads_per_core())).max(1);
    let reason = of.state_reason().map(|r| format!("{}: {}", r.code().unwrap_or(""), r.message().unwrap_or("")));
    Some(MachineNow {
        id: of.instance_id()?.to_owned(),
        kind: of.instance_type().map(|t| t.as_str().to_owned()).unwrap_or_default(),
        zone: of.placement().and_then(|p| p.availability_zone()).unwrap_or_default().to_owned(),
        vcpus,
        on_demand: of.instance_lifecycle() != Some(&InstanceLifecycleType::Spot),
        launched_ms: millis(of.launch_time()),
        works: !ended(of),
        reason: reason.filter(|_| ended(of)).unwrap_or_default(),
    })
}

fn number(n: Option<i32>) -> u32 {
    n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

fn millis(at: Option<&DateTime>) -> u64 {
    at.and_then(|at| at.to_millis().ok()).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}
