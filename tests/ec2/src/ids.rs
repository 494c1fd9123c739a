//! Ids and times: what is fresh each time it is asked for.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// The account everything belongs to.
pub const OWNER: &str = "000000000000";

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// `2026-11-22T19:05:29.123Z`
pub fn iso(ms: u64) -> String {
    jiff::Timestamp::from_millisecond(ms as i64).unwrap_or_default().to_string()
}

/// Seventeen hexadecimal digits nobody had before.
pub fn fresh_id(prefix: &str) -> String {
    format!("{prefix}-0{:016x}", RandomState::new().hash_one(prefix))
}

/// A request id, or a fleet's, in the form of a UUID.
pub fn fresh_uuid() -> String {
    let (a, b) = (RandomState::new().hash_one(1), RandomState::new().hash_one(2));
    let (c, d) = (b >> 48, b & 0xffff_ffff_ffff);
    format!("{:08x}-{:04x}-{:04x}-{c:04x}-{d:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xffff)
}
