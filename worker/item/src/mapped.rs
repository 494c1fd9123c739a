//! A file as memory.

use crate::failure::{Outcome, cannot_read, engine_failure};
use polars::polars_utils::mmap::MMapSemaphore;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

#[derive(Clone)]
pub struct Mapped(Option<Arc<MMapSemaphore>>);

impl Mapped {
    pub fn open(path: &Path) -> Outcome<Self> {
        let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
        let bytes = file.metadata().map_err(|e| cannot_read(path, &e))?.len();
        if bytes == 0 {
            // An empty file cannot be mapped.
            return Ok(Self(None));
        }
        let as_failure = |e| engine_failure(&e, &format!("cannot read {}", path.display()));
        Ok(Self(Some(Arc::new(MMapSemaphore::new_from_file(&file).map_err(as_failure)?))))
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |mapped| (**mapped).as_ref())
    }
}
