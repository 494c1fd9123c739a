//! Temporary directories of queries and previews, removed with them.

use crate::failure::{Outcome, cannot_write};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory that is removed with what is in it.
pub struct Below(pub PathBuf);

impl Below {
    pub fn new(parent: &Path, name: &str) -> Outcome<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir(&path).map_err(|e| cannot_write(&path, &e))?;
        Ok(Self(path))
    }
}

impl Drop for Below {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
