//! This machine: objects are files, queues live in the process, a file lock shows who runs. Nothing in it survives
//! by being clever: what must survive is a file, written whole or not at all.

mod atomic;
pub mod clock;
mod hook;
pub mod lock;
pub mod queue;
pub mod store;
mod walk;

pub use clock::SystemClock;
pub use hook::Processes;
pub use lock::{HeldBy, LockError, RunLock};
pub use queue::LocalQueues;
pub use store::LocalStore;
