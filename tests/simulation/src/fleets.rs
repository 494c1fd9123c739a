//! Fleets in memory, as EC2 keeps them: one name is one fleet for ever, machines come one by one as long as there are
//! any, are replaced when they go, and lists show all of it late.

use crate::faults::Fault;
use crate::line::{Line, Turn};
use crate::lock::lock;
use crate::machines::{Machine, VCPUS, slots};
use crate::shared::Shared;
use async_trait::async_trait;
use spotmill_core::fleet::{MachineNow, Target};
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Clock, FleetError, FleetNow, FleetRequest, Fleets, LivingFleet, Resize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Every fleet that ever was.
pub struct Park {
    pub shared: Arc<Shared>,
    pub root: Uri,
    pub tmp: PathBuf,
    fleets: Mutex<BTreeMap<String, Fleet>>,
    named: Mutex<u64>,
}

struct Fleet {
    request: FleetRequest,
    /// None of one that was ended before its launch arrived.
    launched_ms: Option<u64>,
    target: Target,
    /// Also of one that was ended before its launch arrived.
    ended_ms: Option<u64>,
    machines: Vec<Arc<Machine>>,
}

impl Park {
    pub fn new(shared: Arc<Shared>, root: Uri, tmp: PathBuf) -> Park {
        Park { shared, root, tmp, fleets: Mutex::default(), named: Mutex::default() }
    }

    /// Fleets that have not ended, and machines that work.
    pub fn living(&self) -> Vec<String> {
        let fleets = lock(&self.fleets);
        let alive = |fleet: &Fleet| fleet.machines.iter().filter(|m| !m.actor.is_dead()).count();
        let living = fleets.iter().filter(|(_, fleet)| fleet.ended_ms.is_none() || alive(fleet) > 0);
        living.map(|(name, fleet)| format!("{name} with {} machines", alive(fleet))).collect()
    }

    fn launch(self: &Arc<Self>, request: &FleetRequest) {
        let launched_ms = self.shared.elapsed_ms();
        let mut fleets = lock(&self.fleets);
        if fleets.contains_key(&request.name) {
            return;
        }
        // Four machines are as good as a hundred.
        let machines = request.max_slots.div_ceil(slots(request).max(1)).min(4);
        let target = Target { vcpus: machines * VCPUS, on_demand: 0 };
        let (request, launched_ms) = (request.clone(), Some(launched_ms));
        let fleet = Fleet { request: request.clone(), launched_ms, target, ended_ms: None, machines: Vec::new() };
        fleets.insert(request.name.clone(), fleet);
        tokio::spawn(Arc::clone(self).keep(request));
    }

    /// Keeps the fleet at its size until it ends.
    async fn keep(self: Arc<Self>, request: FleetRequest) {
        loop {
            self.shared.pass(self.shared.draw(|c| c.between(15_000, 60_000))).await;
            if self.shared.now_ms() > request.valid_until_ms {
                self.end(&request.name).await;
            }
            let wanted = {
                let fleets = lock(&self.fleets);
                let Some(fleet) = fleets.get(&request.name).filter(|f| f.ended_ms.is_none()) else { return };
                let has = fleet.machines.iter().filter(|m| !m.actor.is_dead()).count() as u32;
                fleet.target.vcpus.div_ceil(VCPUS) > has
            };
            if !wanted {
                continue;
            }
            if self.shared.faults(|f, c| f.strikes(Fault::NoCapacity, c)) {
                self.shared.tell("ec2", "FAULT NoCapacity for a while");
                self.shared.pass(self.shared.draw(|c| c.between(60_000, 3_600_000))).await;
                continue;
            }
            self.boot(&request);
        }
    }

    fn boot(self: &Arc<Self>, request: &FleetRequest) {
        let number = {
            let mut named = lock(&self.named);
            *named += 1;
            *named
        };
        let name = format!("machine-{number}");
        self.shared.tell("ec2", &format!("{name} of {} has booted", request.name));
        let machine = Machine::begin(&self.shared, name, &self.root, request, &self.tmp);
        if let Some(fleet) = lock(&self.fleets).get_mut(&request.name) {
            fleet.machines.push(Arc::clone(&machine));
        }
        let fate = self.shared.faults(|f, c| match () {
            () if f.strikes(Fault::Notice, c) || f.strikes(Fault::Notice, c) => Some(Fault::Notice),
            () if f.strikes(Fault::Vanished, c) || f.strikes(Fault::Vanished, c) => Some(Fault::Vanished),
            () => None,
        });
        if let Some(fate) = fate {
            tokio::spawn(interrupt(Arc::clone(&self.shared), machine, fate));
        }
    }

    /// Returns once no machine of it works any more. A launch that arrives later launches nothing.
    async fn end(&self, name: &str) -> bool {
        let machines = {
            let mut fleets = lock(&self.fleets);
            let Some(fleet) = fleets.get_mut(name) else { return false };
            let ended_ms = self.shared.elapsed_ms();
            fleet.ended_ms.get_or_insert(ended_ms);
            fleet.machines.iter().filter(|m| !m.actor.is_dead()).cloned().collect::<Vec<_>>()
        };
        machines.iter().for_each(|machine| machine.stop());
        if !machines.is_empty() {
            self.shared.pass(5_000).await;
        }
        machines.iter().for_each(|machine| machine.vanish());
        true
    }

    fn never(&self, request: &FleetRequest) {
        let now_ms = self.shared.elapsed_ms();
        let (request, ended_ms) = (request.clone(), Some(now_ms));
        let fleet = Fleet {
            request: request.clone(),
            launched_ms: None,
            target: Target::default(),
            ended_ms,
            machines: Vec::new(),
        };
        lock(&self.fleets).entry(request.name.clone()).or_insert(fleet);
    }

    /// One fleet, its machines shown `lag_ms` late.
    fn inspect(&self, name: &str, lag_ms: u64) -> Option<FleetNow> {
        let now_ms = self.shared.elapsed_ms();
        let fleets = lock(&self.fleets);
        let fleet = fleets.get(name).filter(|fleet| fleet.launched_ms.is_some())?;
        let shown = fleet.machines.iter().filter(|machine| machine.actor.began_ms + lag_ms <= now_ms);
        let machines = shown.map(|machine| MachineNow {
            id: machine.name.clone(),
            kind: "m7g.large".to_owned(),
            zone: "use1-az1".to_owned(),
            vcpus: VCPUS,
            on_demand: false,
            launched_ms: crate::shared::BEGINNING_MS + machine.actor.began_ms,
            works: !machine.actor.is_dead(),
            reason: if machine.actor.is_dead() { "Server.SpotInstanceTermination".to_owned() } else { String::new() },
        });
        Some(FleetNow { target: fleet.target, machines: machines.collect(), types: 4, zones: 3 })
    }

    fn resize(&self, name: &str, resize: &Resize) {
        let mut fleets = lock(&self.fleets);
        let Some(fleet) = fleets.get_mut(name) else { return };
        fleet.target = resize.target;
        let ending = fleet.machines.iter().filter(|machine| resize.end.contains(&machine.name));
        ending.for_each(|machine| drop(tokio::spawn(terminate(Arc::clone(&self.shared), Arc::clone(machine)))));
    }

    /// As the lists show them, `lag_ms` late.
    fn seen(&self, lag_ms: u64) -> Vec<LivingFleet> {
        let now_ms = self.shared.elapsed_ms();
        let shown = |fleet: &&Fleet| {
            fleet.launched_ms.is_some_and(|at| at + lag_ms <= now_ms)
                && fleet.ended_ms.is_none_or(|ended| ended + lag_ms > now_ms)
        };
        let fleets = lock(&self.fleets);
        fleets.values().filter(shown).map(|fleet| fleet.request.living(fleet.request.max_slots)).collect()
    }
}

/// SIGTERM, and soon after the end.
async fn terminate(shared: Arc<Shared>, machine: Arc<Machine>) {
    machine.stop();
    shared.pass(20_000).await;
    machine.vanish();
}

async fn interrupt(shared: Arc<Shared>, machine: Arc<Machine>, fate: Fault) {
    shared.pass(shared.draw(|c| c.between(5_000, 900_000))).await;
    if machine.actor.is_dead() {
        return;
    }
    if fate == Fault::Notice {
        shared.tell("ec2", &format!("FAULT Notice for {}", machine.name));
        machine.notice(shared.now_ms() + 120_000);
        shared.pass(120_000).await;
    }
    shared.tell("ec2", &format!("FAULT {} is gone", machine.name));
    machine.vanish();
}

/// The fleets as an actor sees them over its line.
#[derive(Clone)]
pub struct SimulatedFleets {
    pub line: Line,
    pub park: Arc<Park>,
}

fn unanswered(name: &str) -> FleetError {
    FleetError::Transient { name: name.to_owned(), what: "no answer".to_owned(), source: "simulated".into() }
}

#[async_trait]
impl Fleets for SimulatedFleets {
    async fn launch(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let turn = self.line.turn("fleets.launch", &request.name, true).await;
        let launch = |park: &Arc<Park>| {
            park.shared.tell(&self.line.actor.name, &format!("launches {} for {}", request.name, request.step));
            park.launch(request);
        };
        match turn {
            Turn::Act => launch(&self.park),
            Turn::Refuse | Turn::Lose => return Err(unanswered(&request.name)),
            Turn::ActAndLose => {
                launch(&self.park);
                return Err(unanswered(&request.name));
            }
            Turn::ActAndDie => {
                launch(&self.park);
                self.line.die().await
            }
            Turn::ActLater(ms) => {
                let (park, request) = (Arc::clone(&self.park), request.clone());
                let name = request.name.clone();
                tokio::spawn(async move {
                    park.shared.pass(ms).await;
                    park.shared.tell("ec2", &format!("a launch of {} lands late", request.name));
                    park.launch(&request);
                });
                return Err(unanswered(&name));
            }
        }
        Ok(())
    }

    async fn end(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let turn = self.line.turn("fleets.end", &request.name, true).await;
        if matches!(turn, Turn::Refuse | Turn::Lose | Turn::ActLater(_)) {
            return Err(unanswered(&request.name));
        }
        self.park.shared.tell(&self.line.actor.name, &format!("ends {}", request.name));
        // As the real adapter finds out by replaying the request: it launches nothing after this.
        self.park.never(request);
        self.park.end(&request.name).await;
        match turn {
            Turn::ActAndLose => Err(unanswered(&request.name)),
            Turn::ActAndDie => self.line.die().await,
            _ => Ok(()),
        }
    }

    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError> {
        match self.line.turn("fleets.living", "", false).await {
            Turn::Act | Turn::ActAndDie => {
                let lag_ms = self.line.shared.faults(|f, c| if f.are_on() { c.below(60_000) } else { 0 });
                Ok(self.park.seen(lag_ms))
            }
            _ => Err(unanswered("all")),
        }
    }

    async fn inspect(&self, request: &FleetRequest) -> Result<Option<FleetNow>, FleetError> {
        match self.line.turn("fleets.inspect", &request.name, false).await {
            Turn::Act | Turn::ActAndDie => {
                let lag_ms = self.line.shared.faults(|f, c| if f.are_on() { c.below(60_000) } else { 0 });
                Ok(self.park.inspect(&request.name, lag_ms))
            }
            _ => Err(unanswered(&request.name)),
        }
    }

    async fn resize(&self, request: &FleetRequest, resize: &Resize) -> Result<(), FleetError> {
        let turn = self.line.turn("fleets.resize", &request.name, true).await;
        if matches!(turn, Turn::Refuse | Turn::Lose | Turn::ActLater(_)) {
            return Err(unanswered(&request.name));
        }
        self.park.shared.tell(&self.line.actor.name, &format!("resizes {} to {resize:?}", request.name));
        self.park.resize(&request.name, resize);
        match turn {
            Turn::ActAndLose => Err(unanswered(&request.name)),
            Turn::ActAndDie => self.line.die().await,
            _ => Ok(()),
        }
    }
}
