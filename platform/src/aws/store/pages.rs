//! An object that comes in pages: to a file of this machine first, so that it is never whole in memory and nothing is
//! sent of what could not be made. The file is removed whatever happens.

use super::address::Address;
use super::{S3Store, upload};
use crate::ports::StoreError;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncWriteExt;

type Pages<'a> = &'a mut (dyn Iterator<Item = Vec<u8>> + Send);

pub async fn put(store: &S3Store, at: &Address, pages: Pages<'_>) -> Result<(), StoreError> {
    let spool = Spool::new();
    if let Err(e) = spool.fill(pages).await {
        let what = format!("its pages cannot be kept in {} until they are sent", spool.0.display());
        return Err(StoreError::Broken { uri: at.uri.clone(), what, source: e.into() });
    }
    upload::upload(store, &spool.0, at).await
}

/// A file among the system's temporary ones, removed with this.
pub(crate) struct Spool(pub(crate) PathBuf);

impl Spool {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("spotmill-pages-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    async fn fill(&self, pages: Pages<'_>) -> std::io::Result<()> {
        let path: &Path = &self.0;
        let mut file = tokio::fs::File::create(path).await?;
        for page in pages {
            file.write_all(&page).await?;
        }
        file.flush().await
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
