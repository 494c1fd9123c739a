//! Backoff between tries that the SDK does not make for us.

use super::patience::{FIRST_PAUSE, LONGEST_PAUSE};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Sleeps a random part of what the n-th retry (from 0) waits at most.
pub async fn pause(n: u32) {
    tokio::time::sleep(longest(n).mul_f64(chance())).await;
}

fn longest(n: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2u32.saturating_pow(n)).min(LONGEST_PAUSE)
}

/// At least 0, less than 1, another each time: every `RandomState` has keys of its own.
fn chance() -> f64 {
    f64::from((RandomState::new().hash_one(0u8) >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        assert_eq!(longest(0), FIRST_PAUSE);
        assert_eq!(longest(1), FIRST_PAUSE * 2);
        assert_eq!(longest(400), LONGEST_PAUSE);
        let chances: Vec<f64> = (0..8).map(|_| chance()).collect();
        assert!(chances.iter().all(|c| (0.0..1.0).contains(c)));
        assert!(chances.windows(2).any(|two| two[0] != two[1]));
    }
}
