//! Fleets on this machine: an "instance" is a supervisor inside this process, its children are real processes. One
//! machine is one instance, so a fleet is one supervisor with as many slots as fit.

use crate::config::{Ports, Share, SupervisorConfig};
use crate::events::EventSink;
use crate::handle::Supervisor;
use async_trait::async_trait;
use spotmill_core::ids::Uri;
use spotmill_core::life::{InstanceRecord, LOCAL_ZONE};
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::local::lock::try_file;
use spotmill_platform::ports::{FleetError, FleetRequest, Fleets, LivingFleet};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;

/// The ending of the name of a directory's lock.
const LOCK: &str = ".lock";

struct Running {
    living: LivingFleet,
    supervisor: Supervisor,
    _tmp: OwnTmp,
}

pub struct LocalFleet {
    /// What every supervisor is started with; queues, share and tmp come from the request.
    base: SupervisorConfig,
    ports: Ports,
    events: EventSink,
    running: Mutex<HashMap<String, Running>>,
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
        let all: Vec<Running> = self.running.lock().await.drain().map(|(_, running)| running).collect();
        for running in &all {
            running.supervisor.stop_now();
        }
        for running in all {
            running.supervisor.join().await;
        }
    }

    /// This machine's record for the round. It is up already, so that its life begins with the fleet.
    fn life(&self, request: &FleetRequest) -> Option<(Uri, InstanceRecord)> {
        let record = InstanceRecord {
            v: RECORD_VERSION,
            worker: self.base.worker.clone(),
            id: format!("local-{}", request.name.get(..8).unwrap_or(&request.name)),
            kind: std::env::consts::ARCH.to_owned(),
            zone: LOCAL_ZONE.to_owned(),
            fleet: request.name.clone(),
            vcpus: self.base.machine.vcpus,
            memory_bytes: self.base.machine.memory_bytes,
            slots: self.slots(request),
            booted_ms: self.ports.clock.now_ms(),
            ..InstanceRecord::default()
        };
        request.instances.clone().map(|instances| (instances, record))
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
        let refused = |what: String| FleetError::Refused { name: request.name.clone(), what };
        let own = OwnTmp::take(&self.base.tmp, &request.name)
            .map_err(|e| refused(format!("cannot use {}: {e}", self.base.tmp.display())))?;
        let config = SupervisorConfig {
            queue: request.queue.clone(),
            callbacks: request.callbacks.clone(),
            share: self.share(request),
            tmp: own.dir.clone(),
            life: self.life(request),
            ..self.base.clone()
        };
        let tmp = config.tmp.clone();
        let supervisor = Supervisor::start(config, self.ports.clone(), self.events.clone())
            .map_err(|e| refused(format!("cannot use {}: {e}", tmp.display())))?;
        running.insert(
            request.name.clone(),
            Running {
                living: request.living(request.vcpus_per_item.saturating_mul(request.max_slots)),
                supervisor,
                _tmp: own,
            },
        );
        Ok(())
    }

    async fn end(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let running = self.running.lock().await.remove(&request.name);
        if let Some(running) = running {
            running.supervisor.stop_now();
            running.supervisor.join().await;
        }
        Ok(())
    }

    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError> {
        Ok(self.running.lock().await.values().map(|running| running.living.clone()).collect())
    }
}

/// A directory for a fleet's temporary files, with a lock file beside it that is held as long as the fleet lives. The
/// kernel lets go of it with the process, in whatever container that is; the number of a process proves nothing.
struct OwnTmp {
    dir: PathBuf,
    lock: PathBuf,
    _held: File,
}

impl OwnTmp {
    fn take(tmp: &Path, fleet: &str) -> io::Result<OwnTmp> {
        std::fs::create_dir_all(tmp)?;
        for n in 0..1_000u32 {
            let dir = tmp.join(format!("{fleet}-{n}"));
            let lock = tmp.join(format!("{fleet}-{n}{LOCK}"));
            // Whoever holds it works in the directory.
            if let Some(file) = try_file(&lock)?
                && !dir.exists()
            {
                return Ok(OwnTmp { dir, lock, _held: file });
            }
        }
        Err(io::Error::other("a thousand directories of this fleet are in use"))
    }
}

impl Drop for OwnTmp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
        let _ = std::fs::remove_file(&self.lock);
    }
}

/// Removes what fleets left whose processes were killed: their locks are free.
fn sweep(tmp: &Path) {
    let Ok(entries) = std::fs::read_dir(tmp) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Some(dir) = path.to_str().and_then(|p| p.strip_suffix(LOCK)) else { continue };
        if let Ok(Some(_held)) = try_file(&path) {
            let _ = std::fs::remove_dir_all(dir);
            let _ = std::fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_use_stays_and_one_whose_holder_is_gone_is_removed() {
        let tmp = tempfile::tempdir().expect("a directory");
        let mine = OwnTmp::take(tmp.path(), "f").expect("free");
        std::fs::create_dir(&mine.dir).expect("made");
        // Another process, wherever it runs: it sees a lock that is held.
        sweep(tmp.path());
        assert!(mine.dir.exists());
        let other = OwnTmp::take(tmp.path(), "f").expect("another name");
        assert_ne!(other.dir, mine.dir);
        // What a killed process leaves: the files, and no lock on them.
        std::fs::create_dir(tmp.path().join("dead-0")).expect("made");
        std::fs::write(tmp.path().join(format!("dead-0{LOCK}")), "").expect("written");
        sweep(tmp.path());
        assert!(!tmp.path().join("dead-0").exists());
        drop((mine, other));
        assert_eq!(std::fs::read_dir(tmp.path()).expect("there").count(), 0);
    }
}
