//! Names of errors: what matches what, and how long a retrier waits. The rules are those of Step Functions, including
//! what its two wildcards miss; this module does not use our own error names.

use crate::machine::{Jitter, Retrier};

pub const ALL: &str = "States.ALL";
pub const TASK_FAILED: &str = "States.TaskFailed";
pub const TIMEOUT: &str = "States.Timeout";
pub const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
pub const RUNTIME: &str = "States.Runtime";
pub const DATA_LIMIT: &str = "States.DataLimitExceeded";
pub const QUERY: &str = "States.QueryEvaluationError";
pub const NO_CHOICE: &str = "States.NoChoiceMatched";

/// Does an `ErrorEquals` list catch this error?
pub fn matches(error_equals: &[String], error: &str) -> bool {
    error_equals.iter().any(|pattern| matches_one(pattern, error))
}

fn matches_one(pattern: &str, error: &str) -> bool {
    let timed_out = error == TIMEOUT || error == HEARTBEAT_TIMEOUT;
    match pattern {
        // Never retried, never caught, even by name.
        _ if error == RUNTIME => false,
        ALL => error != DATA_LIMIT,
        TASK_FAILED => error != DATA_LIMIT && !timed_out,
        // A missed heartbeat is a time-out with a name of its own.
        TIMEOUT => timed_out,
        _ => pattern == error,
    }
}

/// The wait before the retry that follows `done` previous ones. `chance` is in 0..1.
pub fn delay_ms(retrier: &Retrier, done: u64, chance: f64) -> u64 {
    let exponent = i32::try_from(done).unwrap_or(i32::MAX);
    let wanted = retrier.interval_secs as f64 * retrier.backoff_rate.powi(exponent);
    let secs = retrier.max_delay_secs.map_or(wanted, |most| wanted.min(most as f64));
    let share = match retrier.jitter {
        Jitter::None => 1.0,
        Jitter::Full => chance.clamp(0.0, 1.0),
    };
    // A float too large for the type becomes its maximum, a NaN zero.
    (secs * share * 1000.0) as u64
}
