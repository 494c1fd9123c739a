//! What a call of a function takes: what it waits for over the line, what it computes, and its memory at most; and what
//! that is held against.

use crate::slow::Meter;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// What the stack gives these functions (infra/template.yaml), and the half of it that they may take here.
const TIMEOUT_SECS: f64 = 900.0;
const MEMORY_BYTES: u64 = 1_769 << 20;
const HEADROOM: u64 = 2;
/// Of a processor, for signing, sending and reading one request: the SDK's and the system's, which no test here has.
const REQUEST_SECS: f64 = 150e-6;
/// The most items a step may have.
const MILLION: f64 = spotmill_core::bounds::MAX_ITEMS as f64;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Phase {
    name: String,
    requests: u64,
    waited_secs: f64,
    computed_secs: f64,
    peak_bytes: u64,
}

/// Does something, and says what it took.
pub async fn measured<T>(phases: &mut Vec<Phase>, meter: &Arc<Meter>, name: &str, act: impl Future<Output = T>) -> T {
    // 5: the peak begins anew. Where that is not allowed the peak is that of all phases, which is bounded as well.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (since, before, computed) = (Instant::now(), meter.requests.load(Ordering::SeqCst), computed_secs());
    let done = act.await;
    phases.push(Phase {
        name: name.to_owned(),
        requests: meter.requests.load(Ordering::SeqCst) - before,
        waited_secs: since.elapsed().as_secs_f64(),
        computed_secs: computed_secs() - computed,
        peak_bytes: peak_bytes(),
    });
    done
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Of the processors, by this process.
fn computed_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |n: usize| fields[n].parse::<f64>().unwrap();
    // In hundredths of a second, whatever the kernel's own tick is.
    (ticks(11) + ticks(12)) / 100.0
}

impl Phase {
    fn asked_secs(&self) -> f64 {
        self.requests as f64 * REQUEST_SECS
    }

    /// One after the other, though much of it is at once.
    fn total_secs(&self) -> f64 {
        self.waited_secs + self.asked_secs() + self.computed_secs
    }
}

pub fn print(items: u32, phases: &[Phase]) {
    let build = if cfg!(debug_assertions) { "unoptimized" } else { "optimized" };
    println!("\n{items} items; the function's own code is {build}\n");
    println!("| call | requests | waits for them | their processor time | own processor time | together | memory |");
    println!("|---|---|---|---|---|---|---|");
    for p in phases {
        println!(
            "| {} | {} | {:.1} s | {:.1} s | {:.1} s | {:.0} s | {} MiB |",
            p.name,
            p.requests,
            p.waited_secs,
            p.asked_secs(),
            p.computed_secs,
            p.total_secs(),
            p.peak_bytes >> 20
        );
    }
}

/// Everything within half of what the stack gives. Unoptimized code is ten times slower than what is deployed, so that
/// its time is held against the whole.
pub fn hold(phases: &[Phase]) {
    let bound = TIMEOUT_SECS / HEADROOM as f64;
    for p in phases {
        let outside = p.waited_secs + p.asked_secs();
        assert!(outside < bound, "{}: {outside:.0} s for its requests alone", p.name);
        assert!(p.total_secs() < if cfg!(debug_assertions) { TIMEOUT_SECS } else { bound }, "{p:?}");
        assert!(p.peak_bytes < MEMORY_BYTES / HEADROOM, "{p:?}");
    }
}

/// A million would be within the bounds, and an item costs no more among many than among few.
pub fn grows_evenly(few: (u32, &[Phase]), many: (u32, &[Phase])) {
    let (ratio, to_a_million) = (f64::from(many.0) / f64::from(few.0), MILLION / f64::from(many.0));
    for (less, more) in few.1.iter().zip(many.1) {
        assert_eq!(less.name, more.name);
        let most = |less: f64, factor: f64, slack: f64| less * ratio * factor + slack;
        assert!(more.waited_secs <= most(less.waited_secs, 1.1, 2.0), "{less:?}, then {more:?}");
        assert!(more.requests as f64 <= most(less.requests as f64, 1.1, 20.0), "{less:?}, then {more:?}");
        assert!(more.computed_secs <= most(less.computed_secs, 2.0, 1.0), "{less:?}, then {more:?}");
        let outside = (more.waited_secs + more.asked_secs()) * to_a_million;
        assert!(outside < TIMEOUT_SECS / HEADROOM as f64, "{}: a million would wait {outside:.0} s", more.name);
        let slope = more.peak_bytes.saturating_sub(less.peak_bytes) as f64 / f64::from(many.0 - few.0);
        let bytes = more.peak_bytes as f64 + slope * (MILLION - f64::from(many.0));
        // Rough, because what holds them doubles as it grows: the whole of it, and the half when there are a million.
        assert!(bytes < MEMORY_BYTES as f64, "{}: a million would take {bytes:.0} bytes", more.name);
    }
}
