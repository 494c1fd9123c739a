//! How an item fails: one class for whoever must react, one sentence for the person on call. Errors of the engine
//! are sorted here once: a full disk is the machine's fault, a missing column the data's, the rest the transform's.

use polars::prelude::PolarsError;
use spotmill_core::item::{FailureClass, ItemFailure};
use std::io;
use std::path::Path;

pub type Outcome<T> = Result<T, ItemFailure>;

pub fn failure(class: FailureClass, message: impl Into<String>) -> ItemFailure {
    ItemFailure { class, message: message.into(), remedy: None, file: None }
}

pub fn bad_data(file: &str, message: impl Into<String>) -> ItemFailure {
    ItemFailure { file: Some(file.to_owned()), ..failure(FailureClass::BadData, message) }
}

pub fn transform(message: impl Into<String>) -> ItemFailure {
    failure(FailureClass::Transform, message)
}

/// Adds what to do about it.
pub trait Remedy {
    fn remedy(self, text: impl Into<String>) -> ItemFailure;
}

impl Remedy for ItemFailure {
    fn remedy(mut self, text: impl Into<String>) -> ItemFailure {
        self.remedy = Some(text.into());
        self
    }
}

/// An error of the file system while doing `what` (which names the file). What passes by itself is the machine's; what
/// would end the same way again says so at once.
pub fn io_failure(error: &io::Error, what: &str) -> ItemFailure {
    use io::ErrorKind as K;
    let message = format!("{what}: {}", plain_words(error));
    let permanent = |remedy: &str| failure(FailureClass::Permanent, message.clone()).remedy(remedy);
    match error.kind() {
        K::StorageFull | K::QuotaExceeded => {
            failure(FailureClass::Infra, message).remedy("free space on the machine, or give it a larger disk")
        }
        K::NotFound => permanent("put the file back; or start again, which leaves out what is gone"),
        K::PermissionDenied => permanent("give whoever runs Spotmill the right to it"),
        K::ReadOnlyFilesystem => permanent("mount the file system writable"),
        K::InvalidFilename => permanent("a name may have 255 bytes: make it shorter"),
        K::NotADirectory | K::IsADirectory => permanent("something of another kind is in the way: move it"),
        K::FileTooLarge | K::InvalidInput | K::Unsupported => permanent("this file system cannot do it: use another"),
        _ => failure(FailureClass::Infra, message),
    }
}

/// Without the number of the operating system, which says nothing more.
fn plain_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

pub fn cannot_read(path: &Path, error: &io::Error) -> ItemFailure {
    let out = io_failure(error, &format!("cannot read {}", path.display()));
    ItemFailure { file: Some(path.display().to_string()), ..out }
}

pub fn cannot_write(path: &Path, error: &io::Error) -> ItemFailure {
    io_failure(error, &format!("cannot write {}", path.display()))
}

/// The innermost error and the engine's own words for the whole.
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
    fn what_passes_is_told_from_what_does_not() {
        use io::ErrorKind as K;
        for kind in [K::NotFound, K::PermissionDenied, K::ReadOnlyFilesystem, K::InvalidFilename, K::NotADirectory] {
            let failure = io_failure(&kind.into(), "cannot read x");
            assert_eq!(failure.class, FailureClass::Permanent, "{kind}");
            assert!(failure.remedy.is_some(), "{kind}");
        }
        for kind in [K::StorageFull, K::TimedOut, K::Interrupted, K::ResourceBusy] {
            assert_eq!(io_failure(&kind.into(), "cannot read x").class, FailureClass::Infra, "{kind}");
        }
        let real = io::Error::from_raw_os_error(36);
        assert_eq!(io_failure(&real, "cannot write x").message, "cannot write x: File name too long");
    }
}
