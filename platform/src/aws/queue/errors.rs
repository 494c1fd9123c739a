//! SQS's failures in the words of the port.

use crate::aws::trouble::Trouble;
use crate::ports::{BoxError, QueueError};

/// In SQS's two protocols.
pub const NO_QUEUE: &[&str] = &["QueueDoesNotExist", "NonExistentQueue"];
pub const STALE: &[&str] = &["ReceiptHandleIsInvalid", "MessageNotInflight"];

pub fn named(queue: &str, trouble: impl Into<Trouble>) -> QueueError {
    let trouble = trouble.into();
    if trouble.is(NO_QUEUE) {
        return QueueError::NoQueue(queue.to_owned());
    }
    let what = trouble.text("SQS");
    failed(queue, what, trouble.source)
}

pub fn failed(queue: &str, what: String, source: BoxError) -> QueueError {
    QueueError::Transient { queue: queue.to_owned(), what, source }
}

/// SQS tells a receipt whose message is deleted or visible again as a wrong value of a parameter.
pub fn of_receipt(trouble: &Trouble) -> bool {
    trouble.is(&["InvalidParameterValue", "InvalidParameterValueException"])
        && trouble.message.contains("ReceiptHandle")
}
