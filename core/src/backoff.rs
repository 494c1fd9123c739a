//! How long to wait between two tries of anything: each time twice as long, up to a bound. Whoever waits says how.

use std::time::Duration;

/// The pause after try `n`, from 0.
pub fn backoff(n: u32, first: Duration, longest: Duration) -> Duration {
    first.saturating_mul(2u32.saturating_pow(n)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let (first, longest) = (Duration::from_millis(200), Duration::from_secs(1));
        let millis: Vec<u128> = (0..5).map(|n| backoff(n, first, longest).as_millis()).collect();
        assert_eq!(millis, [200, 400, 800, 1000, 1000]);
        assert_eq!(backoff(u32::MAX, first, longest), longest);
        assert_eq!(backoff(9, Duration::ZERO, longest), Duration::ZERO);
        assert_eq!(backoff(40, Duration::from_secs(u64::MAX / 2), Duration::MAX), Duration::MAX);
    }
}
