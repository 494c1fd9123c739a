//! Reads and changes a living fleet: targets, machines, history, consoles, prices. It converts what EC2 answers to our
//! types and decides nothing.

use super::inspect::{ended, value};
use super::{Ec2Fleets, RequestError};
use crate::aws::spot;
use crate::local::clock::SystemClock;
use crate::ports::{Clock, FleetEvent, FleetNow, Resize};
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{
    FleetData, FleetStateCode, Instance, InstanceLifecycleType, TargetCapacitySpecificationRequest,
};
use spotmill_core::fleet::{MachineNow, Target, console_tail};
use spotmill_ec2::FLEET_TAG;
use std::collections::BTreeSet;

/// What cannot be resized any more: gone, or going.
const GONE: &[&str] = &["NotFound", "NotFoundException", "IncorrectState", "InvalidFleetState"];

impl Ec2Fleets {
    /// The fleet of that name; of several the one that lives.
    async fn named(&self, name: &str) -> Result<Option<FleetData>, RequestError> {
        let all = self.described_fleets(None).await?;
        let ours = all.into_iter().filter(|f| self.ours(f.tags()) && value(f.tags(), FLEET_TAG) == Some(name));
        Ok(ours.max_by_key(|f| f.fleet_state() == Some(&FleetStateCode::Active)))
    }

    pub(super) async fn fleet_now(&self, name: &str) -> Result<Option<FleetNow>, RequestError> {
        let Some(fleet) = self.named(name).await? else { return Ok(None) };
        let machines = self.instances(name).await?.iter().filter_map(machine).collect();
        let capacity = fleet.target_capacity_specification();
        let target = Target {
            vcpus: number(capacity.and_then(|c| c.total_target_capacity())),
            on_demand: number(capacity.and_then(|c| c.on_demand_target_capacity())),
        };
        let overrides = || fleet.launch_template_configs().iter().flat_map(|c| c.overrides());
        let types: BTreeSet<&String> = overrides()
            .flat_map(|o| o.instance_requirements().map(|r| r.allowed_instance_types()).unwrap_or_default())
            .collect();
        let zones: BTreeSet<&str> = overrides().flat_map(|o| o.subnet_id().unwrap_or_default().split(',')).collect();
        Ok(Some(FleetNow { target, machines, types: types.len(), zones: zones.len() }))
    }

    pub(super) async fn history(&self, name: &str) -> Result<Vec<FleetEvent>, RequestError> {
        let Some(fleet) = self.named(name).await? else { return Ok(Vec::new()) };
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
                events.sort_by_key(|e| e.at_ms);
                return Ok(events);
            }
        }
    }

    pub(super) async fn console_of(&self, machine: &str) -> Result<Option<String>, RequestError> {
        let reply = self.client.get_console_output().instance_id(machine).send().await?;
        Ok(reply.output.and_then(|output| console_tail(&output)))
    }

    /// The target first: what ends after it is not replaced.
    pub(super) async fn resize_fleet(&self, name: &str, to: &Resize) -> Result<(), RequestError> {
        let Some(fleet) = self.named(name).await?.filter(|f| f.fleet_state() == Some(&FleetStateCode::Active)) else {
            return Ok(());
        };
        let on_demand = to.target.on_demand.min(to.target.vcpus);
        let capacity = TargetCapacitySpecificationRequest::builder()
            .total_target_capacity(whole(to.target.vcpus))
            .on_demand_target_capacity(whole(on_demand))
            .spot_target_capacity(whole(to.target.vcpus - on_demand))
            .default_target_capacity_type("spot".into())
            .target_capacity_unit_type("vcpu".into())
            .build();
        let call = self.client.modify_fleet().set_fleet_id(fleet.fleet_id).target_capacity_specification(capacity);
        match call.send().await.map_err(RequestError::from) {
            Err(e) if e.is(GONE) => return Ok(()),
            reply => drop(reply?),
        }
        match self.terminate(&to.end).await {
            // One of them is gone since; the next call ends those that stand.
            Err(e) if e.is(GONE) => Ok(()),
            done => done,
        }
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

fn whole(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn millis(at: Option<&DateTime>) -> u64 {
    at.and_then(|at| at.to_millis().ok()).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}
