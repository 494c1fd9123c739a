//! The engine takes its limits from environment variables when its pools start. The supervisor sets them; a worker
//! started by hand gets them from the item's spec.

use spotmill_core::bounds::{MAX_OPEN_SINKS, SINK_MEMORY_BYTES};
use spotmill_core::item::ItemSpec;

/// Threads of the engine.
pub const THREADS: &str = "POLARS_MAX_THREADS";
/// Files open at once while writing partitions; more partitions than this are written in turns.
pub const OPEN_SINKS: &str = "POLARS_MAX_OPEN_SINKS";

/// Call before any other thread is started, and before the engine is touched.
pub fn set(spec: &ItemSpec) {
    let sinks = (spec.memory_bytes / SINK_MEMORY_BYTES).clamp(1, MAX_OPEN_SINKS);
    put(THREADS, &spec.threads.max(1).to_string());
    put(OPEN_SINKS, &sinks.to_string());
}

#[expect(unsafe_code, reason = "the variables are the engine's only knobs; the program has one thread at this point")]
fn put(name: &str, value: &str) {
    // SAFETY: called from `main` before any thread is spawned, so nobody reads the environment meanwhile.
    unsafe { std::env::set_var(name, value) }
}
