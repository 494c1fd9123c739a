//! What may become of a child.

use std::time::Duration;

/// What becomes of a child that nobody signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Done,
    Fails,
    /// The kernel, or itself, by a signal that is not ours.
    Crashes,
    NeedsMemory,
    Hangs,
    /// It says it wrote more than there is.
    Lies,
}

/// How long a child of this fate takes, in milliseconds.
pub fn duration(fate: Fate, drawn: u64) -> u64 {
    let hour = Duration::from_secs(2 * 3_600).as_millis();
    if fate == Fate::Hangs { u64::try_from(hour).unwrap_or(u64::MAX) } else { drawn }
}
