//! Why a column did not cross. It promises that a type no column can have on the other side is distinguished from
//! a value it cannot have and from a failure of either library. It never stands for a column that crossed in part.

use arrow::error::ArrowError;
use polars_core::prelude::PolarsError;
use std::fmt::Display;

#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The other side has no such type.
    #[error("no column is of the type {0}: CAST it")]
    Unsupported(String),
    /// Polars would read it as a null.
    #[error("a time of day of {0} ns is not within a day")]
    TimeOfDay(i64),
    /// A library gave another type than this crate predicted: a defect of this crate, or another version of theirs.
    #[error("a column was to arrive as {expected} and arrived as {actual}")]
    Mismatch { expected: String, actual: String },
    #[error("Arrow: {0}")]
    Arrow(#[from] ArrowError),
    #[error("Polars: {0}")]
    Polars(#[from] PolarsError),
}

impl BridgeError {
    pub(crate) fn unsupported(ty: &impl Display) -> BridgeError {
        BridgeError::Unsupported(ty.to_string())
    }
}

/// Compares the received type with the predicted one.
pub(crate) fn expect<T: Display + PartialEq>(expected: &T, actual: &T) -> Result<(), BridgeError> {
    if expected == actual {
        return Ok(());
    }
    Err(BridgeError::Mismatch { expected: expected.to_string(), actual: actual.to_string() })
}
