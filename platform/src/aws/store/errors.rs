//! S3's failures in the words of the port: what a caller can do about each.

use super::address::Address;
use crate::aws::trouble::{Fate, Trouble};
use crate::ports::StoreError;

/// Of a request that may be repeated: reads, and writes that overwrite.
pub fn named(at: &Address, trouble: impl Into<Trouble>) -> StoreError {
    let trouble = trouble.into();
    let uri = at.uri.clone();
    if let Some(what) = bucket_trouble(at, &trouble) {
        return StoreError::Broken { uri, what, source: trouble.source };
    }
    match trouble.status {
        Some(404) if !trouble.is(&["NoSuchUpload"]) => StoreError::NotFound(uri),
        Some(412) => StoreError::Changed(uri),
        Some(401 | 403) => StoreError::Denied { uri, source: trouble.source },
        _ if passes(&trouble) => StoreError::Transient { uri, what: trouble.text("S3"), source: trouble.source },
        _ => StoreError::Broken { uri, what: trouble.text("S3"), source: trouble.source },
    }
}

/// Of a write whose outcome somebody has to find out.
pub fn unknown(at: &Address, trouble: Trouble) -> StoreError {
    StoreError::Unknown { uri: at.uri.clone(), source: trouble.source }
}

/// Waiting helps: load, network, credentials that are about to be renewed, a write in the same moment.
fn passes(trouble: &Trouble) -> bool {
    trouble.fate != Fate::Refused
        || trouble.throttled()
        || trouble.status == Some(409)
        || trouble.is(&["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "NoSuchUpload"])
}

/// What is wrong with the bucket as a whole.
fn bucket_trouble(at: &Address, trouble: &Trouble) -> Option<String> {
    let bucket = &at.bucket;
    if trouble.is(&["NoSuchBucket"]) {
        return Some(format!("there is no bucket `{bucket}`; create it or name another"));
    }
    let elsewhere =
        trouble.is(&["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"])
            || matches!(trouble.status, Some(301 | 307));
    elsewhere.then(|| {
        let region = trouble.region.as_deref().unwrap_or("another region");
        format!("bucket `{bucket}` is in {region}; set AWS_REGION to where the bucket is")
    })
}
