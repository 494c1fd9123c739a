//! How an item fails: one class for whoever must react, one sentence for the person on call. Errors of the engine are
//! sorted in this module only: a full disk is the machine's fault, a missing column the data's, the rest the
//! transform's.

use polars::prelude::PolarsError;
use spotmill_core::item::{FailureClass, ItemFailure};

pub use spotmill_text::failure::{Outcome, Remedy, bad_data, cannot_read, cannot_write, failure, io_failure};

pub fn transform(message: impl Into<String>) -> ItemFailure {
    failure(FailureClass::Transform, message)
}

/// The innermost error and the engine's own message for the whole.
pub fn engine_failure(error: &PolarsError, what: &str) -> ItemFailure {
    match root(error) {
        PolarsError::IO { error: io, .. } => io_failure(io, what),
        PolarsError::ComputeError(text) if text.starts_with("OOM") => {
            failure(FailureClass::Memory, format!("{what}: {}", first_lines(error)))
        }
        _ => transform(format!("{what}: {}", first_lines(error))),
    }
}

pub fn root(error: &PolarsError) -> &PolarsError {
    match error {
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => root(error),
        other => other,
    }
}

/// The engine's message without its trailing plan dumps.
pub fn first_lines(error: &PolarsError) -> String {
    let text = error.to_string();
    let cut = text.find("\n\nResolved plan").or_else(|| text.find("\n\nThis error occurred")).unwrap_or(text.len());
    text[..cut].trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_errors_are_distinguished_from_permanent_ones() {
        use std::io::ErrorKind as K;
        for kind in [K::NotFound, K::PermissionDenied, K::ReadOnlyFilesystem, K::InvalidFilename, K::NotADirectory] {
            let failure = io_failure(&kind.into(), "cannot read x");
            assert_eq!(failure.class, FailureClass::Permanent, "{kind}");
            assert!(failure.remedy.is_some(), "{kind}");
        }
        for kind in [K::StorageFull, K::TimedOut, K::Interrupted, K::ResourceBusy] {
            assert_eq!(io_failure(&kind.into(), "cannot read x").class, FailureClass::Infra, "{kind}");
        }
        let real = std::io::Error::from_raw_os_error(36);
        assert_eq!(io_failure(&real, "cannot write x").message, "cannot write x: File name too long");
    }
}
