//! Ending a fleet, also one whose launch never answered. Deleted fleets first, then machines that still work, then
//! the versions: a version that stands shows that something may be left, so it goes last.

use super::inspect::Found;
use super::{Ec2Fleets, FleetError, RequestError, failed};
use crate::ports::{BoxError, FleetRequest};
use aws_sdk_ec2::types::FleetStateCode;
use spotmill_core::backoff::backoff;
use spotmill_core::fleet::Architecture;
use spotmill_ec2::{create_fleet, template_versions};
use std::collections::BTreeMap;
use tokio::time::{Instant, sleep};

type Versions = BTreeMap<Architecture, Vec<i64>>;

impl Ec2Fleets {
    pub(super) async fn end_fleet(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let name = &request.name;
        let wrap = |doing: &'static str| move |e: RequestError| failed(name, doing, e);
        let (mut fleets, versions) = self.find_twice(name).await.map_err(wrap("looking for the fleet"))?;
        if fleets.is_empty() {
            fleets.extend(self.replay(request, &versions).await?);
        }
        let open: Vec<String> = fleets.iter().filter(|f| !f.ending()).map(|f| f.id.clone()).collect();
        if !open.is_empty() {
            let left = self.delete_fleets(&open).await.map_err(wrap("deleting the fleet"))?;
            done(name, "deleting the fleet", &left)?;
        }
        self.wait_for_machines(name, &fleets).await?;
        self.remove_versions(name).await
    }

    /// Searches twice, the second time after a while, before a fleet counts as absent.
    async fn find_twice(&self, name: &str) -> Result<(Vec<Found>, Versions), RequestError> {
        let fleets = self.fleets_named(name).await?;
        if !fleets.is_empty() {
            return Ok((fleets, Versions::new()));
        }
        sleep(self.patience.seen).await;
        Ok((self.fleets_named(name).await?, self.versions_for(name).await?))
    }

    /// The fleet that CreateFleet made without a reply: the same request under the same token returns its id.
    /// Where a version is missing nothing was asked for, or all of it is gone. A request that is refused now was
    /// refused then; a fleet of it would still be found by its tags, and ends by itself.
    async fn replay(&self, request: &FleetRequest, versions: &Versions) -> Result<Vec<Found>, FleetError> {
        let Ok(wanted) = template_versions(request, &self.place) else { return Ok(Vec::new()) };
        let all = |of: &Architecture| Some((*of, *versions.get(of)?.first()?));
        let Some(numbers) = wanted.keys().map(all).collect::<Option<BTreeMap<_, _>>>() else { return Ok(Vec::new()) };
        let Ok(asked) = create_fleet(request, &self.place, &numbers) else { return Ok(Vec::new()) };
        match self.create(&asked).await {
            Ok(id) => Ok(id.into_iter().map(|id| Found { id, state: FleetStateCode::Submitted }).collect()),
            Err(e) if e.is(&["IdempotentParameterMismatch"]) => self.unseen(&request.name, e).await,
            Err(e) => match failed(&request.name, "asking for the fleet's id", e) {
                FleetError::Refused { what, .. } => {
                    tracing::info!(fleet = request.name, what, "never launched");
                    Ok(Vec::new())
                }
                later => Err(later),
            },
        }
    }

    /// The token was used, by a request from before the stack changed: the fleet is there, and will be seen.
    async fn unseen(&self, name: &str, e: RequestError) -> Result<Vec<Found>, FleetError> {
        let found = self.fleets_named(name).await.map_err(|e| failed(name, "looking for the fleet", e))?;
        if found.is_empty() {
            let what = "the fleet exists, but EC2 does not show it yet".to_owned();
            return Err(FleetError::Transient { name: name.to_owned(), what, source: e.source });
        }
        Ok(found)
    }

    /// Waits until no machine of the fleet works, twice in a row: the first check may miss one that was just launched.
    async fn wait_for_machines(&self, name: &str, fleets: &[Found]) -> Result<(), FleetError> {
        let until = Instant::now() + self.patience.ended;
        let (mut quiet, mut n) = (0, 0_u32);
        loop {
            let working = self.working(name, fleets).await.map_err(|e| failed(name, "ending its machines", e))?;
            quiet = if working.is_empty() { quiet + 1 } else { 0 };
            if quiet == 2 || (quiet == 1 && fleets.iter().all(|f| f.state == FleetStateCode::Deleted)) {
                return Ok(());
            }
            let pause = backoff(n, self.patience.poll, self.patience.poll * 10);
            if Instant::now() + pause > until {
                return Err(unfinished(name, &format!("machines still work: {}", working.join(", "))));
            }
            sleep(pause).await;
            n = n.saturating_add(1);
        }
    }

    /// Machines that work; those that bear the fleet's tag are terminated.
    async fn working(&self, name: &str, fleets: &[Found]) -> Result<Vec<String>, RequestError> {
        let machines = self.machines(name).await?;
        let mut working = machines.working;
        match self.terminate(&working).await {
            // One of them is gone since; all that stand are terminated at the next check.
            Err(e) if e.is(&["NotFound"]) => {}
            ended => ended?,
        }
        for fleet in fleets.iter().filter(|f| f.state != FleetStateCode::Deleted) {
            let counted = self.machines_of(&fleet.id).await?;
            working.extend(counted.into_iter().filter(|id| !machines.tagged.contains(id)));
        }
        Ok(working)
    }

    async fn remove_versions(&self, name: &str) -> Result<(), FleetError> {
        let wrap = |e| failed(name, "deleting its launch-template versions", e);
        for (architecture, numbers) in self.versions_for(name).await.map_err(wrap)? {
            let left = self.delete_versions(&self.place.templates[&architecture], &numbers).await.map_err(wrap)?;
            done(name, "deleting its launch-template versions", &left)?;
        }
        Ok(())
    }
}

fn done(name: &str, doing: &str, left: &[String]) -> Result<(), FleetError> {
    if left.is_empty() { Ok(()) } else { Err(unfinished(name, &format!("{doing}: {}", left.join("; ")))) }
}

fn unfinished(name: &str, what: &str) -> FleetError {
    let source: BoxError = "it did not happen in time; asking again continues".into();
    FleetError::Transient { name: name.to_owned(), what: what.to_owned(), source }
}
