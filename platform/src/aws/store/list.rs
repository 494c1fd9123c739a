//! All pages of a listing. Keys come encoded, so that one that XML cannot hold does not break the listing of others.

use super::address::{Address, decoded};
use super::errors::named;
use super::unquoted;
use crate::ports::{ObjectMeta, StoreError};
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{EncodingType, Object};
use spotmill_core::ids::Uri;

pub async fn list(client: &Client, prefix: &Address) -> Result<Vec<ObjectMeta>, StoreError> {
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = client
            .list_objects_v2()
            .bucket(&prefix.bucket)
            .prefix(&prefix.key)
            .encoding_type(EncodingType::Url)
            .set_continuation_token(next)
            .send()
            .await
            .map_err(|e| named(prefix, e))?;
        for object in page.contents() {
            found.push(meta(prefix, object)?);
        }
        next = page.next_continuation_token;
        if next.is_none() {
            return Ok(found);
        }
    }
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
    })
}
