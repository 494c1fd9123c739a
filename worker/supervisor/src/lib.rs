//! The supervisor of one machine: takes work messages, runs one child process an item, and commits what the child
//! wrote. `state` decides (a pure step, time and facts as arguments); `shell` obeys. It never reads the data: the
//! child reports, and it asks the store. `LocalFleet` makes "instances" of it inside a process.

mod attempt;
mod bound;
mod bundling;
mod cache;
mod child;
mod children;
mod commit;
pub mod config;
pub mod copies;
mod delivery;
pub mod events;
pub mod fork_server;
mod frozen;
mod handle;
mod history;
mod life;
pub mod local_fleet;
mod memory;
mod notices;
mod own_user;
mod post_mortem;
mod prepare;
mod process;
mod refusal;
pub mod replay;
mod settle;
mod shell;
mod spec;
mod stage;
pub mod state;
pub mod trial;

pub use child::Launch;
pub use children::environment;
pub use config::{Chance, Machine, Ports, Program, Share, SupervisorConfig, Times, chance};
pub use copies::copy_of;
pub use events::{EventSink, ItemId, WorkerEvent, no_events};
pub use handle::Supervisor;
pub use local_fleet::LocalFleet;
pub use notices::noticed;
pub use own_user::{Users, become_user};
pub use process::{Ended, Process, Processes, Started};
