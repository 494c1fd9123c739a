//! A store and a queue behind a line: each request takes a time of the clock that tokio keeps, which stands still while
//! anything computes and leaps while all wait. So what a function waits for is known exactly, and no test waits for it.

use async_trait::async_trait;
use spotmill_core::ids::Uri;
use spotmill_platform::ports::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// About twice what S3 and SQS take within a region, at the median.
const GET: Duration = Duration::from_millis(50);
const PUT: Duration = Duration::from_millis(100);
const LIST: Duration = Duration::from_millis(200);
const SEND: Duration = Duration::from_millis(50);
/// Of one listing.
const KEYS: usize = 1_000;
/// What a function's line brings in a second, shared by nobody.
const BYTES_PER_SEC: f64 = 60e6;

/// What was asked over the line.
#[derive(Default)]
pub struct Meter {
    pub requests: AtomicU64,
}

impl Meter {
    async fn take(&self, requests: usize, each: Duration, bytes: usize) {
        self.requests.fetch_add(requests as u64, Ordering::SeqCst);
        sleep(each * requests as u32 + Duration::from_secs_f64(bytes as f64 / BYTES_PER_SEC)).await;
    }
}

pub struct Slow<T> {
    pub inner: Arc<T>,
    pub meter: Arc<Meter>,
}

/// The time of tokio's clock, as one of the wall.
pub struct Virtual(pub Instant);

impl Clock for Virtual {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000 + u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

#[async_trait]
impl<T: Store> Store for Slow<T> {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        let got = self.inner.get(uri).await;
        self.meter.take(1, GET, got.as_ref().map_or(0, |object| object.body.len())).await;
        got
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        let got = self.inner.get_range(uri, from, to).await;
        self.meter.take(1, GET, got.as_ref().map_or(0, Vec::len)).await;
        got
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.meter.take(1, GET, 0).await;
        self.inner.head(uri).await
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.meter.take(1, PUT, body.len()).await;
        self.inner.create(uri, body).await
    }
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        self.meter.take(1, PUT, body.len()).await;
        self.inner.swap(uri, etag, body).await
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.meter.take(1, PUT, body.len()).await;
        self.inner.put(uri, body).await
    }
    /// A page is a part of an upload.
    async fn put_pages(&self, uri: &Uri, pages: &mut (dyn Iterator<Item = Vec<u8>> + Send)) -> Result<(), StoreError> {
        let (mut parts, mut bytes) = (2, 0);
        let mut counted = pages.inspect(|page| (parts, bytes) = (parts + 1, bytes + page.len()));
        self.inner.put_pages(uri, &mut counted).await?;
        self.meter.take(parts, PUT, bytes).await;
        Ok(())
    }
    /// A page of keys after another.
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        let listed = self.inner.list(prefix).await?;
        self.meter.take(listed.len().div_ceil(KEYS).max(1), LIST, listed.len() * 300).await;
        Ok(listed)
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.meter.take(1, PUT, 0).await;
        self.inner.copy(from, to).await
    }
    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        self.meter.take(1, PUT, 0).await;
        self.inner.copy_range(from, range, to).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.meter.take(1, PUT, 0).await;
        self.inner.delete(uri).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.meter.take(1, GET, 0).await;
        self.inner.download(uri, etag, to).await
    }
    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        self.meter.take(1, GET, 0).await;
        self.inner.download_range(uri, etag, range, to).await
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.meter.take(1, PUT, 0).await;
        self.inner.upload(from, to).await
    }
}

#[async_trait]
impl<T: Queue> Queue for Slow<T> {
    async fn create(&self, queue: &str) -> Result<(), QueueError> {
        self.meter.take(1, PUT, 0).await;
        self.inner.create(queue).await
    }
    async fn remove(&self, queue: &str) -> Result<(), QueueError> {
        self.meter.take(1, PUT, 0).await;
        self.inner.remove(queue).await
    }
    async fn send(&self, queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
        self.meter.take(1, SEND, bodies.iter().map(String::len).sum()).await;
        self.inner.send(queue, bodies).await
    }
    async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
        long: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        self.inner.receive(queue, most, wait, long).await
    }
    async fn extend(&self, queue: &str, receipt: &str, long: Duration) -> Result<(), QueueError> {
        self.inner.extend(queue, receipt, long).await
    }
    async fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        self.inner.delete(queue, receipt).await
    }
}
