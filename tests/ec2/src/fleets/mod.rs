//! Fleets: what was asked, what they hold, and what happened to them. The keeper (`keeper.rs`) makes them true.

mod actions;
mod capacity;
mod create;
mod describe;
mod fleet;
mod held;
pub mod keeper;
mod overrides;
mod pools;

pub use actions::{delete, modify};
pub use create::create;
pub use describe::{describe, history, instances};
pub use fleet::{Event, Fleet, FleetState, Pool, Unit};
