//! One process a run: the lock of a run on this machine, and who holds it.

use crate::exit::{Code, Stop};
use crate::ui::format;
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_platform::local::clock::SystemClock;
use spotmill_platform::local::lock::{LockError, RunLock, holder};
use spotmill_platform::ports::Clock;
use std::path::PathBuf;

fn path(run: &RunId) -> PathBuf {
    PathBuf::from(".spotmill/locks").join(format!("{run}.lock"))
}

pub fn take(run: &RunId, id: &ExecutionId) -> Result<RunLock, Stop> {
    RunLock::try_take(&path(run), id).map_err(|error| match &error {
        LockError::Held { by, .. } => {
            let ago = format::duration(SystemClock.now_ms().saturating_sub(by.since_ms));
            Stop::new(Code::Held, format!("{run} is being run by process {}, since {ago} ago", by.pid)).remedy(format!(
                "wait for it, or stop it: kill {} (in the container that started it, if that is another)",
                by.pid
            ))
        }
        LockError::Io { source, .. } => Stop::new(Code::Permission, format!("{error}: {source}")),
    })
}

/// Whether a process is running it now.
pub fn is_held(run: &RunId) -> bool {
    holder(&path(run)).is_some()
}
