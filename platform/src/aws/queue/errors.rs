//! SQS's failures as errors of the port.

use crate::aws::error::RequestError;
use crate::ports::{BoxError, QueueError};

/// In SQS's two protocols.
pub const NO_QUEUE: &[&str] = &["QueueDoesNotExist", "NonExistentQueue"];
pub const STALE: &[&str] = &["ReceiptHandleIsInvalid", "MessageNotInflight"];

pub fn named(queue: &str, error: impl Into<RequestError>) -> QueueError {
    let error = error.into();
    if error.is(NO_QUEUE) {
        return QueueError::NoQueue(queue.to_owned());
    }
    let what = error.text("SQS");
    failed(queue, what, error.source)
}

pub fn failed(queue: &str, what: String, source: BoxError) -> QueueError {
    QueueError::Transient { queue: queue.to_owned(), what, source }
}

/// SQS reports a receipt whose message is deleted or visible again as a wrong value of a parameter.
pub fn of_receipt(error: &RequestError) -> bool {
    error.is(&["InvalidParameterValue", "InvalidParameterValueException"]) && error.message.contains("ReceiptHandle")
}
