//! A process, so that another on the same machine can tell whether it is still there.

use serde::{Deserialize, Serialize};

/// A process, so that another on the same machine can tell whether it is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// For people.
    pub host: String,
    /// The boot of the machine and the container: where the number means something.
    pub place: String,
    pub pid: u32,
    /// When it started, in ticks since the boot: a number may be used again.
    pub started: u64,
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The name of this machine.
pub fn host() -> String {
    read("/proc/sys/kernel/hostname")
}

impl Process {
    pub fn this() -> Process {
        let pid = std::process::id();
        let container = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Process {
            host: host(),
            place: format!("{} {}", read("/proc/sys/kernel/random/boot_id"), container.display()),
            pid,
            started: started(pid).unwrap_or(0),
        }
    }

    /// Whether it is gone for sure; of another machine nobody knows.
    pub(super) fn is_gone(&self) -> bool {
        let this = Process::this();
        let same_number = || match started(self.pid) {
            Some(started) => started == self.started,
            // A process that may not be looked at is there all the same.
            None => exists(self.pid),
        };
        this.place == self.place && !same_number()
    }
}

fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// The twenty-second word of `/proc/PID/stat`; the second is a name in brackets that may hold spaces.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
