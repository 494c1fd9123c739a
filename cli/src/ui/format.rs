//! Numbers for people, where a message of `spotmill_core::format` would be too long.

pub use spotmill_core::format::{bytes_of as bytes, count as plural, dollars, number as count, took as duration};
