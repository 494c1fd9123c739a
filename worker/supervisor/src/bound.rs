//! Processes whose life is bound to this one's: the kernel ends them with the thread that started them.

use crate::own_user::become_user;
use rustix::process::{getppid, set_parent_process_death_signal};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

pub fn spawn(command: &mut Command) -> std::io::Result<std::process::Child> {
    let mut tries = 0;
    loop {
        match command.spawn() {
            // Somebody still has the program open for writing: it was built a moment ago.
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy && tries < 20 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            other => return other,
        }
    }
}

/// Another user's from the start, if it is to be; and SIGKILL for it when the calling thread ends, which is when this
/// process ends.
#[expect(unsafe_code, reason = "only between fork and exec can a child be bound to its parent's life; see below")]
pub fn be_bound(command: &mut Command, user: Option<u32>) {
    let parent = rustix::process::getpid();
    let hook = move || {
        if let Some(user) = user {
            become_user(user)?;
        }
        // After that: who becomes another's forgets it.
        set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The parent may have died before the line above.
        if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe things may happen. The hook makes system calls only, takes no
    // lock and allocates nothing.
    unsafe {
        command.pre_exec(hook);
    }
}
