//! Asking for a fleet: versions first, then the fleet over them. Both calls bear a token, so that a repeated request is
//! the same fleet.

use super::{Ec2Fleets, FleetError, RequestError, failed, impossible};
use crate::ports::{BoxError, FleetRequest};
use spotmill_core::fleet::Architecture;
use spotmill_ec2::{create_fleet, machines_for, template_versions};
use std::collections::BTreeMap;
use tokio::time::sleep;

/// Tries of CreateFleet while EC2 has not heard of a version it just made.
const TRIES: u32 = 4;
/// Last words of the codes for that.
const UNHEARD: &[&str] = &["VersionNotFound", "NotFound"];
/// The token was used for another request: the stack was changed since, and what was asked for then stands.
const ASKED_BEFORE: &[&str] = &["IdempotentParameterMismatch"];

impl Ec2Fleets {
    pub(super) async fn launch_fleet(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let versions = self.make_versions(request).await?;
        let asked = create_fleet(request, &self.place, &versions).map_err(|p| impossible(&request.name, p))?;
        let chosen = machines_for(request, &self.place).map_err(|p| impossible(&request.name, p))?;
        tracing::info!(fleet = request.name, machines = chosen.explain(), "asking for a fleet");
        for left in (0..TRIES).rev() {
            match self.create(&asked).await {
                Ok(id) => {
                    tracing::info!(fleet = request.name, id, "launched");
                    return Ok(());
                }
                Err(e) if e.is(UNHEARD) && left > 0 => sleep(self.patience.seen).await,
                Err(e) if e.is(ASKED_BEFORE) => return self.launched_before(request, e).await,
                Err(e) => return Err(failed(&request.name, "asking for the fleet", e)),
            }
        }
        Err(no_result(&request.name, "CreateFleet"))
    }

    async fn launched_before(&self, request: &FleetRequest, e: RequestError) -> Result<(), FleetError> {
        let found = self.fleets_named(&request.name).await;
        match found.map_err(|e| failed(&request.name, "looking for the fleet", e))? {
            none if none.is_empty() => Err(failed(&request.name, "asking for the fleet", e)),
            _ => Ok(()),
        }
    }

    async fn make_versions(&self, request: &FleetRequest) -> Result<BTreeMap<Architecture, i64>, FleetError> {
        let name = &request.name;
        let mut numbers = BTreeMap::new();
        for (architecture, asked) in template_versions(request, &self.place).map_err(|p| impossible(name, p))? {
            let doing = format!("making a version of the launch template for {architecture}");
            let number = match self.create_version(&asked).await {
                Err(e) if e.is(ASKED_BEFORE) => {
                    let found = self.versions_for(name).await.map_err(|e| failed(name, &doing, e))?;
                    let first = found.get(&architecture).and_then(|numbers| numbers.first().copied());
                    Some(first.ok_or_else(|| failed(name, &doing, e))?)
                }
                made => made.map_err(|e| failed(name, &doing, e))?,
            };
            numbers.insert(architecture, number.ok_or_else(|| no_result(name, &doing))?);
        }
        Ok(numbers)
    }
}

/// An answer without what it has to hold.
fn no_result(name: &str, doing: &str) -> FleetError {
    let source: BoxError = "the answer is incomplete".into();
    FleetError::Transient { name: name.to_owned(), what: format!("{doing}: EC2 answered without the result"), source }
}
