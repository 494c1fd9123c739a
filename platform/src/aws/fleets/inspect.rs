//! What stands: fleets, machines and launch-template versions, recognised by our own tags and descriptions. No
//! filter is trusted by itself: what an answer holds is matched once more.

use super::{Ec2Fleets, FleetError, RequestError, failed};
use crate::ports::{LivingFleet, Subject};
use aws_sdk_ec2::types::{Filter, FleetData, FleetStateCode, Instance, InstanceStateName, LaunchTemplateVersion, Tag};
use spotmill_core::fleet::Architecture;
use spotmill_ec2::{EXECUTION_TAG, FLEET_TAG, RUN_TAG, STACK_TAG, STEP_TAG};
use std::collections::{BTreeMap, BTreeSet};

/// A fleet as EC2 describes it.
#[derive(Clone, Debug)]
pub struct Found {
    pub id: String,
    pub state: FleetStateCode,
}

impl Found {
    /// Deleted, and its machines ended or ending.
    pub fn ending(&self) -> bool {
        matches!(self.state, FleetStateCode::Deleted | FleetStateCode::DeletedTerminatingInstances)
    }
}

/// Machines that bear a fleet's tag.
#[derive(Debug, Default)]
pub struct Machines {
    /// Those that work, or may work later.
    pub working: Vec<String>,
    /// All, whatever their state.
    pub tagged: BTreeSet<String>,
}

impl Ec2Fleets {
    /// Every fleet of that name, deleted ones too as long as EC2 shows them.
    pub(super) async fn fleets_named(&self, name: &str) -> Result<Vec<Found>, RequestError> {
        let all = self.described_fleets().await?;
        let ours = all.into_iter().filter(|f| self.ours(f.tags()) && value(f.tags(), FLEET_TAG) == Some(name));
        let found = ours.filter_map(|f| Some(Found { state: f.fleet_state?, id: f.fleet_id? }));
        Ok(found.collect())
    }

    /// All that EC2 shows, without a filter: its model spells the states of filters and of answers differently.
    pub(super) async fn described_fleets(&self) -> Result<Vec<FleetData>, RequestError> {
        let mut pages = self.client.describe_fleets().into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend(page?.fleets.unwrap_or_default());
        }
        Ok(all)
    }

    pub(super) async fn machines(&self, name: &str) -> Result<Machines, RequestError> {
        let mut found = Machines::default();
        for instance in self.instances(name).await? {
            let ended = ended(&instance);
            let Some(id) = instance.instance_id else { continue };
            if !ended {
                found.working.push(id.clone());
            }
            found.tagged.insert(id);
        }
        Ok(found)
    }

    /// Machines that bear the fleet's tag, those that ended too as long as EC2 shows them.
    pub(super) async fn instances(&self, name: &str) -> Result<Vec<Instance>, RequestError> {
        let filter = Filter::builder().name(format!("tag:{FLEET_TAG}")).values(name).build();
        let mut pages = self.client.describe_instances().filters(filter).into_paginator().send();
        let named = |tags: &[Tag]| self.ours(tags) && value(tags, FLEET_TAG) == Some(name);
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let some = page?.reservations.unwrap_or_default().into_iter().flat_map(|r| r.instances.unwrap_or_default());
            all.extend(some.filter(|i| named(i.tags())));
        }
        Ok(all)
    }

    /// What the fleet itself counts as its machines; none for a fleet that EC2 does not find.
    pub(super) async fn machines_of(&self, fleet: &str) -> Result<Vec<String>, RequestError> {
        let mut all = Vec::new();
        let mut next = None;
        loop {
            let call = self.client.describe_fleet_instances().fleet_id(fleet).set_next_token(next.take());
            let page = match call.send().await.map_err(RequestError::from) {
                Err(e) if e.is(ABSENT) => return Ok(all),
                page => page?,
            };
            all.extend(page.active_instances.unwrap_or_default().into_iter().filter_map(|i| i.instance_id));
            next = page.next_token.filter(|t| !t.is_empty());
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    /// Numbers of the versions that were made for a fleet, by architecture, lowest first.
    pub(super) async fn versions_for(&self, name: &str) -> Result<BTreeMap<Architecture, Vec<i64>>, RequestError> {
        let mut found: BTreeMap<Architecture, Vec<i64>> = BTreeMap::new();
        for (architecture, template) in &self.place.templates {
            let all = self.versions(template).await?;
            let named = all.iter().filter(|v| v.version_description() == Some(name));
            let mut numbers: Vec<i64> = named.filter_map(LaunchTemplateVersion::version_number).collect();
            numbers.sort_unstable();
            if !numbers.is_empty() {
                found.insert(*architecture, numbers);
            }
        }
        Ok(found)
    }

    /// None of a template that is gone.
    async fn versions(&self, template: &str) -> Result<Vec<LaunchTemplateVersion>, RequestError> {
        let call = self.client.describe_launch_template_versions().launch_template_id(template);
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            match page.map_err(RequestError::from) {
                Err(e) if e.is(ABSENT) => return Ok(all),
                page => all.extend(page?.launch_template_versions.unwrap_or_default()),
            }
        }
        Ok(all)
    }

    /// By the tags of a fleet or machine that has this id; none if EC2 does not know it, or it is not this stack's.
    pub(super) async fn owner_of(&self, subject: &Subject) -> Result<Option<LivingFleet>, RequestError> {
        let tags = match subject {
            Subject::Fleet(id) => {
                let call = self.client.describe_fleets().fleet_ids(id).send().await.map_err(RequestError::from);
                present(call)?.and_then(|reply| reply.fleets?.pop()?.tags)
            }
            Subject::Machine(id) => {
                let call = self.client.describe_instances().instance_ids(id).send().await.map_err(RequestError::from);
                present(call)?.and_then(|reply| reply.reservations?.pop()?.instances?.pop()?.tags)
            }
        };
        Ok(tags.filter(|tags| self.ours(tags)).and_then(|tags| described(&tags, 0)))
    }

    /// Fleets that live, and those of which a version still stands: it was made before the fleet, and goes after it.
    pub(super) async fn living_fleets(&self) -> Result<Vec<LivingFleet>, FleetError> {
        let name = format!("of stack {}", self.place.stack);
        let wrap = |e| failed(&name, "looking for fleets", e);
        let mut living = BTreeMap::new();
        for fleet in self.described_fleets().await.map_err(wrap)? {
            let lives = fleet.fleet_state().is_some_and(|s| LIVING.contains(s));
            let target = fleet.target_capacity_specification().and_then(|t| t.total_target_capacity());
            self.add(&mut living, fleet.tags(), lives, target.and_then(|n| u32::try_from(n).ok()).unwrap_or_default());
        }
        for template in self.place.templates.values() {
            for version in self.versions(template).await.map_err(wrap)? {
                let tagged = version.launch_template_data().map(|d| d.tag_specifications()).unwrap_or_default();
                let tags = tagged.first().map(|t| t.tags()).unwrap_or_default();
                let made_for = version.version_description().is_some_and(|d| value(tags, FLEET_TAG) == Some(d));
                self.add(&mut living, tags, made_for, 0);
            }
        }
        Ok(living.into_values().collect())
    }

    fn add(&self, living: &mut BTreeMap<String, LivingFleet>, tags: &[Tag], lives: bool, vcpus: u32) {
        if let Some(fleet) = described(tags, vcpus).filter(|_| lives && self.ours(tags)) {
            living.entry(fleet.name.clone()).and_modify(|f| f.vcpus += vcpus).or_insert(fleet);
        }
    }

    pub(super) fn ours(&self, tags: &[Tag]) -> bool {
        value(tags, STACK_TAG) == Some(&self.place.stack)
    }
}

fn present<T>(reply: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match reply {
        Err(e) if e.is(ABSENT) => Ok(None),
        reply => reply.map(Some),
    }
}

pub(super) fn ended(instance: &Instance) -> bool {
    let state = instance.state().and_then(|s| s.name());
    state.is_some_and(|s| matches!(s, InstanceStateName::ShuttingDown | InstanceStateName::Terminated))
}

const LIVING: &[FleetStateCode] =
    &[FleetStateCode::Submitted, FleetStateCode::Active, FleetStateCode::Modifying, FleetStateCode::DeletedRunning];

/// Last words of `InvalidFleetId.NotFound`, `InvalidLaunchTemplateId.NotFound` and the like.
const ABSENT: &[&str] = &["NotFound", "NotFoundException"];

pub(super) fn value<'t>(tags: &'t [Tag], key: &str) -> Option<&'t str> {
    tags.iter().find(|t| t.key() == Some(key))?.value()
}

fn described(tags: &[Tag], vcpus: u32) -> Option<LivingFleet> {
    Some(LivingFleet {
        name: value(tags, FLEET_TAG)?.to_owned(),
        run: value(tags, RUN_TAG)?.into(),
        step: value(tags, STEP_TAG)?.into(),
        execution: value(tags, EXECUTION_TAG)?.into(),
        vcpus,
    })
}
