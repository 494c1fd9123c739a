//! How often an item is tried. Only failures of the item itself count, in this epoch; interruptions and errors of the
//! infrastructure never do.

use spotmill_core::backoff::backoff;
use spotmill_core::bounds::{POISON_ALONE, POISON_RECEIVES};
use spotmill_core::item::FailureClass;
use spotmill_core::verdict::counted;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Visible after this delay.
    Retry { after_ms: u64 },
    /// The item has failed in this epoch.
    GiveUp,
    /// For the next round.
    NeedsMemory,
}

/// Waits between attempts.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    pub retry_ms: u64,
    pub infra_ms: u64,
    pub infra_most_ms: u64,
}

/// After an attempt that ended as `class`; `before` are the classes of the item's earlier failures in this epoch.
pub fn next(class: FailureClass, before: &[FailureClass], max_attempts: u32, waits: Waits) -> Next {
    match class {
        FailureClass::Memory => Next::NeedsMemory,
        FailureClass::Lost => Next::Retry { after_ms: 0 },
        FailureClass::Infra => {
            let before = before.iter().filter(|c| **c == FailureClass::Infra).count();
            Next::Retry { after_ms: infra_wait(u32::try_from(before).unwrap_or(u32::MAX), waits) }
        }
        FailureClass::Poison => Next::GiveUp,
        _ => {
            let so_far = attempts(before);
            if so_far + 1 >= max_attempts.min(worth_trying(class)).max(1) {
                return Next::GiveUp;
            }
            let factor = 4u64.checked_pow(so_far).unwrap_or(u64::MAX);
            Next::Retry { after_ms: waits.retry_ms.saturating_mul(factor).min(waits.infra_most_ms) }
        }
    }
}

/// Counted attempts among failures.
pub fn attempts(classes: &[FailureClass]) -> u32 {
    u32::try_from(classes.iter().filter(|c| counted(**c)).count()).unwrap_or(u32::MAX)
}

/// Attempts after which another one cannot end otherwise: bad data and a foreign worker get a second
/// chance (a bad disk, a mixed fleet); an input that changed is taken as it is now by the next execution only,
/// because an epoch pins its inputs. A refusal of the file system is permanent.
fn worth_trying(class: FailureClass) -> u32 {
    match class {
        FailureClass::BadData | FailureClass::WorkerVersion => 2,
        FailureClass::InputChanged | FailureClass::Permanent => 1,
        _ => u32::MAX,
    }
}

/// Doubled for each earlier infrastructure failure.
pub fn infra_wait(before: u32, waits: Waits) -> u64 {
    let (first, longest) = (Duration::from_millis(waits.infra_ms), Duration::from_millis(waits.infra_most_ms));
    u64::try_from(backoff(before, first, longest).as_millis()).unwrap_or(waits.infra_most_ms)
}

/// Receives, the present one included, whose end no record states: their machines vanished.
pub fn unexplained(receives: u32, recorded: usize) -> u32 {
    receives.saturating_sub(u32::try_from(recorded).unwrap_or(u32::MAX))
}

/// It was received many times without a recorded end, and often enough as the only item of its machine: it takes its
/// machines with it.
pub fn is_poison(unexplained: u32, isolated: usize) -> bool {
    unexplained > POISON_RECEIVES && isolated >= POISON_ALONE as usize
}
