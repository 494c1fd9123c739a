//! The endpoint's memory: one lock over everything, held only for moments, never across an await.

use crate::config::LocalEc2Config;
use crate::experiments::Experiments;
use crate::faults::{Capacity, Effect, Fault, LaunchError, Spelling};
use crate::fleets::Fleet;
use crate::instances::Instance;
use crate::instances::watchdog::Watchdog;
use crate::network::Network;
use crate::tags::Tags;
use crate::templates::Template;
use crate::wire::{Ec2Error, Tree, Xml};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

pub struct World {
    pub config: LocalEc2Config,
    pub endpoint: String,
    pub root: PathBuf,
    pub watchdog: Watchdog,
    /// Something changed that the keeper of fleets may have to act upon.
    pub wake: tokio::sync::Notify,
    state: Mutex<State>,
}

pub struct State {
    pub network: Network,
    pub templates: Vec<Template>,
    pub fleets: Vec<Fleet>,
    pub instances: Vec<Instance>,
    /// By resource id.
    pub tags: BTreeMap<String, Tags>,
    /// What was asked with a client token, by action and token, and what it made.
    pub tokens: HashMap<(String, String), (Tree, Xml)>,
    pub faults: Vec<Fault>,
    /// Calls that were only asked about: the action, and the request.
    pub dry_runs: Vec<(String, Tree)>,
    pub capacity: Capacity,
    /// Every launch fails with it.
    pub launch_error: Option<LaunchError>,
    pub spelling: Spelling,
    pub quota_vcpus: Option<u32>,
    pub experiments: Experiments,
    pub replace_after_ms: u64,
    /// No launches any more: the endpoint is ending.
    pub closing: bool,
    /// Grows with everything made; orders pages.
    count: u64,
}

impl World {
    pub fn new(config: LocalEc2Config, endpoint: String, root: PathBuf, watchdog: Watchdog) -> Arc<World> {
        let state = State {
            network: Network::new(&config.region, config.zones),
            templates: Vec::new(),
            fleets: Vec::new(),
            instances: Vec::new(),
            tags: BTreeMap::new(),
            tokens: HashMap::new(),
            faults: Vec::new(),
            dry_runs: Vec::new(),
            capacity: Capacity::Plenty,
            launch_error: None,
            spelling: Spelling::default(),
            quota_vcpus: config.quota_vcpus,
            experiments: Experiments::default(),
            replace_after_ms: config.replace_after.as_millis() as u64,
            closing: false,
            count: 0,
        };
        let wake = tokio::sync::Notify::new();
        Arc::new(World { config, endpoint, root, watchdog, wake, state: Mutex::new(state) })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    /// The first fault that hits this call, used up by it.
    pub fn take_fault(&mut self, action: &str) -> Option<Effect> {
        let at = self.faults.iter().position(|f| f.action.as_deref().is_none_or(|a| a == action))?;
        let effect = self.faults[at].effect.clone();
        if let Some(times) = &mut self.faults[at].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.faults.remove(at);
            }
        }
        Some(effect)
    }

    pub fn next_number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    pub fn tags_of(&self, id: &str) -> Tags {
        self.tags.get(id).cloned().unwrap_or_default()
    }

    /// The resource type of something that exists.
    pub fn resource_type(&self, id: &str) -> Result<&'static str, Ec2Error> {
        if self.fleets.iter().any(|f| f.id == id) {
            return Ok("fleet");
        }
        if self.instances.iter().any(|i| i.id == id) {
            return Ok("instance");
        }
        if self.templates.iter().any(|t| t.id == id) {
            return Ok("launch-template");
        }
        if self.network.subnets.iter().any(|s| s.id == id) {
            return Ok("subnet");
        }
        Err(Ec2Error::new("InvalidID", format!("The ID '{id}' is not valid")))
    }

    pub fn instance(&self, id: &str) -> Result<&Instance, Ec2Error> {
        let missing = || Ec2Error::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"));
        self.instances.iter().find(|i| i.id == id).ok_or_else(missing)
    }

    pub fn instance_mut(&mut self, id: &str) -> Option<&mut Instance> {
        self.instances.iter_mut().find(|i| i.id == id)
    }

    pub fn fleet(&self, id: &str) -> Result<&Fleet, Ec2Error> {
        let missing = || Ec2Error::new("InvalidFleetId.NotFound", format!("The fleet ID '{id}' does not exist"));
        self.fleets.iter().find(|f| f.id == id).ok_or_else(missing)
    }

    pub fn fleet_mut(&mut self, id: &str) -> Option<&mut Fleet> {
        self.fleets.iter_mut().find(|f| f.id == id)
    }

    /// The previous reply to the same request; another request under the same client token is an error.
    pub fn previous_reply(&self, action: &str, request: &Tree) -> Result<Option<Xml>, Ec2Error> {
        let Some(token) = request.text("ClientToken") else { return Ok(None) };
        if token.len() > 128 || !token.is_ascii() {
            return Err(Ec2Error::invalid("ClientToken must be at most 128 ASCII characters"));
        }
        match self.tokens.get(&(action.to_owned(), token.to_owned())) {
            Some((before, answer)) if before == request => Ok(Some(answer.clone())),
            Some(_) => {
                let message = "The request uses the same client token as a previous, but non-identical request.";
                Err(Ec2Error::new("IdempotentParameterMismatch", message))
            }
            None => Ok(None),
        }
    }

    pub fn remember(&mut self, action: &str, request: &Tree, answer: &Xml) {
        if let Some(token) = request.text("ClientToken") {
            let key = (action.to_owned(), token.to_owned());
            self.tokens.insert(key, (request.clone(), answer.clone()));
        }
    }
}
