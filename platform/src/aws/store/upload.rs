//! A file into an object: one request if it is small, parts if it is large. Parts stream from the file, a few at
//! once. An upload that fails is aborted; one whose machine vanishes is what the bucket's lifecycle rule is for.

use super::address::Address;
use super::errors::named;
use super::{MOST_PARTS, S3Store};
use crate::ports::StoreError;
use crate::several::several;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use spotmill_core::ids::Uri;
use std::future::Future;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub async fn upload(store: &S3Store, from: &Path, to: &Address) -> Result<(), StoreError> {
    let bytes = tokio::fs::metadata(from).await.map_err(|e| unreadable(from, e))?.len();
    if bytes <= store.sizes.single_put {
        let body = ByteStream::from_path(from).await.map_err(|e| unreadable(from, e))?;
        let put = store.client_for(bytes).put_object().bucket(&to.bucket).key(&to.key).body(body);
        return put.send().await.map(drop).map_err(|e| named(to, e));
    }
    in_parts(store, to, ranges(bytes, store.sizes.put_part), |part| {
        let (store, from, to) = (store.clone(), from.to_owned(), to.clone());
        async move { send_part(&store, from, &to, part).await }
    })
    .await
}

/// One part of a multipart upload.
#[derive(Clone, Debug)]
pub struct Part {
    pub upload: String,
    /// From 1.
    pub number: i32,
    pub range: Range<u64>,
}

/// Makes `to` of parts, each made by `make`; all or nothing.
pub async fn in_parts<F>(
    store: &S3Store,
    to: &Address,
    ranges: Vec<Range<u64>>,
    make: impl Fn(Part) -> F,
) -> Result<(), StoreError>
where
    F: Future<Output = Result<CompletedPart, StoreError>> + Send + 'static,
{
    let begun = store.client.create_multipart_upload().bucket(&to.bucket).key(&to.key);
    let begun = begun.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.map_err(|e| named(to, e))?;
    let upload = begun.upload_id.unwrap_or_default();
    let jobs = ranges.into_iter().zip(1..).map(|(range, number)| make(Part { upload: upload.clone(), number, range }));
    let made = match several(store.sizes.at_once, jobs, |job| job).await {
        Ok(parts) => complete(store, to, &upload, parts).await,
        Err(e) => Err(e),
    };
    if made.is_err() {
        let abort = store.client.abort_multipart_upload().bucket(&to.bucket).key(&to.key).upload_id(&upload);
        if let Err(e) = abort.send().await {
            tracing::warn!(uri = %to.uri, error = %named(to, e), "parts of an upload that failed stay until they expire");
        }
    }
    made
}

async fn complete(store: &S3Store, to: &Address, upload: &str, parts: Vec<CompletedPart>) -> Result<(), StoreError> {
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = store.transfers.complete_multipart_upload().bucket(&to.bucket).key(&to.key);
    complete.upload_id(upload).multipart_upload(parts).send().await.map(drop).map_err(|e| named(to, e))
}

async fn send_part(store: &S3Store, from: PathBuf, to: &Address, part: Part) -> Result<CompletedPart, StoreError> {
    let bytes = part.range.end - part.range.start;
    let body = ByteStream::read_from().path(&from).offset(part.range.start).length(Length::Exact(bytes));
    let body = body.build().await.map_err(|e| unreadable(&from, e))?;
    let send = store.transfers.upload_part().bucket(&to.bucket).key(&to.key).upload_id(part.upload);
    let send = send.part_number(part.number).checksum_algorithm(ChecksumAlgorithm::Crc32).body(body);
    let sent = send.send().await.map_err(|e| named(to, e))?;
    let done = CompletedPart::builder().part_number(part.number).set_e_tag(sent.e_tag);
    Ok(done.set_checksum_crc32(sent.checksum_crc32).build())
}

/// `bytes` cut into parts of `part`, or larger ones if they were too many.
pub fn ranges(bytes: u64, part: u64) -> Vec<Range<u64>> {
    let part = part.max(bytes.div_ceil(MOST_PARTS)).max(1);
    (0..bytes.div_ceil(part)).map(|n| n * part..((n + 1) * part).min(bytes)).collect()
}

fn unreadable(path: &Path, e: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    let what = "the file to upload cannot be read".to_owned();
    StoreError::Broken { uri: Uri::new(path.to_string_lossy()), what, source: e.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_bytes_and_are_not_too_many() {
        for (bytes, part) in [(1, 5), (5, 5), (6, 5), (10_000 * 5, 5), (10_000 * 5 + 1, 5), (5 << 40, 16 << 20)] {
            let found = ranges(bytes, part);
            assert!(found.len() as u64 <= MOST_PARTS);
            assert_eq!((found[0].start, found[found.len() - 1].end), (0, bytes));
            assert!(found.windows(2).all(|two| two[0].end == two[1].start));
            assert!(found.iter().all(|r| r.start < r.end));
        }
        assert_eq!(ranges(0, 5), []);
    }
}
