//! Objects elsewhere: `s3://` names in a directory, behind a line on which an operation may hang.

use async_trait::async_trait;
use spotmill_core::ids::Uri;
use spotmill_platform::local::LocalStore;
use spotmill_platform::ports::{Created, Object, ObjectMeta, Store, StoreError, Swapped};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Away {
    local: LocalStore,
    /// Where `s3://` is.
    directory: Uri,
    /// An operation that never answers: `download`, `upload`, `create`.
    hanging: Option<&'static str>,
    met: AtomicBool,
}

impl Away {
    pub fn new(directory: &Path, hanging: Option<&'static str>) -> Away {
        let directory = Uri::new(directory.to_string_lossy());
        Away { local: LocalStore::new(), directory, hanging, met: AtomicBool::new(false) }
    }

    /// Somebody waits for the answer that never comes.
    pub fn hangs(&self) -> bool {
        self.met.load(Ordering::SeqCst)
    }

    fn to(&self, uri: &Uri) -> Uri {
        uri.as_str().strip_prefix("s3://").map_or_else(|| uri.clone(), |rest| self.directory.join(rest))
    }

    fn back(&self, uri: &Uri) -> Uri {
        let below = uri.as_str().strip_prefix(self.directory.as_str());
        below.map_or_else(|| uri.clone(), |rest| Uri::new(format!("s3:/{rest}")))
    }

    async fn pass(&self, operation: &'static str) {
        if self.hanging == Some(operation) {
            self.met.store(true, Ordering::SeqCst);
            std::future::pending().await
        }
    }
}

#[async_trait]
impl Store for Away {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        self.local.get(&self.to(uri)).await
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.local.get_range(&self.to(uri), from, to).await
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        let meta = self.local.head(&self.to(uri)).await?;
        Ok(ObjectMeta { uri: uri.clone(), ..meta })
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.pass("create").await;
        self.local.create(&self.to(uri), body).await
    }
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        self.local.swap(&self.to(uri), etag, body).await
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.local.put(&self.to(uri), body).await
    }
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut listed = self.local.list(&self.to(prefix)).await?;
        for meta in &mut listed {
            meta.uri = self.back(&meta.uri);
        }
        Ok(listed)
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.local.copy(&self.to(from), &self.to(to)).await
    }
    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        self.local.copy_range(&self.to(from), range, &self.to(to)).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.local.delete(&self.to(uri)).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.pass("download").await;
        self.local.download(&self.to(uri), etag, to).await
    }
    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        self.pass("download").await;
        self.local.download_range(&self.to(uri), etag, range, to).await
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.pass("upload").await;
        self.local.upload(from, &self.to(to)).await
    }
}
