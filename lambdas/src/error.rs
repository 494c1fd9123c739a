//! A function's error: a constant name that the state machines' Retry and Catch match,
//! and a cause for people. What was underneath stays the source.

use spotmill_core::calls::errors;
use spotmill_core::format::chain;
use spotmill_platform::ports::{BoxError, ExecutionError, FleetError, QueueError, StoreError};
use spotmill_platform::records::RecordError;

#[derive(Debug, thiserror::Error)]
#[error("{error}: {cause}")]
pub struct HandlerError {
    /// One of `spotmill_core::calls::errors`.
    pub error: &'static str,
    pub cause: String,
    #[source]
    pub source: Option<BoxError>,
}

impl HandlerError {
    pub fn new(error: &'static str, cause: impl Into<String>) -> Self {
        Self { error, cause: cause.into(), source: None }
    }
    pub fn invalid(cause: impl Into<String>) -> Self {
        Self::new(errors::INVALID_INPUT, cause)
    }
    pub fn fenced(cause: impl Into<String>) -> Self {
        Self::new(errors::FENCED, cause)
    }
    pub fn corrupt(cause: impl Into<String>) -> Self {
        Self::new(errors::CORRUPT_RECORD, cause)
    }
    pub fn transient(cause: impl Into<String>) -> Self {
        Self::new(errors::TRANSIENT, cause)
    }
    fn from_source(error: &'static str, e: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { error, cause: chain(&e), source: Some(Box::new(e)) }
    }
}

impl From<StoreError> for HandlerError {
    fn from(e: StoreError) -> Self {
        let error = match &e {
            StoreError::Transient { .. } | StoreError::Unknown { .. } => errors::TRANSIENT,
            StoreError::Denied { .. } | StoreError::Full(_) | StoreError::Broken { .. } => errors::REFUSED,
            StoreError::NotFound(_) | StoreError::Changed(_) => errors::CORRUPT_RECORD,
            StoreError::Busy(_) => errors::HELD,
        };
        Self::from_source(error, e)
    }
}

impl From<RecordError> for HandlerError {
    fn from(e: RecordError) -> Self {
        match e {
            RecordError::Store(e) => e.into(),
            other => Self::from_source(errors::CORRUPT_RECORD, other),
        }
    }
}

impl From<QueueError> for HandlerError {
    fn from(e: QueueError) -> Self {
        Self::from_source(errors::TRANSIENT, e)
    }
}

impl From<FleetError> for HandlerError {
    fn from(e: FleetError) -> Self {
        let error = match &e {
            FleetError::Transient { .. } => errors::TRANSIENT,
            FleetError::Refused { .. } => errors::REFUSED,
        };
        Self::from_source(error, e)
    }
}

impl From<ExecutionError> for HandlerError {
    fn from(e: ExecutionError) -> Self {
        Self::from_source(errors::TRANSIENT, e)
    }
}
