//! What a step is expected to take, from its last runs: time, and vCPU-hours to be paid for.

use super::Measured;

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
