//! Functions of our own: operators, conversions and sums with the meaning of `docs/sql.md`, over Arrow's arrays.

pub mod arithmetic;
pub mod cast;
pub mod correlation;
pub mod kinds;
pub mod like;
pub mod ranks;
pub mod regex;
pub mod registry;
pub mod single;
pub mod sums;
pub mod time_zone;
