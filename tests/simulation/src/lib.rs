//! Simulation of the whole system under virtual time and one seed: the real functions, state machines and supervisors
//! over stores, queues, fleets and executions in memory; children that are a few lines; faults at every call of a port.
//! `run` plays one seed and says what it broke. `docs/semantics.md` says what is held, and what is not simulated.

mod chance;
mod children;
mod executions;
mod faults;
mod fleets;
mod history;
mod line;
mod machines;
mod model;
mod objects;
mod play;
mod queue;
mod queues;
mod shared;
mod store;
mod story;
mod watch;
mod world;

pub use faults::KINDS;
pub use play::{Played, run};
pub use watch::{Broken, INVARIANTS};
