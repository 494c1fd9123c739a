//! One store for a run on this machine whose files lie here or in S3: each location goes where it points. The client of
//! S3 is made when the first location needs it, so that a run without one asks for no credentials. What is copied between
//! the two goes through a file, in little memory.

use crate::aws::store::Spool;
use crate::aws::{Aws, S3Store};
use crate::local::LocalStore;
use crate::ports::{Created, Hold, Object, ObjectMeta, Store, StoreError, Swapped};
use async_trait::async_trait;
use spotmill_core::ids::Uri;
use std::ops::Range;
use std::path::Path;
use tokio::sync::OnceCell;

#[derive(Debug, Default)]
pub struct RoutedStore {
    local: LocalStore,
    s3: OnceCell<S3Store>,
}

impl RoutedStore {
    pub fn new() -> RoutedStore {
        RoutedStore::default()
    }

    /// On a client that was made otherwise.
    pub fn on(s3: S3Store) -> RoutedStore {
        RoutedStore { local: LocalStore::new(), s3: OnceCell::new_with(Some(s3)) }
    }

    /// S3 as the environment describes it, made once.
    pub async fn s3(&self) -> &S3Store {
        self.s3.get_or_init(|| async { Aws::for_store().await.store() }).await
    }

    async fn of(&self, uri: &Uri) -> &dyn Store {
        if uri.is_s3() { self.s3().await } else { &self.local }
    }
}

#[async_trait]
impl Store for RoutedStore {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        self.of(uri).await.get(uri).await
    }

    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.of(uri).await.get_range(uri, from, to).await
    }

    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.of(uri).await.head(uri).await
    }

    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.of(uri).await.create(uri, body).await
    }

    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        self.of(uri).await.swap(uri, etag, body).await
    }

    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.of(uri).await.put(uri, body).await
    }

    async fn put_pages(&self, uri: &Uri, pages: &mut (dyn Iterator<Item = Vec<u8>> + Send)) -> Result<(), StoreError> {
        self.of(uri).await.put_pages(uri, pages).await
    }

    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        self.of(prefix).await.list(prefix).await
    }

    async fn real(&self, location: &Uri) -> Result<Uri, StoreError> {
        self.of(location).await.real(location).await
    }

    async fn links(&self, prefix: &Uri) -> Result<Vec<(Uri, Uri)>, StoreError> {
        self.of(prefix).await.links(prefix).await
    }

    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        match (from.is_s3(), to.is_s3()) {
            (false, true) => {
                // An error of the source names the source.
                self.local.head(from).await?;
                self.s3().await.upload(Path::new(from.as_str()), to).await?;
                Ok(None)
            }
            (true, false) => self.brought(from, to).await.map(Some),
            _ => self.of(from).await.copy(from, to).await,
        }
    }

    async fn copy_range(&self, from: &Uri, range: Range<u64>, to: &Uri) -> Result<Option<String>, StoreError> {
        if from.is_s3() == to.is_s3() {
            return self.of(from).await.copy_range(from, range, to).await;
        }
        let spool = Spool::new();
        let etag = self.head(from).await?.etag;
        self.download_range(from, &etag, range, &spool.0).await?;
        match to.is_s3() {
            true => self.s3().await.upload(&spool.0, to).await.map(|()| None),
            false => self.local.copy_file(spool.0.clone(), None, to).await.map(Some),
        }
    }

    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.of(uri).await.delete(uri).await
    }

    async fn flush(&self, location: &Uri) -> Result<(), StoreError> {
        self.of(location).await.flush(location).await
    }

    async fn hold(&self, location: &Uri) -> Result<Hold, StoreError> {
        self.of(location).await.hold(location).await
    }

    async fn sweep(&self, location: &Uri) -> Result<usize, StoreError> {
        self.of(location).await.sweep(location).await
    }

    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.of(uri).await.download(uri, etag, to).await
    }

    async fn download_range(&self, uri: &Uri, etag: &str, range: Range<u64>, to: &Path) -> Result<(), StoreError> {
        self.of(uri).await.download_range(uri, etag, range, to).await
    }

    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.of(to).await.upload(from, to).await
    }
}

impl RoutedStore {
    /// From S3 to a file that stands whole or not at all.
    async fn brought(&self, from: &Uri, to: &Uri) -> Result<String, StoreError> {
        let spool = Spool::new();
        self.s3().await.download_present(from, &spool.0).await?;
        self.local.copy_file(spool.0.clone(), None, to).await
    }
}
