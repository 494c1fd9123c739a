//! Who runs a run whose state is shared: a record of each execution below the state, which its process renews every few
//! seconds. On one machine a file lock shows it; machines that share a bucket share no locks.
//!
//! Another execution counts as ended when its record says so, when it ran on this very machine and its process is gone,
//! or when its record was not renewed for a while, as this machine's clock counts it. Before that is believed the record
//! is swapped for one that says so: of the two, the one whose swap came later loses, and knows it. An execution that
//! could not renew its record in time writes nothing until it has (`Guarded`), and ends once it was overtaken.

mod others;
mod own;
mod process;
#[cfg(test)]
mod tests;

pub use others::{SeenExecutions, SharedExecutions};
pub use own::{Beating, Presence, Rhythm, overtaken};
pub use process::host;
