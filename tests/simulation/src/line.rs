//! Actors and their lines: every call of a port passes a line, on which whatever may befall a request befalls it.

use crate::chance::Chance;
use crate::faults::Fault;
use crate::lock::lock;
use crate::shared::Shared;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A function's call, a machine, or a user: what can die as one.
pub struct Actor {
    pub name: String,
    /// In the names of points: `publish`, `machine`.
    pub kind: String,
    /// The root execution that it works for, and when it began.
    pub root: Option<String>,
    pub began_ms: u64,
    /// Whether faults befall it.
    is_mortal: bool,
    state: Mutex<State>,
    died: Notify,
}

#[derive(Default)]
struct State {
    dead: bool,
    /// Its last look at the lease showed another owner than the execution that it works for.
    has_lost: bool,
    still_until_ms: u64,
    /// How often it has asked for what: `store.get` and its target.
    calls: BTreeMap<String, u64>,
}

impl Actor {
    pub fn new(shared: &Shared, kind: &str, name: String, root: Option<String>) -> Arc<Actor> {
        Arc::new(Actor {
            name,
            kind: kind.to_owned(),
            root,
            began_ms: shared.elapsed_ms(),
            is_mortal: true,
            state: Mutex::default(),
            died: Notify::new(),
        })
    }

    /// Somebody whom no faults befall.
    pub fn user(shared: &Shared) -> Arc<Actor> {
        let user = Actor::new(shared, "user", "user".to_owned(), None);
        Arc::new(Actor { is_mortal: false, ..Arc::into_inner(user).expect("nobody else holds it") })
    }

    pub fn is_dead(&self) -> bool {
        lock(&self.state).dead
    }

    /// It has read who holds the run.
    pub fn reads_owner(&self, owner: Option<&str>) {
        lock(&self.state).has_lost = self.root.is_some() && owner != self.root.as_deref();
    }

    pub fn has_lost(&self) -> bool {
        lock(&self.state).has_lost
    }

    /// None of its requests arrives any more, and no answer either.
    pub fn die(&self) {
        lock(&self.state).dead = true;
        self.died.notify_waiters();
    }

    pub async fn death(&self) {
        let died = self.died.notified();
        tokio::pin!(died);
        died.as_mut().enable();
        if !self.is_dead() {
            died.await;
        }
    }
}

/// What a caller's request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Act,
    Refuse,
    Lose,
    ActAndLose,
    ActAndDie,
    ActLater(u64),
}

#[derive(Clone)]
pub struct Line {
    pub shared: Arc<Shared>,
    pub actor: Arc<Actor>,
}

impl Line {
    /// Waits for the request's moment and says what it comes to. Whoever is dead waits for ever.
    pub async fn turn(&self, operation: &'static str, target: &str, writes: bool) -> Turn {
        self.alive().await;
        let point = format!("{} {operation}", self.actor.kind);
        let mut chance = self.chance(operation, target);
        let fault = match self.actor.is_mortal {
            true => self.shared.faults(|faults, _| faults.at(&point, &mut chance)),
            false => None,
        };
        let latency = chance.between(3, 400);
        let (turn, more_ms) = match fault {
            None => (Turn::Act, 0),
            Some(fault) => self.befall(fault, writes, &mut chance),
        };
        if let Some(fault) = fault {
            self.shared.faults(|faults, _| faults.count(fault));
            self.shared.tell(&self.actor.name, &format!("FAULT {fault:?} at {operation} {target}"));
        }
        self.shared.pass(latency + more_ms).await;
        self.alive().await;
        turn
    }

    /// A call's own: whichever of an actor's concurrent calls comes first, each meets the same.
    fn chance(&self, operation: &str, target: &str) -> Chance {
        let call = format!("{operation} {target}");
        let mut state = lock(&self.actor.state);
        let times = state.calls.entry(call.clone()).or_default();
        *times += 1;
        self.shared.chance_of(&format!("{} {call} {times}", self.actor.name))
    }

    fn befall(&self, fault: Fault, writes: bool, chance: &mut Chance) -> (Turn, u64) {
        let mut draw = |from, to| chance.between(from, to);
        match fault {
            Fault::Throttled => (Turn::Refuse, 0),
            Fault::RequestLost => (Turn::Lose, draw(1, 60_000)),
            Fault::ReplyLost => (Turn::ActAndLose, draw(1, 60_000)),
            Fault::LandsLate if writes => (Turn::ActLater(draw(100, 600_000)), draw(1, 30_000)),
            Fault::LandsLate => (Turn::Lose, draw(1, 30_000)),
            Fault::Slow => (Turn::Act, draw(1_000, 300_000)),
            Fault::Stall => {
                let until = self.shared.elapsed_ms() + draw(5_000, 1_800_000);
                lock(&self.actor.state).still_until_ms = until;
                (Turn::Act, 0)
            }
            Fault::DeathAfter => (Turn::ActAndDie, 0),
            _ => {
                self.actor.die();
                (Turn::Lose, 0)
            }
        }
    }

    /// Returns once the actor can do anything: never, if it is dead.
    async fn alive(&self) {
        loop {
            if self.actor.is_dead() {
                std::future::pending::<()>().await;
            }
            let still = lock(&self.actor.state).still_until_ms.saturating_sub(self.shared.elapsed_ms());
            if still == 0 {
                return;
            }
            self.shared.pass(still).await;
        }
    }

    pub async fn die(&self) -> ! {
        self.actor.die();
        std::future::pending().await
    }
}
