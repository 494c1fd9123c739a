//! Memory as /proc reports it: of this machine, and of process groups. What counts is what cannot be given back:
//! resident pages without those that merely cache files.

use rustix::param::page_size;
use std::collections::HashMap;
use std::fs;

/// Memory this process may use: the machine's, or less in a container.
pub fn machine_bytes() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().find_map(|l| l.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    let total = total.map_or(u64::MAX, |kib: u64| kib * 1024);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    limits.iter().filter_map(|f| fs::read_to_string(f).ok()?.trim().parse().ok()).fold(total, u64::min)
}

/// Bytes held by each of these process groups.
pub fn of_groups(groups: &[i32]) -> HashMap<i32, u64> {
    let mut held = HashMap::new();
    let Ok(processes) = fs::read_dir("/proc") else { return held };
    for process in processes.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().filter(|n| n.bytes().all(|b| b.is_ascii_digit())) else { continue };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let Some(group) = group_of(&stat).filter(|g| groups.contains(g)) else { continue };
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        *held.entry(group).or_insert(0) += held_pages(&statm).unwrap_or(0) * page_size() as u64;
    }
    held
}

/// The fifth field; the second, a name in parentheses, may hold anything.
fn group_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// Resident less shared with files.
fn held_pages(statm: &str) -> Option<u64> {
    let mut fields = statm.split_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(resident.saturating_sub(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_written() {
        assert_eq!(group_of("12 (a) b) (c) S 1 34 34 0 -1"), Some(34));
        assert_eq!(group_of(""), None);
        assert_eq!(held_pages("1000 300 100 1 0 200 0"), Some(200));
        assert_eq!(held_pages("0 0"), None);
        let own = rustix::process::getpgrp().as_raw_nonzero().get();
        assert!(of_groups(&[own])[&own] > 100_000, "this process holds memory");
        assert!(machine_bytes() > 1 << 20);
    }
}
