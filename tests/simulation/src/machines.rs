//! A machine: a real supervisor on a line of its own, which boots, works, and goes away with notice or without.

use crate::children::Children;
use crate::line::{Actor, Line};
use crate::lock::lock;
use crate::queue::SimulatedQueue;
use crate::shared::Shared;
use crate::store::SimulatedStore;
use spotmill_core::ids::Uri;
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::ports::{Clock, FleetRequest};
use spotmill_supervisor::{
    Machine as Hardware, Ports, Program, Share, Supervisor, SupervisorConfig, Times, WorkerEvent,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What each machine has.
pub const VCPUS: u32 = 2;
const MEMORY: u64 = 32 << 30;

pub struct Machine {
    pub name: String,
    pub actor: Arc<Actor>,
    supervisor: Mutex<Option<Supervisor>>,
}

/// How many items such a machine does at once.
pub fn slots(request: &FleetRequest) -> u32 {
    share(request).slots(Hardware { vcpus: VCPUS, memory_bytes: MEMORY })
}

fn share(request: &FleetRequest) -> Share {
    Share {
        vcpus_per_item: request.vcpus_per_item,
        memory_bytes_per_item: request.memory_bytes_per_item,
        max_slots: request.max_slots,
    }
}

impl Machine {
    /// It has booted, and takes work at once.
    pub fn begin(shared: &Arc<Shared>, name: String, root: &Uri, request: &FleetRequest, tmp: &Path) -> Arc<Machine> {
        let actor = Actor::new(shared, "machine", name.clone(), None);
        let machine = Arc::new(Machine { name: name.clone(), actor: Arc::clone(&actor), supervisor: Mutex::new(None) });
        let line = Line { shared: Arc::clone(shared), actor };
        let drawn = Arc::clone(shared);
        let ports = Ports {
            store: Arc::new(SimulatedStore(line.clone())),
            queue: Arc::new(SimulatedQueue(line)),
            clock: Arc::<Shared>::clone(shared),
            chance: Arc::new(move || drawn.draw(crate::chance::Chance::draw)),
        };
        let config = config(shared, &name, root, request, tmp.join(&name));
        let teller = (Arc::clone(shared), name);
        let events = Arc::new(move |event| tell(&teller, &event));
        let children = Arc::new(Children { shared: Arc::clone(shared), actor: Arc::clone(&machine.actor) });
        let supervisor = Supervisor::start_with(config, ports, events, children).expect("a directory");
        *lock(&machine.supervisor) = Some(supervisor);
        let watched = Arc::clone(&machine);
        tokio::spawn(async move {
            watched.actor.death().await;
            watched.vanish();
        });
        machine
    }

    /// It will be taken away.
    pub fn notice(&self, deadline_ms: u64) {
        if let Some(supervisor) = &*lock(&self.supervisor) {
            supervisor.notice(deadline_ms);
        }
    }

    /// It is asked to stop, as by SIGTERM.
    pub fn stop(&self) {
        if let Some(supervisor) = &*lock(&self.supervisor) {
            supervisor.stop_now();
        }
    }

    /// None of its messages arrives any more. What is left of it here goes.
    pub fn vanish(&self) {
        self.actor.die();
        let supervisor = lock(&self.supervisor).take();
        if let Some(supervisor) = supervisor {
            supervisor.stop_now();
            tokio::spawn(supervisor.join());
        }
    }
}

fn config(shared: &Shared, name: &str, root: &Uri, request: &FleetRequest, tmp: PathBuf) -> SupervisorConfig {
    let hardware = Hardware { vcpus: VCPUS, memory_bytes: MEMORY };
    let life = InstanceRecord {
        v: RECORD_VERSION,
        worker: name.to_owned(),
        id: name.to_owned(),
        kind: "m7g.large".to_owned(),
        zone: "use1-az1".to_owned(),
        fleet: request.name.clone(),
        vcpus: VCPUS,
        memory_bytes: MEMORY,
        slots: slots(request),
        booted_ms: shared.now_ms(),
        ..InstanceRecord::default()
    };
    SupervisorConfig {
        root: root.clone(),
        queue: request.queue.clone(),
        callbacks: request.callbacks.clone(),
        worker: name.to_owned(),
        worker_digest: "sha".to_owned(),
        program: Program { path: PathBuf::from("worker"), args: Vec::new(), env: BTreeMap::new(), fork_servers: None },
        users: None,
        machine: hardware,
        share: share(request),
        tmp,
        times: Times { sample_ms: 3_600_000, ..Times::AWS },
        life: request.instances.clone().map(|instances| (instances, life)),
    }
}

fn tell((shared, name): &(Arc<Shared>, String), event: &WorkerEvent) {
    let of =
        |id: &spotmill_supervisor::ItemId| format!("{} g{} item {} ({})", id.step, id.generation, id.item, id.attempt);
    let what = match event {
        WorkerEvent::ItemStarted { id, .. } => format!("starts {}", of(id)),
        WorkerEvent::ItemDone { id, .. } => format!("committed {}", of(id)),
        WorkerEvent::ItemCommittedByAnother { id } => format!("found the receipt of {}", of(id)),
        WorkerEvent::ItemFailed { id, class, message, .. } => format!("{} failed ({class:?}): {message}", of(id)),
        WorkerEvent::ItemNeedsMemory { id, .. } => format!("{} needs memory", of(id)),
        WorkerEvent::ItemLost { id, message } => format!("hands back {}: {message}", of(id)),
        WorkerEvent::MessageDropped { why } => format!("drops a message: {why}"),
        WorkerEvent::Note { message } => message.clone(),
        WorkerEvent::ChildMemory { .. } | WorkerEvent::Milestone { .. } => return,
    };
    shared.tell(name, &what);
}
