//! Ports that a test can see into and break: a store over the local one that fails at a chosen write, machines and
//! executions that only remember what was asked of them.

use async_trait::async_trait;
use spotmill_core::fleet::MachineNow;
use spotmill_core::ids::{ExecutionId, Uri};
use spotmill_ec2::cause::SPOT_QUOTA;
use spotmill_ec2::machines;
use spotmill_platform::local::LocalStore;
use spotmill_platform::ports::{
    Clock, Created, ExecutionError, ExecutionState, Executions, FleetError, FleetEvent, FleetNow, FleetRequest, Fleets,
    Hold, LivingFleet, Object, ObjectMeta, Resize, Store, StoreError, Subject, Swapped, TokenReply,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// What happens at the chosen write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused and nothing is written.
    Refuse,
    /// It is written and its reply is lost.
    LoseReply,
    /// It never arrives, and the caller cannot see that either.
    LoseRequest,
    /// It is written, and nothing works after it until `revive`: the function died.
    Die,
}

#[derive(Default)]
struct Faults {
    /// The write (1-based) and what happens at it.
    at: Option<(u64, Fault)>,
    writes: u64,
    dead: bool,
}

#[derive(Default)]
pub struct TestStore {
    local: LocalStore,
    faults: Mutex<Faults>,
    after_list: Mutex<Option<AfterList>>,
}

/// What somebody else does between a list (1-based) and what follows it.
struct AfterList {
    lists_left: u64,
    act: Box<dyn FnOnce() + Send>,
}

enum Turn {
    Go,
    Refuse,
    Lose,
    GoAndLose,
}

impl TestStore {
    pub fn fail_at(&self, write: u64, fault: Fault) {
        *lock(&self.faults) = Faults { at: Some((write, fault)), writes: 0, dead: false };
    }
    pub fn revive(&self) {
        *lock(&self.faults) = Faults::default();
    }
    pub fn writes(&self) -> u64 {
        lock(&self.faults).writes
    }
    pub fn after_list(&self, list: u64, act: impl FnOnce() + Send + 'static) {
        *lock(&self.after_list) = Some(AfterList { lists_left: list, act: Box::new(act) });
    }

    fn listed(&self) {
        let mut waiting = lock(&self.after_list);
        if let Some(after) = waiting.as_mut() {
            after.lists_left -= 1;
        }
        if let Some(after) = waiting.take_if(|after| after.lists_left == 0) {
            (after.act)();
        }
    }

    fn inspect(&self, uri: &Uri) -> Result<(), StoreError> {
        if lock(&self.faults).dead { Err(transient(uri)) } else { Ok(()) }
    }

    fn turn(&self) -> Turn {
        let mut faults = lock(&self.faults);
        if faults.dead {
            return Turn::Refuse;
        }
        faults.writes += 1;
        match faults.at {
            Some((at, Fault::Refuse)) if at == faults.writes => Turn::Refuse,
            Some((at, Fault::LoseRequest)) if at == faults.writes => Turn::Lose,
            Some((at, Fault::LoseReply)) if at == faults.writes => Turn::GoAndLose,
            Some((at, Fault::Die)) if at == faults.writes => {
                faults.dead = true;
                Turn::GoAndLose
            }
            _ => Turn::Go,
        }
    }

    async fn write<T>(
        &self,
        uri: &Uri,
        lost: fn(&Uri) -> StoreError,
        act: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self.turn() {
            Turn::Refuse => Err(transient(uri)),
            Turn::Lose => Err(lost(uri)),
            Turn::Go => act.await,
            Turn::GoAndLose => act.await.and(Err(lost(uri))),
        }
    }
}

fn transient(uri: &Uri) -> StoreError {
    StoreError::Transient { uri: uri.clone(), what: "a test broke it".into(), source: "test".into() }
}

fn unknown(uri: &Uri) -> StoreError {
    StoreError::Unknown { uri: uri.clone(), source: "test".into() }
}

/// ETags are of the content, so that two runs of a test agree on them.
fn etag(body: &[u8]) -> String {
    spotmill_core::digest::short(body, 12)
}

#[async_trait]
impl Store for TestStore {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        self.inspect(uri)?;
        let body = self.local.get(uri).await?.body;
        Ok(Object { etag: etag(&body), body })
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.inspect(uri)?;
        self.local.get_range(uri, from, to).await
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.inspect(uri)?;
        let etag = etag(&self.local.get(uri).await?.body);
        Ok(ObjectMeta { etag, ..self.local.head(uri).await? })
    }
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        self.inspect(prefix)?;
        let mut listed = self.local.list(prefix).await?;
        for object in &mut listed {
            object.etag = etag(&self.local.get(&object.uri).await?.body);
        }
        self.listed();
        Ok(listed)
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.write(uri, unknown, self.local.create(uri, body)).await
    }
    async fn swap(&self, uri: &Uri, expected: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        let there = self.local.get(uri).await?;
        if etag(&there.body) != expected {
            return Ok(Swapped::No);
        }
        let swapped = self.write(uri, unknown, self.local.swap(uri, &there.etag, body)).await?;
        Ok(if matches!(swapped, Swapped::Yes(_)) { Swapped::Yes(etag(body)) } else { swapped })
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.write(uri, transient, self.local.put(uri, body)).await
    }
    async fn real(&self, location: &Uri) -> Result<Uri, StoreError> {
        self.local.real(location).await
    }
    async fn links(&self, prefix: &Uri) -> Result<Vec<(Uri, Uri)>, StoreError> {
        self.local.links(prefix).await
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.write(to, transient, self.local.copy(from, to)).await
    }
    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        self.write(to, transient, self.local.copy_range(from, range, to)).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.write(uri, transient, self.local.delete(uri)).await
    }
    async fn hold(&self, location: &Uri) -> Result<Hold, StoreError> {
        self.inspect(location)?;
        self.local.hold(location).await
    }
    async fn sweep(&self, location: &Uri) -> Result<usize, StoreError> {
        self.local.sweep(location).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.local.download(uri, etag, to).await
    }
    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        self.local.download_range(uri, etag, range, to).await
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.write(to, transient, self.local.upload(from, to)).await
    }
}

/// Fleets by name: requested, and those that still run.
#[derive(Default)]
pub struct TestFleets {
    pub asked: Mutex<BTreeMap<String, FleetRequest>>,
    pub live: Mutex<BTreeSet<String>>,
    pub refuse: Mutex<Option<String>>,
    /// The fleet that cannot be ended.
    pub stuck: Mutex<Option<String>>,
    /// How fleets stand, where a test sets it.
    pub now: Mutex<BTreeMap<String, FleetNow>>,
    pub events: Mutex<Vec<FleetEvent>>,
    pub console: Mutex<Option<String>>,
    pub resized: Mutex<Vec<Resize>>,
}

fn ended(machine: &mut MachineNow) {
    machine.works = false;
    machine.reason = "Client.UserInitiatedShutdown: by us".into();
}

#[async_trait]
impl Fleets for TestFleets {
    async fn launch(&self, request: &FleetRequest) -> Result<(), FleetError> {
        if let Some(what) = lock(&self.refuse).clone() {
            return Err(FleetError::Refused { name: request.name.clone(), what });
        }
        lock(&self.asked).insert(request.name.clone(), request.clone());
        lock(&self.live).insert(request.name.clone());
        Ok(())
    }
    async fn end(&self, request: &FleetRequest) -> Result<(), FleetError> {
        let name = request.name.clone();
        if *lock(&self.stuck) == Some(name.clone()) {
            return Err(FleetError::Transient { name, what: "a test broke it".into(), source: "test".into() });
        }
        lock(&self.live).remove(&request.name);
        if let Some(now) = lock(&self.now).get_mut(&request.name) {
            now.machines.iter_mut().filter(|m| m.works).for_each(ended);
        }
        Ok(())
    }
    /// A fleet's id is `fleet-` and its name.
    async fn owner(&self, subject: &Subject) -> Result<Option<LivingFleet>, FleetError> {
        let now = lock(&self.now);
        let has = |name: &String, machine: &String| {
            now.get(name).is_some_and(|f| f.machines.iter().any(|m| m.id == *machine))
        };
        let asked = lock(&self.asked);
        let found = asked.values().find(|request| match subject {
            Subject::Fleet(id) => *id == format!("fleet-{}", request.name),
            Subject::Machine(id) => has(&request.name, id),
        });
        Ok(found.map(|request| request.living(0)))
    }
    async fn inspect(&self, request: &FleetRequest) -> Result<Option<FleetNow>, FleetError> {
        Ok(lock(&self.now).get(&request.name).cloned())
    }
    async fn events(&self, _: &FleetRequest) -> Result<Vec<FleetEvent>, FleetError> {
        Ok(lock(&self.events).clone())
    }
    async fn console(&self, _: &str) -> Result<Option<String>, FleetError> {
        Ok(lock(&self.console).clone())
    }
    async fn resize(&self, request: &FleetRequest, to: &Resize) -> Result<(), FleetError> {
        if let Some(what) = lock(&self.refuse).clone() {
            return Err(FleetError::Refused { name: request.name.clone(), what });
        }
        lock(&self.resized).push(to.clone());
        if let Some(now) = lock(&self.now).get_mut(&request.name) {
            now.target = to.target;
            now.machines.iter_mut().filter(|m| to.end.contains(&m.id)).for_each(ended);
        }
        Ok(())
    }
    async fn prices(&self, pools: &[(String, String)]) -> Result<Vec<Option<f64>>, FleetError> {
        Ok(vec![Some(0.36); pools.len()])
    }
    async fn quota(&self, code: &str) -> Result<Option<f64>, FleetError> {
        Ok((code == SPOT_QUOTA).then_some(5.0))
    }
    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError> {
        let (asked, live) = (lock(&self.asked), lock(&self.live));
        Ok(live
            .iter()
            .filter_map(|name| asked.get(name))
            .map(|request| request.living(machines::slot_vcpus(request) * request.max_slots))
            .collect())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Success(String),
    Failure(String, String),
    Heartbeat(String),
}

/// Executions run unless a test ends them; a token is closed once it was answered, or when a test closes it.
#[derive(Default)]
pub struct TestExecutions {
    pub states: Mutex<BTreeMap<String, ExecutionState>>,
    pub sent: Mutex<Vec<Sent>>,
    pub closed: Mutex<BTreeSet<String>>,
    /// The next answers that fail.
    pub broken: Mutex<u32>,
    /// The causes of the failures that were sent.
    pub causes: Mutex<Vec<String>>,
}

impl TestExecutions {
    pub fn end(&self, execution: &str) {
        lock(&self.states).insert(execution.into(), ExecutionState::Ended);
    }
    pub fn succeeded(&self, token: &str) -> bool {
        lock(&self.sent).contains(&Sent::Success(token.into()))
    }
    fn answer(&self, token: &str, sent: Sent) -> Result<TokenReply, ExecutionError> {
        let mut broken = lock(&self.broken);
        if *broken > 0 {
            *broken -= 1;
            return Err(ExecutionError { what: "a test broke it".into(), source: "test".into() });
        }
        let mut closed = lock(&self.closed);
        if closed.contains(token) {
            return Ok(TokenReply::Closed);
        }
        if !matches!(sent, Sent::Heartbeat(_)) {
            closed.insert(token.into());
        }
        lock(&self.sent).push(sent);
        Ok(TokenReply::Accepted)
    }
}

#[async_trait]
impl Executions for TestExecutions {
    async fn state(&self, execution: &ExecutionId) -> Result<ExecutionState, ExecutionError> {
        Ok(lock(&self.states).get(execution.as_str()).copied().unwrap_or(ExecutionState::Running))
    }
    async fn send_success(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        self.answer(token, Sent::Success(token.into()))
    }
    async fn send_failure(&self, token: &str, error: &str, cause: &str) -> Result<TokenReply, ExecutionError> {
        lock(&self.causes).push(cause.into());
        self.answer(token, Sent::Failure(token.into(), error.into()))
    }
    async fn send_heartbeat(&self, token: &str) -> Result<TokenReply, ExecutionError> {
        self.answer(token, Sent::Heartbeat(token.into()))
    }
}

pub struct TestClock(pub AtomicU64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicU64::new(1_000_000_000))
    }
}

impl TestClock {
    pub fn pass_secs(&self, secs: u64) {
        self.0.fetch_add(secs * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}
