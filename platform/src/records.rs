//! Records as types: JSON objects with a version `v`, read and written through a store. A record that cannot be
//! understood is an error that names its key; nothing is ever guessed, and absent is not an error.

use crate::ports::{Created, Store, StoreError, Swapped};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spotmill_core::ids::Uri;
use spotmill_core::records::RECORD_VERSION;

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{uri} is not a record this program understands")]
    Corrupt {
        uri: Uri,
        #[source]
        source: serde_json::Error,
    },
    #[error("{uri} was written as version {found}; this program reads version {expected}")]
    Version { uri: Uri, found: u32, expected: u32 },
    #[error("{uri}: the record cannot be written as JSON")]
    Unwritable {
        uri: Uri,
        #[source]
        source: serde_json::Error,
    },
}

/// The record at `uri` with its ETag, or nothing if there is none.
pub async fn load<T: DeserializeOwned>(
    store: &(impl Store + ?Sized),
    uri: &Uri,
) -> Result<Option<(T, String)>, RecordError> {
    match store.get(uri).await {
        Ok(object) => Ok(Some((parse(uri, &object.body)?, object.etag))),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Writes the record if none is there.
pub async fn create<T: Serialize>(
    store: &(impl Store + ?Sized),
    uri: &Uri,
    record: &T,
) -> Result<Created, RecordError> {
    Ok(store.create(uri, &bytes(uri, record)?).await?)
}

/// Replaces the version `etag` of the record.
pub async fn swap<T: Serialize>(
    store: &(impl Store + ?Sized),
    uri: &Uri,
    etag: &str,
    record: &T,
) -> Result<Swapped, RecordError> {
    Ok(store.swap(uri, etag, &bytes(uri, record)?).await?)
}

/// Writes the record whatever is there.
pub async fn put<T: Serialize>(store: &(impl Store + ?Sized), uri: &Uri, record: &T) -> Result<(), RecordError> {
    Ok(store.put(uri, &bytes(uri, record)?).await?)
}

/// Reads a record from bytes that were fetched otherwise; `uri` is for messages.
pub fn parse<T: DeserializeOwned>(uri: &Uri, body: &[u8]) -> Result<T, RecordError> {
    #[derive(serde::Deserialize)]
    struct Version {
        v: u32,
    }
    let corrupt = |source| RecordError::Corrupt { uri: uri.clone(), source };
    let Version { v } = serde_json::from_slice(body).map_err(corrupt)?;
    if v != RECORD_VERSION {
        return Err(RecordError::Version { uri: uri.clone(), found: v, expected: RECORD_VERSION });
    }
    serde_json::from_slice(body).map_err(corrupt)
}

fn bytes<T: Serialize>(uri: &Uri, record: &T) -> Result<Vec<u8>, RecordError> {
    serde_json::to_vec(record).map_err(|source| RecordError::Unwritable { uri: uri.clone(), source })
}
