//! Memory foreseen from the last runs: how much input an item is packed with so that it stays within its step's memory,
//! and the rung a step begins on where most of its items would outgrow the first.

use super::Measured;
use crate::bounds::{DEFAULT_ITEM_BYTES, ENGINE_MEMORY_BYTES, LEAST_ITEM_BYTES};
use crate::format::{bytes_of, count};
use crate::ids::Rung;
use crate::model::{Resources, Source, Step};
use crate::records::ItemSizes;
use crate::verdict::{can_climb, memory_bytes};

/// Part of an item's memory that packing fills: what was measured is not what is to come.
const FILLED: f64 = 0.8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    pub item_bytes: u64,
    pub because: String,
}

/// What an item of so much input is expected to take: never less than an item of as much input was seen to take.
pub fn expected_peak(peak_per_byte: f64, input_bytes: u64) -> u64 {
    ENGINE_MEMORY_BYTES.saturating_add((peak_per_byte * input_bytes as f64) as u64)
}

/// Smaller items than by default, where the default would outgrow the step's memory. A step's own `item_bytes`
/// is kept, and only files are packed.
pub fn pack(step: &Step, measured: Option<&Measured>) -> Option<Packing> {
    let free = matches!(step.input.source, Source::Path(_)) && step.input.values.is_none();
    let per_byte = measured?.peak_per_byte.filter(|per_byte| *per_byte > 0.0)?;
    let room = step.resources.memory_bytes.saturating_sub(ENGINE_MEMORY_BYTES) as f64 * FILLED;
    let item_bytes = ((room / per_byte) as u64).max(LEAST_ITEM_BYTES);
    let smaller = free && step.input.item_bytes.is_none() && item_bytes < DEFAULT_ITEM_BYTES;
    smaller.then(|| Packing {
        item_bytes,
        because: format!(
            "items of {} instead of {}: a byte of input took up to {per_byte:.1} of memory in the last {}, and an \
             item has {}",
            bytes_of(item_bytes),
            bytes_of(DEFAULT_ITEM_BYTES),
            count(measured.map_or(0, |m| m.runs) as u64, "run"),
            bytes_of(step.resources.memory_bytes),
        ),
    })
}

/// The rung that nine of ten items are expected to fit on; the first where nothing was measured. The others climb from
/// it.
pub fn first_rung(
    resources: &Resources,
    sizes: Option<&ItemSizes>,
    measured: Option<&Measured>,
) -> (Rung, Option<String>) {
    let Some((sizes, per_byte)) = sizes.zip(measured.and_then(|m| m.peak_per_byte)) else { return (0, None) };
    let expected = expected_peak(per_byte, sizes.nine_of_ten);
    let mut rung = 0;
    while memory_bytes(resources, rung) < expected && can_climb(resources, rung) {
        rung += 1;
    }
    let because = (rung > 0).then(|| {
        format!(
            "items begin with {} instead of {}: {} of input, as much as nine of ten have at most, took up to {} in the \
             last {}",
            bytes_of(memory_bytes(resources, rung)),
            bytes_of(resources.memory_bytes),
            bytes_of(sizes.nine_of_ten),
            bytes_of(expected),
            count(measured.map_or(0, |m| m.runs) as u64, "run"),
        )
    });
    (rung, because)
}
