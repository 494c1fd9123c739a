//! Functions of our own: operators, conversions and sums with the meaning of `docs/sql.md`, over Arrow's arrays.

pub mod arithmetic;
pub mod beside;
pub mod cast;
mod clock;
mod constants;
pub mod correlation;
pub mod dates;
mod fold;
mod from_text;
pub mod groups;
pub mod kinds;
pub mod like;
pub mod member;
mod nan;
pub mod nearest;
pub mod optional;
pub mod ranks;
pub mod reference;
pub mod registry;
pub mod rounding;
pub mod rows;
pub mod rowwise;
pub mod single;
pub mod sums;
pub mod time_zone;
