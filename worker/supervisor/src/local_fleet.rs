//! Fleets on this machine: an "instance" is a supervisor inside this process, its children are real processes. One
//! machine is one instance, so a fleet is one supervisor with as many slots as fit.

use crate::config::{Ports, Share, SupervisorConfig};
use crate::events::EventSink;
use crate::handle::Supervisor;
use async_trait::async_trait;
use spotmill_platform::ports::{FleetError, FleetRequest, Fleets, LivingFleet};
use std::collections::HashMap;
use std::path::Path;
use tokio::sync::Mutex;

pub struct LocalFleet {
    /// What every supervisor is started with; queues, share and tmp come from the request.
    base: SupervisorConfig,
    ports: Ports,
    events: EventSink,
    running: Mutex<HashMap<String, (LivingFleet, Supervisor)>>,
}

impl LocalFleet {
    /// `base.share.max_slots` bounds the slots of every fleet (`--workers`); the rest of `base.share` is ignored.
    pub fn new(base: SupervisorConfig, ports: Ports, events: EventSink) -> LocalFleet {
        sweep(&base.tmp);
        LocalFleet { base, ports, events, running: Mutex::default() }
    }

    /// How many items a fleet with this request would run at once.
    pub fn slots(&self, request: &FleetRequest) -> u32 {
        self.share(request).slots(self.base.machine)
    }

    /// Ends every fleet, all at once; for Ctrl-C.
    pub async fn end_all(&self) {
        let all: Vec<Supervisor> = self.running.lock().await.drain().map(|(_, (_, supervisor))| supervisor).collect();
        for supervisor in &all {
            supervisor.stop_now();
        }
        for supervisor in all {
            supervisor.join().await;
        }
    }

    fn share(&self, request: &FleetRequest) -> Share {
        Share {
            vcpus_per_item: request.vcpus_per_item,
            memory_bytes_per_item: request.memory_bytes_per_item,
            max_slots: request.max_slots.min(self.base.share.max_slots),
        }
    }
}

#[async_trait]
impl Fleets for LocalFleet {
    async fn launch(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let mut running = self.running.lock().await;
        if running.contains_key(&request.name) {
            return Ok(());
        }
        let config = SupervisorConfig {
            queue: request.queue.clone(),
            callbacks: request.callbacks.clone(),
            share: self.share(request),
            tmp: self.base.tmp.join(format!("{}-{}", std::process::id(), request.name)),
            ..self.base.clone()
        };
        let tmp = config.tmp.clone();
        let supervisor = Supervisor::start(config, self.ports.clone(), self.events.clone()).map_err(|e| {
            FleetError::Refused { name: request.name.clone(), what: format!("cannot use {}: {e}", tmp.display()) }
        })?;
        running.insert(request.name.clone(), (request.living(), supervisor));
        Ok(())
    }

    async fn end(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let supervisor = self.running.lock().await.remove(&request.name);
        if let Some((_, supervisor)) = supervisor {
            supervisor.stop_now();
            supervisor.join().await;
        }
        Ok(())
    }

    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError> {
        Ok(self.running.lock().await.values().map(|(living, _)| living.clone()).collect())
    }
}

/// Removes the directories (`{pid}-{fleet}`) of processes that were killed and could not.
fn sweep(tmp: &Path) {
    let Ok(entries) = std::fs::read_dir(tmp) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|n| n.split_once('-')?.0.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
