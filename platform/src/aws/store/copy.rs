//! Copies that S3 makes by itself: one request if the object is small, parts if it is large.

use super::address::Address;
use super::errors::named;
use super::upload::{Part, in_parts, ranges};
use super::{S3Store, quoted};
use crate::ports::{Store, StoreError};
use aws_sdk_s3::types::CompletedPart;
use std::ops::Range;

pub async fn copy(store: &S3Store, from: &Address, to: &Address) -> Result<(), StoreError> {
    let source = store.head(&from.uri).await?;
    if source.bytes <= store.sizes.single_copy {
        let copy = store.transfers.copy_object().copy_source(from.copy_source()).bucket(&to.bucket).key(&to.key);
        return copy.send().await.map(drop).map_err(|e| either(from, to, named(to, e)));
    }
    parts(store, from, &source.etag, 0..source.bytes, to).await
}

/// A range can only be copied as a part.
pub async fn copy_range(store: &S3Store, from: &Address, range: Range<u64>, to: &Address) -> Result<(), StoreError> {
    let source = store.head(&from.uri).await?;
    if source.bytes < range.end {
        return Err(StoreError::Changed(from.uri.clone()));
    }
    match range.is_empty() {
        true => store.put(&to.uri, &[]).await,
        false => parts(store, from, &source.etag, range, to).await,
    }
}

async fn parts(store: &S3Store, from: &Address, etag: &str, whole: Range<u64>, to: &Address) -> Result<(), StoreError> {
    let begin = whole.start;
    in_parts(store, to, ranges(whole.end - begin, store.sizes.copy_part), |part| {
        let (store, from, to, etag) = (store.clone(), from.clone(), to.clone(), etag.to_owned());
        let part = Part { range: begin + part.range.start..begin + part.range.end, ..part };
        async move { copy_part(&store, &from, &to, &etag, part).await }
    })
    .await
}

/// The parts are of one version.
async fn copy_part(
    store: &S3Store,
    from: &Address,
    to: &Address,
    etag: &str,
    part: Part,
) -> Result<CompletedPart, StoreError> {
    let copy = store.transfers.upload_part_copy().bucket(&to.bucket).key(&to.key).upload_id(part.upload);
    let copy = copy.copy_source(from.copy_source()).copy_source_if_match(quoted(etag)).part_number(part.number);
    let copy = copy.copy_source_range(format!("bytes={}-{}", part.range.start, part.range.end - 1));
    let made = copy.send().await.map_err(|e| either(from, to, named(to, e)))?.copy_part_result;
    let (etag, sum) = made.map_or((None, None), |m| (m.e_tag, m.checksum_crc32));
    Ok(CompletedPart::builder().part_number(part.number).set_e_tag(etag).set_checksum_crc32(sum).build())
}

/// What is absent or changed is the source; S3's answer does not state it.
fn either(from: &Address, to: &Address, e: StoreError) -> StoreError {
    match e {
        StoreError::NotFound(uri) if uri == to.uri => StoreError::NotFound(from.uri.clone()),
        StoreError::Changed(uri) if uri == to.uri => StoreError::Changed(from.uri.clone()),
        other => other,
    }
}
