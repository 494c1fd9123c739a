//! Columns between the two engines' Arrow libraries: of Polars (`polars-arrow`) and of the SQL functions (`arrow`).
//! A column crosses by the Arrow C data interface: its values stay where they are, and whoever drops the last use of
//! them frees them. Only what a type's other form demands is made anew, such as a zone's name or a view of a string.
//! This crate never guesses a type: what it does not list in `types.rs` it refuses by name. It is the only one that
//! may hold `unsafe`, and of its files only `ffi.rs` does.

mod error;
mod exchange;
mod ffi;
mod types;

pub use error::BridgeError;
pub use exchange::{to_arrow, to_series};
pub use types::{arrow_type, polars_type};
