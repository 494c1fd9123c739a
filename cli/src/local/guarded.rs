//! A store whose writes stop when this execution may have been overtaken: before each, its presence must have been
//! renewed not long ago. Reads go through.

use super::presence::Presence;
use async_trait::async_trait;
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Created, Hold, Object, ObjectMeta, Store, StoreError, Swapped};
use std::path::Path;
use std::sync::Arc;

pub struct Guarded {
    pub store: Arc<dyn Store>,
    pub presence: Arc<Presence>,
}

impl Guarded {
    async fn may_write(&self, uri: &Uri) -> Result<(), StoreError> {
        match self.presence.may_write().await {
            true => Ok(()),
            false => Err(StoreError::Transient {
                uri: uri.clone(),
                what: "not written, because this machine could not show in time that it is still there".to_owned(),
                source: "another machine may have the run".into(),
            }),
        }
    }
}

#[async_trait]
impl Store for Guarded {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        self.store.get(uri).await
    }

    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        self.store.get_range(uri, from, to).await
    }

    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.store.head(uri).await
    }

    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        self.may_write(uri).await?;
        self.store.create(uri, body).await
    }

    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        self.may_write(uri).await?;
        self.store.swap(uri, etag, body).await
    }

    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.may_write(uri).await?;
        self.store.put(uri, body).await
    }

    async fn put_pages(&self, uri: &Uri, pages: &mut (dyn Iterator<Item = Vec<u8>> + Send)) -> Result<(), StoreError> {
        self.may_write(uri).await?;
        self.store.put_pages(uri, pages).await
    }

    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        self.store.list(prefix).await
    }

    async fn real(&self, location: &Uri) -> Result<Uri, StoreError> {
        self.store.real(location).await
    }

    async fn links(&self, prefix: &Uri) -> Result<Vec<(Uri, Uri)>, StoreError> {
        self.store.links(prefix).await
    }

    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.may_write(to).await?;
        self.store.copy(from, to).await
    }

    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        self.may_write(to).await?;
        self.store.copy_range(from, range, to).await
    }

    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.may_write(uri).await?;
        self.store.delete(uri).await
    }

    async fn flush(&self, location: &Uri) -> Result<(), StoreError> {
        self.store.flush(location).await
    }

    async fn hold(&self, location: &Uri) -> Result<Hold, StoreError> {
        self.store.hold(location).await
    }

    async fn sweep(&self, location: &Uri) -> Result<usize, StoreError> {
        self.store.sweep(location).await
    }

    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        self.store.download(uri, etag, to).await
    }

    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        self.store.download_range(uri, etag, range, to).await
    }

    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        self.may_write(to).await?;
        self.store.upload(from, to).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::presence::Rhythm;
    use super::*;
    use spotmill_core::digest::Content;
    use spotmill_core::ids::ExecutionId;
    use spotmill_platform::routed::RoutedStore;

    #[tokio::test]
    async fn a_copy_names_what_was_copied() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = Uri::new(dir.path().to_string_lossy());
        let store: Arc<dyn Store> = Arc::new(RoutedStore::new());
        let id = ExecutionId::new("local:a");
        let begun = Presence::begin(Arc::clone(&store), &root.join("state"), &id, Rhythm::ORDINARY, 1).await;
        let guarded = Guarded { store, presence: begun.expect("begun") };
        guarded.put(&root.join("from"), b"x,1\n").await.expect("put");
        let mut content = Content::default();
        content.update(b"x,1\n");
        let copied = guarded.copy(&root.join("from"), &root.join("to")).await.expect("copy");
        assert_eq!(copied, Some(content.hex()), "whoever publishes compares it with what was committed");
    }
}
