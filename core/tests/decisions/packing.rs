//! How large an item may be, so that its child fits into the memory of its step.

use crate::door;
use spotmill_core::bounds::LEAST_ITEM_BYTES;
use spotmill_core::history::{Measured, expected_peak, pack};
use spotmill_core::model::{By, Source, Step};

const GB: u64 = 1_000_000_000;
const GIB: u64 = 1 << 30;

/// A step over Parquet files with `memory` MiB.
fn step(memory: u64) -> Step {
    let text = format!(
        "[[step]]\nname = \"s\"\nsql = \"SELECT k FROM input\"\ninput = {{ path = \"in/{{date}}/*.parquet\" }}\n\
         [resources]\nmemory = \"{memory} MiB\"\n"
    );
    door::pipeline(&text).steps.remove(0)
}

fn thirsty(peak_per_byte: f64) -> Measured {
    Measured { runs: 3, slot_ms_per_byte: 1.0, peak_per_byte: Some(peak_per_byte), items: 1, input_bytes: 1 }
}

#[test]
fn items_are_packed_within_their_memory() {
    let packed = pack(&step(1_152), Some(&thirsty(8.0))).expect("smaller items");
    assert_eq!(packed.item_bytes, (GIB as f64 * 0.8 / 8.0) as u64);
    assert!(expected_peak(8.0, packed.item_bytes) < 1_152 << 20);
    assert!(packed.because.starts_with("items of 102.4 MiB instead of 244.1 MiB: a byte of input took up to 8.0"));
    assert_eq!(pack(&step(1_152), Some(&thirsty(1e9))).unwrap().item_bytes, LEAST_ITEM_BYTES, "and not one by one");
    assert_eq!(pack(&step(16 << 10), Some(&thirsty(8.0))), None, "the default fits");
    assert_eq!(pack(&step(1_152), None), None);
    let mut stated = step(1_152);
    stated.input.item_bytes = Some(GB);
    assert_eq!(pack(&stated, Some(&thirsty(8.0))), None, "who says `item_bytes` means it");
    let mut whole = step(1_152);
    whole.input.source = Source::Step { step: "a".into(), by: By::Partition };
    assert_eq!(pack(&whole, Some(&thirsty(8.0))), None, "a partition cannot be split");
}
