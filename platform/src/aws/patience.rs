//! How long and how often a call to AWS is tried: each number is in this file, with its reason. What one client needs
//! otherwise (an upload's patience, a conditional write's single try) it changes for that call only.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use std::time::Duration;

/// Tries of one request, the first included. The state machines and the worker have budgets of their own above it.
pub(super) const TRIES: u32 = 5;
/// The first pause before a retry is a random part of this; each next may be twice as long. S3 wants a second when
/// it answers SlowDown.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer: a function's minutes are better spent on its own retry.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Within a region a connection stands in milliseconds; one lost SYN is resent after 1 s.
const CONNECT: Duration = Duration::from_secs(3);
/// From the request's first byte to the reply's. A long poll is silent for 20 s and must not end as a time-out; all
/// other control calls answer within a few seconds.
const READ: Duration = Duration::from_secs(30);
/// The same where a request carries megabytes or S3 copies them before it answers: 64 MiB at 300 kB/s. A body that
/// stands still ends earlier, after 20 s, by the SDK's own protection.
const TRANSFER: Duration = Duration::from_secs(220);
/// All tries of a control call, pauses included: five that each fail at once, or four that hang.
const OPERATION: Duration = Duration::from_secs(125);
/// The same for a function that has a minute: a call that hangs leaves time for what follows, and for the next batch.
const HASTY_READ: Duration = Duration::from_secs(8);
const HASTY_OPERATION: Duration = Duration::from_secs(25);
/// All tries of a transfer.
const TRANSFERS: Duration = Duration::from_secs(900);

/// `standard`, not `adaptive`: adaptive holds back every request of a client after one is throttled, and one client
/// of ours uses many prefixes and queues at once, of which one is busy. Standard's budget of retries a client
/// stops a storm, and what it gives up on is retried by the functions and workers at their own, slower pace.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(FIRST_PAUSE).with_max_backoff(LONGEST_PAUSE)
}

/// For control calls.
pub(super) fn timeouts() -> TimeoutConfig {
    within(READ, OPERATION)
}

/// For control calls of a function that ends after a minute.
pub(super) fn hasty_timeouts() -> TimeoutConfig {
    within(HASTY_READ, HASTY_OPERATION)
}

fn within(read: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(read).operation_timeout(operation).build()
}

/// For requests that carry or copy megabytes.
pub(super) fn transfer_timeouts() -> TimeoutConfig {
    within(TRANSFER, TRANSFERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_poll_is_no_time_out_and_an_operation_has_room_for_its_tries() {
        assert!(READ >= Duration::from_secs(20) + CONNECT + Duration::from_secs(5));
        let pauses: Duration = (0..TRIES - 1).map(|n| (FIRST_PAUSE * 2u32.pow(n)).min(LONGEST_PAUSE)).sum();
        assert!(OPERATION >= READ * (TRIES - 2) + pauses);
        assert!(TRANSFERS >= TRANSFER * 4);
        // Two that hang to the end fit in the minute of a function that is called by a queue.
        assert!(HASTY_OPERATION * 2 < Duration::from_secs(60) && HASTY_OPERATION > HASTY_READ * 2);
    }
}
