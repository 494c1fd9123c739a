//! All keys below a prefix. A listing that does not fit a request is cut into parts that are listed at once. Keys come
//! encoded, so that one that XML cannot hold does not break the listing of others.

use super::address::{Address, decoded};
use super::errors::named;
use super::spans::Span;
use super::{modified_ms, unquoted};
use crate::ports::{ObjectMeta, StoreError};
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{EncodingType, Object};
use spotmill_core::ids::Uri;
use tokio::task::JoinSet;

/// Requests of one listing at once: a million objects in well under a minute, and far below what S3 allows a prefix.
const AT_ONCE: usize = 16;

struct Page {
    span: Span,
    found: Vec<ObjectMeta>,
    more: bool,
}

pub async fn list(client: &Client, prefix: &Address) -> Result<Vec<ObjectMeta>, StoreError> {
    let mut waiting = vec![Span::default()];
    let (mut all, mut asked) = (Vec::new(), JoinSet::new());
    loop {
        while asked.len() < AT_ONCE
            && let Some(span) = waiting.pop()
        {
            let (client, prefix) = (client.clone(), prefix.clone());
            asked.spawn(async move { page(&client, &prefix, span).await });
        }
        let page = match asked.join_next().await {
            None => break,
            Some(Ok(page)) => page?,
            Some(Err(e)) => std::panic::resume_unwind(e.into_panic()),
        };
        if let (true, Some(first), Some(last)) = (page.more, page.found.first(), page.found.last()) {
            let (first, last) = (key(prefix, first), key(prefix, last));
            // Where enough is under way, a part goes on as it is.
            match waiting.len() + asked.len() < AT_ONCE {
                true => waiting.extend(page.span.cut(prefix.key.len(), first, last)),
                false => waiting.push(page.span.rest(last)),
            }
        }
        all.extend(page.found);
    }
    all.sort_unstable_by(|a, b| a.uri.cmp(&b.uri));
    Ok(all)
}

fn key<'o>(prefix: &Address, object: &'o ObjectMeta) -> &'o str {
    object.uri.as_str().get("s3://".len() + prefix.bucket.len() + 1..).unwrap_or_default()
}

/// The first keys of a part.
async fn page(client: &Client, prefix: &Address, span: Span) -> Result<Page, StoreError> {
    let listed = client
        .list_objects_v2()
        .bucket(&prefix.bucket)
        .prefix(&prefix.key)
        .encoding_type(EncodingType::Url)
        .set_start_after(span.after.clone())
        .send()
        .await
        .map_err(|e| named(prefix, e))?;
    let mut found = Vec::with_capacity(listed.contents().len());
    let mut more = listed.is_truncated().unwrap_or(false);
    for object in listed.contents() {
        let object = meta(prefix, object)?;
        if !span.holds(key(prefix, &object)) {
            more = false;
            break;
        }
        found.push(object);
    }
    Ok(Page { span, found, more })
}

fn meta(prefix: &Address, object: &Object) -> Result<ObjectMeta, StoreError> {
    let named = object.key().unwrap_or_default();
    let key = decoded(named).ok_or_else(|| StoreError::Broken {
        uri: prefix.uri.clone(),
        what: format!("the listing names `{named}`, which is no encoded text"),
        source: "a key that is not UTF-8".into(),
    })?;
    Ok(ObjectMeta {
        uri: Uri::new(format!("s3://{}/{key}", prefix.bucket)),
        etag: unquoted(object.e_tag()),
        bytes: u64::try_from(object.size().unwrap_or(0)).unwrap_or(0),
        modified_ms: modified_ms(object.last_modified()),
        file: None,
    })
}
