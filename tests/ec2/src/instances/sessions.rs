//! Who belongs to an instance, and the end of all of them. An instance is a session of its own; its processes are the
//! session's, their descendants wherever they went, and whoever bears the instance's mark in the environment.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::BTreeSet;
use std::time::Duration;

/// In the environment of everything an instance starts.
pub const MARK: &str = "LOCAL_EC2_INSTANCE";

struct Process {
    pid: i32,
    parent: i32,
    session: i32,
}

/// SIGTERM to the main process's group, as systemd asks politely.
pub fn ask(leader: u32) {
    if let Some(group) = Pid::from_raw(leader as i32) {
        let _ = kill_process_group(group, Signal::TERM);
    }
}

/// Scans that must find nobody, one after the other: a process can fork and exit while /proc is read, and then neither
/// it nor its child is seen.
const EMPTY_SCANS: u32 = 3;

/// SIGKILL until nobody is left; false if somebody survived all rounds (a process in the kernel's hands).
pub async fn end(leader: u32, instance: &str) -> bool {
    let mut empty = 0;
    for _ in 0..200 {
        let left = members(leader, instance);
        empty = if left.is_empty() { empty + 1 } else { 0 };
        if empty == EMPTY_SCANS {
            return true;
        }
        for pid in left {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

/// Living processes of the instance.
pub fn members(leader: u32, instance: &str) -> Vec<i32> {
    let all = processes();
    let mark = format!("{MARK}={instance}");
    let own = std::process::id() as i32;
    let marked = |p: &Process| {
        let environment = std::fs::read(format!("/proc/{}/environ", p.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
    };
    let first = all.iter().filter(|p| p.session == leader as i32 || marked(p));
    let mut found: BTreeSet<i32> = first.map(|p| p.pid).collect();
    loop {
        let before = found.len();
        let next: Vec<i32> = all.iter().filter(|p| found.contains(&p.parent)).map(|p| p.pid).collect();
        found.extend(next);
        if found.len() == before {
            break;
        }
    }
    found.into_iter().filter(|pid| *pid != own).collect()
}

/// All processes but the dead ones nobody has collected.
fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(process).collect()
}

/// `pid (name) state parent group session …`; the name may hold anything, even brackets.
fn process(pid: i32) -> Option<Process> {
    let stat = String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/stat")).ok()?).into_owned();
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let dead = matches!(*fields.first()?, "Z" | "X");
    let number = |at: usize| fields.get(at)?.parse().ok();
    (!dead).then_some(Process { pid, parent: number(1)?, session: number(3)? })
}
