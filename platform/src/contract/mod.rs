//! What every adapter of a port keeps, as one suite a port: plain async functions that panic where a promise is
//! broken. An adapter's test calls `store::all` or `queue::all`; nothing here knows which adapter it talks to.

pub mod queue;
pub mod store;
