//! What a step is expected to take, from its last runs: time, and vCPU-hours to be paid for.

use super::{Band, Measured};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub secs: u64,
    /// Machines' boot included.
    pub vcpu_hours: f64,
}

/// Of so much input on so many slots, each of which takes `slot_vcpus` of a machine.
pub fn estimate(measured: &Measured, input_bytes: u64, slots: u32, slot_vcpus: u32, boot_secs: u64) -> Estimate {
    let work_secs = measured.slot_ms_per_byte * input_bytes as f64 / 1_000.0;
    let slots = f64::from(slots.max(1));
    let held_secs = work_secs + boot_secs as f64 * slots;
    let secs = (work_secs / slots).ceil() as u64;
    Estimate { secs: secs.saturating_add(boot_secs), vcpu_hours: held_secs * f64::from(slot_vcpus) / 3_600.0 }
}

/// Milliseconds that slots are held, all together: as in the quickest of the last runs, the middle one, the slowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Span {
    pub low: u64,
    pub median: u64,
    pub high: u64,
}

/// Of so much input.
pub fn span(band: &Band, input_bytes: u64) -> Span {
    let of = |per_byte: f64| (per_byte * input_bytes as f64).round() as u64;
    Span { low: of(band.low), median: of(band.median), high: of(band.high) }
}

impl std::ops::AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        self.low = self.low.saturating_add(other.low);
        self.median = self.median.saturating_add(other.median);
        self.high = self.high.saturating_add(other.high);
    }
}
