//! How reading a file fails: one class for whoever must react, one sentence for the person on call. A full disk is the
//! machine's fault, what stands in a file the data's.

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

/// An error of the file system while doing `what` (which names the file).
pub fn io_failure(error: &io::Error, what: &str) -> ItemFailure {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let out = failure(FailureClass::Infra, format!("{what}: {error}"));
    if full { out.remedy("free space on the machine, or give it a larger disk") } else { out }
}

pub fn cannot_read(path: &Path, error: &io::Error) -> ItemFailure {
    let out = io_failure(error, &format!("cannot read {}", path.display()));
    ItemFailure { file: Some(path.display().to_string()), ..out }
}

pub fn cannot_write(path: &Path, error: &io::Error) -> ItemFailure {
    io_failure(error, &format!("cannot write {}", path.display()))
}
