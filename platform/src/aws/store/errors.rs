//! S3's failures as errors of the port: what a caller can do about each.

use super::address::Address;
use crate::aws::error::{Fate, RequestError};
use crate::ports::{BoxError, StoreError};

/// Of a request that may be repeated: reads, and writes that overwrite.
pub fn named(at: &Address, error: impl Into<RequestError>) -> StoreError {
    let error = error.into();
    let uri = at.uri.clone();
    if let Some(what) = bucket_error(at, &error) {
        return StoreError::Broken { uri, what, source: error.source };
    }
    match error.status {
        Some(404) if !error.is(&["NoSuchUpload"]) => StoreError::NotFound(uri),
        Some(412) => StoreError::Changed(uri),
        Some(401 | 403) => StoreError::Denied { uri, source: error.source },
        _ if passes(&error) => StoreError::Transient { uri, what: error.text("S3"), source: error.source },
        _ => StoreError::Broken { uri, what: error.text("S3"), source: error.source },
    }
}

/// Of a write that the store cannot make because it does not know its condition.
pub fn unconditional(at: &Address, error: RequestError) -> StoreError {
    let what = error.text("S3");
    StoreError::Broken { uri: at.uri.clone(), what, source: Unconditional(error.source).into() }
}

#[derive(Debug, thiserror::Error)]
#[error("the store has no conditional writes")]
pub struct Unconditional(#[source] BoxError);

/// Of a write whose outcome somebody has to find out.
pub fn unknown(at: &Address, error: RequestError) -> StoreError {
    StoreError::Unknown { uri: at.uri.clone(), source: error.source }
}

/// Waiting helps: load, network, credentials that are about to be renewed, a write in the same moment.
fn passes(error: &RequestError) -> bool {
    error.fate != Fate::Refused
        || error.throttled()
        || error.status == Some(409)
        || error.expired()
        || error.is(&["NoSuchUpload"])
}

/// What is wrong with the bucket as a whole.
fn bucket_error(at: &Address, error: &RequestError) -> Option<String> {
    let bucket = &at.bucket;
    if error.is(&["NoSuchBucket"]) {
        return Some(format!("there is no bucket `{bucket}`; create it or name another"));
    }
    error.elsewhere().then(|| {
        let region = error.region.as_deref().unwrap_or("another region");
        format!("bucket `{bucket}` is in {region}; set AWS_REGION to where the bucket is")
    })
}
