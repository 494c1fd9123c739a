//! What a fleet has of what it was asked for.

use super::fleet::{Fleet, FleetState};
use crate::instances::Instance;
use crate::world::State;

impl State {
    /// The fleet's instances that count towards its target.
    pub fn held<'a>(&'a self, fleet: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.instances.iter().filter(move |i| i.fleet == fleet && i.state.counts())
    }

    pub fn fulfilled(&self, fleet: &str) -> u32 {
        self.held(fleet).map(|i| i.weight).sum()
    }

    pub fn activity(&self, fleet: &Fleet) -> &'static str {
        let fulfilled = self.fulfilled(&fleet.id);
        match fleet.state {
            FleetState::DeletedTerminating => "pending_termination",
            _ if fleet.last_error.is_some() && fulfilled == 0 => "error",
            _ if fulfilled >= fleet.target => "fulfilled",
            _ => "pending_fulfillment",
        }
    }
}
