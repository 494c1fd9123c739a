//! Who runs a run on this machine: a file locked with flock, which the kernel frees when its holder dies, however
//! it dies. The file names the holder so that the next one can name whom it waits for; the lock decides, the text
//! only informs. The file is never deleted, for two processes must never lock two files of one name.

use super::clock::SystemClock;
use crate::ports::Clock;
use serde::{Deserialize, Serialize};
use spotmill_core::backoff::backoff;
use spotmill_core::ids::ExecutionId;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The holder of a lock, as it wrote itself down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    pub pid: u32,
    pub execution: ExecutionId,
    pub since_ms: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("process {} has been running it as {} (lock file {})", .by.pid, .by.execution, .path.display())]
    Held { by: HeldBy, path: PathBuf },
    #[error("lock file {}", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Opens and locks a file, which is made if it is absent; nothing if another process has it, or removed it meanwhile: a
/// lock on a file that nobody finds any more holds nobody out.
pub fn try_file(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(e)) => return Err(e),
    }
    let same = |a: &Metadata, b: &Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let stands = std::fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|mine| same(&there, &mine)));
    Ok(stands.then_some(file))
}

/// Held until dropped, or until the process ends.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

impl RunLock {
    /// Takes the lock or names who has it; never waits for the holder.
    pub fn try_take(path: &Path, execution: &ExecutionId) -> Result<RunLock, LockError> {
        let io = |source| LockError::Io { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        // Whoever takes or frees the lock needs an instant to write or clear the text: try a few times.
        let mut held: Option<HeldBy> = None;
        for n in 0..8 {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
            match file.try_lock() {
                Ok(()) => {
                    let me = HeldBy {
                        pid: std::process::id(),
                        execution: execution.clone(),
                        since_ms: SystemClock.now_ms(),
                    };
                    write_holder(&mut file, &me).map_err(io)?;
                    return Ok(RunLock { file });
                }
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    file.read_to_string(&mut text).map_err(io)?;
                    held = serde_json::from_str(&text).ok().or(held);
                }
                Err(TryLockError::Error(e)) => return Err(io(e)),
            }
            std::thread::sleep(backoff(n, Duration::from_millis(1), Duration::from_millis(128)));
        }
        let by = held.unwrap_or(HeldBy { pid: 0, execution: ExecutionId::new("unknown"), since_ms: 0 });
        Err(LockError::Held { by, path: path.to_owned() })
    }
}

/// Who holds the lock now, if anybody, in whatever container. For an instant it takes the lock that it inspects; who
/// wants the lock meanwhile tries again.
pub fn holder(path: &Path) -> Option<HeldBy> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok(),
        _ => None,
    }
}

fn write_holder(file: &mut File, holder: &HeldBy) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(holder).map_err(io::Error::other)?.as_bytes())?;
    file.flush()
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Closing the file frees the lock; the text is cleared first so that it never names a process that let go.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inspecting_takes_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.lock");
        assert_eq!(holder(&path), None, "there is no file");
        let lock = RunLock::try_take(&path, &ExecutionId::new("e1")).expect("free");
        assert_eq!(holder(&path).map(|by| by.execution), Some(ExecutionId::new("e1")));
        drop(lock);
        assert_eq!(holder(&path), None);
        // What a killed holder leaves: its name, and no lock.
        let dead = HeldBy { pid: std::process::id(), execution: ExecutionId::new("e0"), since_ms: 0 };
        std::fs::write(&path, serde_json::to_vec(&dead).expect("json")).expect("write");
        assert_eq!(holder(&path), None);
        RunLock::try_take(&path, &ExecutionId::new("e2")).expect("nobody holds it");
    }
}
