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

/// An error of the file system while doing `what` (which names the file). What passes by itself is the machine's; what
/// would end the same way again is reported as permanent at once.
pub fn io_failure(error: &io::Error, what: &str) -> ItemFailure {
    use io::ErrorKind as K;
    let message = format!("{what}: {}", plain_text(error));
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

/// Without the error number of the operating system, which adds nothing.
fn plain_text(error: &io::Error) -> String {
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
