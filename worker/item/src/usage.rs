//! What the process has used so far, as the kernel counts it.

use spotmill_core::item::Usage;
use std::fs::read_to_string;
use std::time::Instant;

/// Kernel ticks a second as `/proc` reports them on every Linux we run on.
const TICKS_PER_SEC: u64 = 100;

pub fn usage(since: Instant) -> Usage {
    Usage {
        wall_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        cpu_ms: cpu_ms().unwrap_or_default(),
        peak_bytes: peak_bytes().unwrap_or_default(),
    }
}

fn cpu_ms() -> Option<u64> {
    let stat = read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th fields after it.
    let rest = &stat[stat.rfind(')')? + 1..];
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks * 1000 / TICKS_PER_SEC)
}

fn peak_bytes() -> Option<u64> {
    let status = read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
