//! Time as a machine that is awake counts it: a laptop that was closed for the night has not been silent for a night.
//! It begins at the wall clock and goes on with the monotonic one, which stands still while the machine sleeps.

use spotmill_platform::local::clock::SystemClock;
use spotmill_platform::ports::Clock;
use std::time::Instant;

pub struct Awake {
    began_ms: u64,
    began: Instant,
}

impl Awake {
    pub fn new() -> Self {
        Self { began_ms: SystemClock.now_ms(), began: Instant::now() }
    }
}

impl Clock for Awake {
    fn now_ms(&self) -> u64 {
        self.began_ms + u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
