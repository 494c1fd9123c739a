//! What follows for a fleet that waits, and which machines hold the largest items, as tables.

mod big;
#[path = "../../../tests/decisions/machines.rs"]
mod machines;
mod notices;
mod requests;
mod watch;
