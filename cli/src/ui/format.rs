//! Numbers for people, where a message of `spotmill_core::format` would be too long.

pub use spotmill_core::format::{bytes_of as bytes, count as plural, number as count, took as duration};

/// Below it a sum is shown with as many digits as it has.
const DOLLAR: u64 = 1_000_000_000;

/// `$12.30`, `$0.001240`.
pub fn dollars(nanos: u64) -> String {
    match nanos {
        0 => "$0".to_owned(),
        DOLLAR.. => format!("${:.2}", nanos as f64 / 1e9),
        _ => format!("${:.6}", nanos as f64 / 1e9),
    }
}
