//! Changes a living fleet. EC2 changes nothing but the total of one that is maintained, by what users report
//! ("currently we only support total target capacity modification"); so what is bought on demand is a fleet of its own, of
//! the same name and tags, which is ended with the other. A refused change is an error that names itself.

use super::now::{is_on_demand, lives, total};
use super::{Ec2Fleets, FleetError, RequestError, failed, impossible};
use crate::ports::{FleetRequest, Resize};
use aws_sdk_ec2::types::{
    FleetData, FleetExcessCapacityTerminationPolicy, FleetStateCode, TargetCapacitySpecificationRequest,
};
use spotmill_core::fleet::Architecture;
use spotmill_ec2::create_on_demand;
use std::collections::BTreeMap;

/// What cannot be resized any more: gone, or going.
const GONE: &[&str] =
    &["NotFound", "NotFoundException", "IncorrectState", "InvalidFleetState", "FleetNotInModifiableState"];

impl Ec2Fleets {
    /// Buys on demand first: if anything later fails, there are more machines than asked for, and not fewer. Then the
    /// targets, so that what ends after them is not replaced.
    pub(super) async fn resize_fleet(&self, request: &FleetRequest, to: &Resize) -> Result<(), FleetError> {
        let name = &request.name;
        let wrap = |doing: &'static str| move |e: RequestError| failed(name, doing, e);
        let fleets: Vec<FleetData> = self.named(name).await.map_err(wrap("looking at the fleet"))?;
        let fleets: Vec<FleetData> = fleets.into_iter().filter(lives).collect();
        if fleets.is_empty() {
            return Ok(());
        }
        let on_demand = to.target.on_demand.min(to.target.vcpus);
        let buys = on_demand > 0 && !fleets.iter().any(is_on_demand);
        if buys {
            self.buy_on_demand(request, on_demand).await?;
        }
        for fleet in &fleets {
            let wanted = if is_on_demand(fleet) { on_demand } else { to.target.vcpus - on_demand };
            match self.set_total(fleet, wanted).await {
                // What was missing is bought; that spot may still bring it too costs money, and no work.
                Err(e) if buys => {
                    tracing::warn!(fleet = name, wanted, error = e.text("EC2"), "the spot fleet is not resizable");
                }
                set => set.map_err(wrap("it is not resizable"))?,
            }
        }
        match self.terminate(&to.end).await {
            // One of them is gone since; the next call ends those that stand.
            Err(e) if e.is(GONE) => Ok(()),
            done => done.map_err(wrap("ending its idle machines")),
        }
    }

    async fn buy_on_demand(&self, request: &FleetRequest, vcpus: u32) -> Result<(), FleetError> {
        let name = &request.name;
        let versions = self.versions_for(name).await.map_err(|e| failed(name, "looking for its versions", e))?;
        let first = |(architecture, numbers): (Architecture, Vec<i64>)| Some((architecture, *numbers.first()?));
        let versions: BTreeMap<Architecture, i64> = versions.into_iter().filter_map(first).collect();
        let asked = create_on_demand(request, &self.place, &versions, vcpus).map_err(|p| impossible(name, p))?;
        match self.create(&asked).await {
            // Asked for before, with another number: it stands.
            Err(e) if e.is(&["IdempotentParameterMismatch"]) => Ok(()),
            made => made.map(drop).map_err(|e| failed(name, "asking for machines on demand", e)),
        }
    }

    /// Nothing if that is its total, or the fleet is gone.
    async fn set_total(&self, fleet: &FleetData, vcpus: u32) -> Result<(), RequestError> {
        if total(fleet) == vcpus || fleet.fleet_state() != Some(&FleetStateCode::Active) {
            return Ok(());
        }
        let whole = i32::try_from(vcpus).unwrap_or(i32::MAX);
        let total = TargetCapacitySpecificationRequest::builder().total_target_capacity(whole).build();
        let call = self.client.modify_fleet().set_fleet_id(fleet.fleet_id.clone()).target_capacity_specification(total);
        // Whether that of CreateFleet would go on to count is nowhere documented.
        let call = call.excess_capacity_termination_policy(FleetExcessCapacityTerminationPolicy::NoTermination);
        match call.send().await.map_err(RequestError::from) {
            Err(e) if e.is(GONE) => Ok(()),
            reply => reply.map(drop),
        }
    }
}
