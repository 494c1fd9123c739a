//! What every adapter of a port keeps, as one suite a port: plain async functions that panic where a promise is
//! broken. An adapter's test calls `store::all`, `files::all`, `queue::all` and so on; no suite
//! depends on which adapter it calls.

pub mod executions;
pub mod files;
pub mod fleets;
pub mod pages;
pub mod queue;
pub mod store;
