//! The adapters for AWS keep the ports' contracts, over the wire: against the emulator, against replies that are
//! lost on the way, and against answers that the emulator does not give.

mod contracts;
mod executions;
mod faults;
mod files;
mod glue;
mod proxy;
mod queues;
mod routed;
mod world;
