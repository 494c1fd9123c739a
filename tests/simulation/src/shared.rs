//! What everything in a simulated world shares: its time, its chance, its story, its faults, its objects and queues,
//! and the watch that holds all of it to the invariants.

use crate::chance::Chance;
use crate::faults::Faults;
use crate::lock::lock;
use crate::objects::Objects;
use crate::queues::Queues;
use crate::story::Story;
use crate::watched::Watch;
use spotmill_platform::ports::Clock;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// The first moment: 2026-01-01.
pub const BEGINNING_MS: u64 = 1_767_225_600_000;

pub struct Shared {
    origin: Instant,
    seed: u64,
    chance: Mutex<Chance>,
    story: Mutex<Story>,
    faults: Mutex<Faults>,
    /// Moments at which something of a port happens: at each only one thing, so that no order is left to anybody.
    moments: Mutex<BTreeSet<u64>>,
    pub objects: Mutex<Objects>,
    pub queues: Queues,
    pub watch: Mutex<Watch>,
}

impl Shared {
    pub fn new(seed: u64, watch: Watch) -> Shared {
        let mut chance = Chance::new(seed);
        let faults = Faults::new(&mut chance);
        Shared {
            origin: Instant::now(),
            seed,
            chance: Mutex::new(chance),
            story: Mutex::default(),
            faults: Mutex::new(faults),
            moments: Mutex::default(),
            objects: Mutex::default(),
            queues: Queues::default(),
            watch: Mutex::new(watch),
        }
    }

    /// Since the beginning.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn draw<T>(&self, draw: impl FnOnce(&mut Chance) -> T) -> T {
        draw(&mut lock(&self.chance))
    }

    /// Numbers that are the same in whichever order they are asked for.
    pub fn chance_of(&self, name: &str) -> Chance {
        Chance::of(self.seed, name)
    }

    pub fn faults<T>(&self, act: impl FnOnce(&mut Faults, &mut Chance) -> T) -> T {
        act(&mut lock(&self.faults), &mut lock(&self.chance))
    }

    pub fn tell(&self, who: &str, what: &str) {
        lock(&self.story).tell(self.elapsed_ms(), who, what);
    }

    pub fn story<T>(&self, read: impl FnOnce(&Story) -> T) -> T {
        read(&lock(&self.story))
    }

    /// Waits about so long: to a moment at which nothing else happens.
    pub async fn pass(&self, ms: u64) {
        let at = {
            let (mut moments, now) = (lock(&self.moments), self.elapsed_ms());
            *moments = moments.split_off(&now);
            let mut at = now + ms.max(1);
            while !moments.insert(at) {
                at += 1;
            }
            at
        };
        tokio::time::sleep_until(self.origin + Duration::from_millis(at)).await;
    }

    /// Breaks an invariant.
    pub fn broken(&self, id: &'static str, what: String) {
        self.tell("INVARIANT", &format!("{id} is broken: {what}"));
        lock(&self.watch).broken(id, what);
    }
}

impl Clock for Shared {
    fn now_ms(&self) -> u64 {
        BEGINNING_MS + self.elapsed_ms()
    }
}
