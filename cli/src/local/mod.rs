//! This machine as a place to run: the same state machines and functions as on AWS, over a directory, queues in this
//! process, and supervisors that run real child processes.

mod awake;
pub mod driver;
pub mod events;
pub mod executions;
pub mod functions;
mod guarded;
pub mod near;
pub mod place;
pub mod presence;
pub mod world;
