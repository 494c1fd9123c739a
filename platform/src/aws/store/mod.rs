//! Objects in S3. Names are `s3://bucket/key`; an ETag is S3's, without its quotes, the same from `get`, `head` and
//! `list`. A `create` that answers `Already` may have met its own previous try; a `swap` never answers `No` when an
//! previous try of its own may be what stands there, but `Unknown`. A HEAD carries no reason, so `head` of a missing
//! bucket is `NotFound`; everything else names the bucket.

pub(in crate::aws) mod address;
mod conditional;
mod copy;
mod download;
mod errors;
mod list;
mod pages;
mod spans;
mod upload;
mod usable;

use super::endpoint;
use super::error::RequestError;
use super::patience::{TRIES, transfer_timeouts};
use super::pause::pause;
use crate::ports::{Created, Object, ObjectMeta, Store, StoreError, Swapped};
use address::Address;
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use conditional::{Condition, Written, write};
use errors::named;
pub(crate) use pages::Spool;
use spotmill_core::ids::Uri;
use std::future::Future;
use std::ops::Range;
use std::path::Path;
pub use usable::Unusable;

/// What is moved in one request, in bytes, and how many such requests are under way for one object.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Files up to this are one PutObject; S3 allows 5 GiB, but a lost try would cost all of it.
    pub single_put: u64,
    /// A part of an upload: large enough to be few, small enough to be resent. S3 wants 5 MiB at least.
    pub put_part: u64,
    /// A range of a download.
    pub get_part: u64,
    /// Objects up to this are one CopyObject, answered within TRANSFER; S3 allows 5 GiB.
    pub single_copy: u64,
    /// A part of a copy that S3 makes by itself.
    pub copy_part: u64,
    /// Requests of one transfer at once: with bodies that stream this bounds memory to a few MiB each.
    pub at_once: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            single_put: 16 << 20,
            put_part: 16 << 20,
            get_part: 16 << 20,
            single_copy: 1 << 30,
            copy_part: 256 << 20,
            at_once: 6,
        }
    }
}

/// S3 takes this many parts an object.
const MOST_PARTS: u64 = 10_000;
/// Bodies above this get a transfer's patience.
const SMALL: u64 = 1 << 20;

#[derive(Clone, Debug)]
pub struct S3Store {
    /// For control calls.
    client: Client,
    /// For what carries megabytes.
    transfers: Client,
    sizes: Sizes,
}

impl S3Store {
    pub fn new(config: &SdkConfig) -> S3Store {
        let base = Builder::from(config).force_path_style(endpoint::is_own(config));
        let transfers = base.clone().timeout_config(transfer_timeouts()).build();
        S3Store {
            client: Client::from_conf(base.build()),
            transfers: Client::from_conf(transfers),
            sizes: Sizes::default(),
        }
    }

    pub fn with_sizes(self, sizes: Sizes) -> S3Store {
        S3Store { sizes, ..self }
    }

    /// `download` of the version that stands there now.
    pub(crate) async fn download_present(&self, uri: &Uri, to: &Path) -> Result<u64, StoreError> {
        download::present(self, &Address::object(uri)?, to).await
    }

    fn client_for(&self, bytes: u64) -> &Client {
        if bytes > SMALL { &self.transfers } else { &self.client }
    }

    /// An object or a range of it, whole in memory.
    async fn body(&self, at: &Address, range: Option<String>) -> Result<Object, StoreError> {
        retried(|| async {
            let get = self.client.get_object().bucket(&at.bucket).key(&at.key).set_range(range.clone());
            let got = match get.send().await.map_err(RequestError::from) {
                Ok(got) => got,
                // The range begins behind the object's end.
                Err(e) if e.status == Some(416) => return Ok(Object { etag: String::new(), body: Vec::new() }),
                Err(e) => return Err(named(at, e)),
            };
            let etag = unquoted(got.e_tag());
            let body = got.body.collect().await.map_err(|e| interrupted(at, e))?;
            Ok(Object { etag, body: body.to_vec() })
        })
        .await
    }
}

#[async_trait]
impl Store for S3Store {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        self.body(&Address::object(uri)?, None).await
    }

    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        if from >= to {
            // S3 has no empty ranges; an absent object is an error all the same.
            return self.head(uri).await.map(|_| Vec::new());
        }
        Ok(self.body(&Address::object(uri)?, Some(format!("bytes={from}-{}", to - 1))).await?.body)
    }

    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        let at = Address::object(uri)?;
        let head = self.client.head_object().bucket(&at.bucket).key(&at.key).send().await;
        let head = head.map_err(|e| named(&at, e))?;
        let bytes = u64::try_from(head.content_length().unwrap_or(0)).unwrap_or(0);
        let modified_ms = modified_ms(head.last_modified());
        Ok(ObjectMeta { uri: uri.clone(), etag: unquoted(head.e_tag()), bytes, modified_ms, file: None })
    }

    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        match write(self, &Address::object(uri)?, body, Condition::Absent).await? {
            Written::Yes(_) => Ok(Created::Now),
            Written::No { .. } => Ok(Created::Already),
        }
    }

    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        match write(self, &Address::object(uri)?, body, Condition::Version(etag)).await? {
            Written::Yes(etag) => Ok(Swapped::Yes(etag)),
            Written::No { doubt: false } => Ok(Swapped::No),
            Written::No { doubt: true } => Err(StoreError::Unknown {
                uri: uri.clone(),
                source: "another version stands there, perhaps from this very write, whose first reply was lost".into(),
            }),
        }
    }

    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        let at = Address::object(uri)?;
        let put = self.client_for(body.len() as u64).put_object().bucket(&at.bucket).key(&at.key);
        // A browser shows what is called a page, and downloads what is not.
        let kind = at.key.ends_with(".html").then(|| "text/html; charset=utf-8".to_owned());
        put.set_content_type(kind).body(ByteStream::from(body.to_vec())).send().await.map_err(|e| named(&at, e))?;
        Ok(())
    }

    async fn put_pages(&self, uri: &Uri, pages: &mut (dyn Iterator<Item = Vec<u8>> + Send)) -> Result<(), StoreError> {
        pages::put(self, &Address::object(uri)?, pages).await
    }

    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        list::list(&self.client, &Address::prefix(prefix)?).await
    }

    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        copy::copy(self, &Address::object(from)?, &Address::object(to)?).await?;
        Ok(None)
    }

    async fn copy_range(&self, from: &Uri, range: Range<u64>, to: &Uri) -> Result<Option<String>, StoreError> {
        copy::copy_range(self, &Address::object(from)?, range, &Address::object(to)?).await?;
        Ok(None)
    }

    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        let at = Address::object(uri)?;
        let deleted = self.client.delete_object().bucket(&at.bucket).key(&at.key).send().await;
        match deleted.map_err(|e| named(&at, e)) {
            Ok(_) | Err(StoreError::NotFound(_)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        download::download(self, &Address::object(uri)?, etag, to).await
    }

    async fn download_range(&self, uri: &Uri, etag: &str, range: Range<u64>, to: &Path) -> Result<(), StoreError> {
        download::range(self, &Address::object(uri)?, etag, range, to).await
    }

    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        upload::upload(self, from, &Address::object(to)?).await
    }
}

/// In whole seconds, as S3 keeps it; 0 where the answer does not name it.
fn modified_ms(at: Option<&DateTime>) -> u64 {
    at.and_then(|at| u64::try_from(at.secs()).ok()).map_or(0, |secs| secs.saturating_mul(1000))
}

fn unquoted(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// A body that broke off.
fn interrupted(at: &Address, e: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Transient { uri: at.uri.clone(), what: "the object's body broke off".to_owned(), source: e.into() }
}

/// The SDK retries until an answer begins; this retries when its body breaks off.
async fn retried<T, F>(mut act: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut n = 0;
    loop {
        match act().await {
            Err(StoreError::Transient { .. }) if n + 1 < TRIES => pause(n).await,
            other => return other,
        }
        n += 1;
    }
}
