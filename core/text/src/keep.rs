//! The copy the engine reads instead of the original: made when the original is compressed or in another encoding, has
//! rows that the engine would read otherwise than RFC 4180, or more gaps between its rows than a copy costs. Where none
//! of that is so, nothing is written.

use crate::failure::{Outcome, cannot_read, cannot_write};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

pub struct Keep {
    original: PathBuf,
    copy: PathBuf,
    out: Option<BufWriter<File>>,
}

impl Keep {
    /// `always`: the original cannot be read as it lies there.
    pub fn new(original: &Path, copy: PathBuf, always: bool) -> Outcome<Self> {
        let mut keep = Self { original: original.to_owned(), copy, out: None };
        if always {
            keep.out = Some(keep.create()?);
        }
        Ok(keep)
    }

    fn create(&self) -> Outcome<BufWriter<File>> {
        let file = File::create(&self.copy).map_err(|e| cannot_write(&self.copy, &e))?;
        Ok(BufWriter::with_capacity(1 << 20, file))
    }

    pub fn copying(&self) -> bool {
        self.out.is_some()
    }

    /// From here on the original does not serve; its first `bytes` do.
    pub fn begin(&mut self, bytes: u64) -> Outcome<()> {
        if self.out.is_some() {
            return Ok(());
        }
        let mut out = self.create()?;
        let file = File::open(&self.original).map_err(|e| cannot_read(&self.original, &e))?;
        std::io::copy(&mut file.take(bytes), &mut out).map_err(|e| cannot_write(&self.copy, &e))?;
        self.out = Some(out);
        Ok(())
    }

    pub fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        match &mut self.out {
            Some(out) => out.write_all(bytes).map_err(|e| cannot_write(&self.copy, &e)),
            None => Ok(()),
        }
    }

    /// The file to read.
    pub fn finish(self) -> Outcome<PathBuf> {
        match self.out {
            Some(mut out) => {
                out.flush().map_err(|e| cannot_write(&self.copy, &e))?;
                Ok(self.copy)
            }
            None => Ok(self.original),
        }
    }
}
