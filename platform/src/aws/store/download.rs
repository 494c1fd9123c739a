//! An object into a file: ranges, a few at once, each streamed to its place, all of one version. A file that could
//! not be filled is removed.

use super::address::Address;
use super::errors::named;
use super::upload::ranges;
use super::{S3Store, interrupted, quoted, retried};
use crate::ports::{Store, StoreError};
use crate::several::several;
use spotmill_core::ids::Uri;
use std::io::{ErrorKind, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

pub async fn download(store: &S3Store, at: &Address, etag: &str, to: &Path) -> Result<u64, StoreError> {
    let there = store.head(&at.uri).await?;
    if there.etag != etag {
        return Err(StoreError::Changed(at.uri.clone()));
    }
    version(store, at, etag, 0..there.bytes, to).await.map(|()| there.bytes)
}

/// A range of a version. S3 answers for both in one request; it has no empty ranges.
pub async fn range(store: &S3Store, at: &Address, etag: &str, range: Range<u64>, to: &Path) -> Result<(), StoreError> {
    if range.is_empty() && store.head(&at.uri).await?.etag != etag {
        return Err(StoreError::Changed(at.uri.clone()));
    }
    version(store, at, etag, range, to).await
}

/// The version that stands there now.
pub async fn present(store: &S3Store, at: &Address, to: &Path) -> Result<u64, StoreError> {
    let there = store.head(&at.uri).await?;
    version(store, at, &there.etag, 0..there.bytes, to).await.map(|()| there.bytes)
}

async fn version(store: &S3Store, at: &Address, etag: &str, whole: Range<u64>, to: &Path) -> Result<(), StoreError> {
    File::create(to).await.map_err(|e| unwritable(to, e))?;
    let begin = whole.start;
    let jobs = ranges(whole.end.saturating_sub(begin), store.sizes.get_part).into_iter().map(|place| {
        let (store, at, etag, to) = (store.clone(), at.clone(), etag.to_owned(), to.to_owned());
        async move { retried(|| fetch(&store, &at, &etag, begin, &to, place.clone())).await }
    });
    match several(store.sizes.at_once, jobs, |job| job).await {
        Ok(_) => Ok(()),
        Err(e) => {
            // The error is more specific than a failure to remove.
            let _ = tokio::fs::remove_file(to).await;
            Err(e)
        }
    }
}

/// One range of what follows `begin`, to its place in the file.
async fn fetch(
    store: &S3Store,
    at: &Address,
    etag: &str,
    begin: u64,
    to: &PathBuf,
    place: Range<u64>,
) -> Result<(), StoreError> {
    let get = store.transfers.get_object().bucket(&at.bucket).key(&at.key).if_match(quoted(etag));
    let get = get.range(format!("bytes={}-{}", begin + place.start, begin + place.end - 1));
    let mut body = get.send().await.map_err(|e| named(at, e))?.body;
    let mut file = OpenOptions::new().write(true).open(to).await.map_err(|e| unwritable(to, e))?;
    file.seek(SeekFrom::Start(place.start)).await.map_err(|e| unwritable(to, e))?;
    let mut left = place.end - place.start;
    while let Some(bytes) = body.try_next().await.map_err(|e| interrupted(at, e))? {
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| interrupted(at, Odd("more bytes than asked for")))?;
        file.write_all(&bytes).await.map_err(|e| unwritable(to, e))?;
    }
    file.flush().await.map_err(|e| unwritable(to, e))?;
    if left == 0 { Ok(()) } else { Err(interrupted(at, Odd("fewer bytes than asked for"))) }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Odd(&'static str);

fn unwritable(path: &Path, e: std::io::Error) -> StoreError {
    let uri = Uri::new(path.to_string_lossy());
    match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(uri),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreError::Denied { uri, source: e.into() },
        _ => StoreError::Broken { uri, what: "the file cannot be written".to_owned(), source: e.into() },
    }
}
