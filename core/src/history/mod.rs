//! What the last runs of a pipeline measured, step by step: how long an input byte holds a slot, and how much memory it
//! takes. It sizes fleets, packs items and prices plans; it informs and never decides what is right, so it may be lost,
//! old or wrong: medians and bounds keep one strange run from mattering.

mod estimate;
mod memory;
mod size;

pub use estimate::{Estimate, Span, estimate, span};
pub use memory::{Packing, expected_peak, first_rung, pack};
pub use size::{Question, Size, size};

use crate::bounds::{ENGINE_MEMORY_BYTES, HISTORY_RUNS, LEAST_MS_PER_GB, MEASURED_ITEM_BYTES};
use crate::ids::RunId;
use crate::version::RECORD_VERSION;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `history/{pipeline}.json`. Report adds a run that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub v: u32,
    /// Oldest first, at most `bounds::HISTORY_RUNS`, each run once.
    pub runs: Vec<PastRun>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastRun {
    pub run: RunId,
    pub ended_ms: u64,
    /// Complete ones only.
    pub steps: BTreeMap<String, PastStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastStep {
    pub items: u32,
    pub input_bytes: u64,
    /// Of a slot.
    pub vcpus: u32,
    pub cpu_ms: u64,
    /// Time that committed attempts held a slot, all together.
    pub slot_ms: u64,
    /// The largest of any item.
    pub peak_bytes: u64,
    /// The most memory above the engine's own that a byte of an item's input took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_per_byte: Option<f64>,
}

/// How long an input byte held a slot in the last runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub runs: usize,
    /// Of the quickest run, the middle one and the slowest.
    pub low: f64,
    pub median: f64,
    pub high: f64,
    /// Of the middle run.
    pub items: u32,
    pub input_bytes: u64,
}

/// What is expected of a step's next run.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Runs that it was measured in.
    pub runs: usize,
    pub slot_ms_per_byte: f64,
    pub peak_per_byte: Option<f64>,
    /// Of the middle run.
    pub items: u32,
    pub input_bytes: u64,
}

impl History {
    /// With this run as the latest; of the same run only the latest counts.
    pub fn with(mut self, run: PastRun) -> History {
        self.v = RECORD_VERSION;
        self.runs.retain(|past| past.run != run.run);
        self.runs.push(run);
        let surplus = self.runs.len().saturating_sub(HISTORY_RUNS);
        self.runs.drain(..surplus);
        self
    }

    /// Bytes that the last runs of the step read, oldest first, without this one.
    pub fn input_bytes(&self, step: &str, run: &RunId) -> Vec<u64> {
        let others = self.runs.iter().filter(|past| past.run != *run);
        others.filter_map(|past| past.steps.get(step)).map(|past| past.input_bytes).filter(|bytes| *bytes > 0).collect()
    }

    /// Complete runs of the step on slots of as many vCPUs.
    fn past(&self, step: &str, vcpus: u32) -> Vec<&PastStep> {
        let steps = self.runs.iter().filter_map(|run| run.steps.get(step));
        steps.filter(|s| s.vcpus == vcpus && s.input_bytes > 0 && s.held_ms() > 0).collect()
    }

    /// What `measured` is the middle of.
    pub fn band(&self, step: &str, vcpus: u32) -> Option<Band> {
        let measured = self.measured(step, vcpus)?;
        let all = sorted(self.past(step, vcpus).iter().map(|s| s.held_ms() as f64 / s.input_bytes as f64));
        let (first, last) = (all.first()?, all.last()?);
        Some(Band {
            runs: measured.runs,
            low: first.max(LEAST_MS_PER_GB / 1e9),
            median: measured.slot_ms_per_byte,
            high: last.max(measured.slot_ms_per_byte),
            items: measured.items,
            input_bytes: measured.input_bytes,
        })
    }

    /// Nothing of a step that was never measured on slots of as many vCPUs.
    pub fn measured(&self, step: &str, vcpus: u32) -> Option<Measured> {
        let past = self.past(step, vcpus);
        let least = LEAST_MS_PER_GB / 1e9;
        Some(Measured {
            runs: past.len(),
            slot_ms_per_byte: median(past.iter().map(|s| s.held_ms() as f64 / s.input_bytes as f64))?.max(least),
            peak_per_byte: highest(past.iter().filter_map(|s| s.peak_per_byte)),
            items: median(past.iter().map(|s| f64::from(s.items)))? as u32,
            input_bytes: median(past.iter().map(|s| s.input_bytes as f64))? as u64,
        })
    }
}

impl PastStep {
    /// A slot is held for as long as its child runs, and at least for the processor time that it used.
    fn held_ms(&self) -> u64 {
        self.slot_ms.max(self.cpu_ms / u64::from(self.vcpus.max(1)))
    }
}

/// Memory above the engine's own by byte of input, of one attempt; nothing for an input that is too small.
pub fn peak_per_byte(peak_bytes: u64, input_bytes: u64) -> Option<f64> {
    let measurable = input_bytes >= MEASURED_ITEM_BYTES && peak_bytes > 0;
    measurable.then(|| peak_bytes.saturating_sub(ENGINE_MEMORY_BYTES) as f64 / input_bytes as f64)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = values.filter(|v| v.is_finite() && *v >= 0.0).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Of an even number the lower one.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let all = sorted(values);
    all.get(all.len().saturating_sub(1) / 2).copied()
}

/// The highest, but what passes four times the median is taken for a mistake.
fn highest(values: impl Iterator<Item = f64>) -> Option<f64> {
    let all = sorted(values);
    let most = median(all.iter().copied())? * 4.0;
    Some(all.last()?.min(most))
}

#[cfg(test)]
mod tests;
