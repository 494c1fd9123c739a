//! Backoff between tries that the SDK does not make for us.

use super::patience::{FIRST_PAUSE, LONGEST_PAUSE};
use spotmill_core::backoff::backoff;
use std::hash::{BuildHasher, RandomState};

/// Sleeps a random part of what the n-th retry (from 0) waits at most.
pub async fn pause(n: u32) {
    tokio::time::sleep(backoff(n, FIRST_PAUSE, LONGEST_PAUSE).mul_f64(chance())).await;
}

/// At least 0, less than 1, another each time: every `RandomState` has keys of its own.
fn chance() -> f64 {
    f64::from((RandomState::new().hash_one(0u8) >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_differ() {
        let chances: Vec<f64> = (0..8).map(|_| chance()).collect();
        assert!(chances.iter().all(|c| (0.0..1.0).contains(c)));
        assert!(chances.windows(2).any(|two| two[0] != two[1]));
    }
}
