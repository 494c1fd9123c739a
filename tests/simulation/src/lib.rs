//! Simulation of the whole system under virtual time and one seed: the real functions, state machines and supervisors
//! over stores, queues, fleets and executions in memory; children that are a few lines; faults at every call of a port.
//! `run` plays one seed and says what it broke. `docs/semantics.md` says what is held, and what is not simulated.

mod chance;
mod children;
#[cfg(test)]
mod contracts;
mod executions;
mod fate;
mod faults;
mod fleets;
mod history;
mod line;
mod lock;
mod machines;
mod model;
mod objects;
mod play;
mod queue;
mod queues;
mod search;
mod shared;
mod store;
mod story;
mod watch;
mod watched;
mod world;

pub use faults::{Fault, KINDS};
pub use play::{Played, run};
pub use search::{Searched, Until, search};
pub use watched::{Broken, INVARIANTS};
