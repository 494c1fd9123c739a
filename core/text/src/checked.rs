//! What the check of a file's rows found: where the accepted ones stand, and the others with their places and reasons.

use crate::chunks::Chunk;
use crate::failure::{Outcome, cannot_write};
use spotmill_core::item::{RejectKind, RejectedRow};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes of a rejected row that are kept.
const MAX_RAW_BYTES: usize = 64 << 10;

/// What the check of one file found.
#[derive(Debug, Default)]
pub struct Checked {
    /// The file with the accepted rows, in the form the engine reads.
    pub read: PathBuf,
    /// Where they stand in it.
    pub chunks: Vec<Chunk>,
    pub rows: u64,
    pub rejected: u64,
}

/// What is wrong with a row.
#[derive(Debug)]
pub struct Bad {
    pub column: Option<String>,
    pub kind: RejectKind,
    pub reason: String,
}

impl Bad {
    pub fn new(kind: RejectKind, reason: impl Into<String>) -> Self {
        Self { column: None, kind, reason: reason.into() }
    }
}

/// Where rejected rows go: to a file, or nowhere when the first one already fails the item.
pub struct Sink {
    pub fails: bool,
    /// The first few, for messages.
    pub first: Vec<RejectedRow>,
    path: PathBuf,
    out: Option<BufWriter<File>>,
}

impl Sink {
    pub fn new(fails: bool, path: PathBuf) -> Self {
        Self { fails, first: Vec::new(), path, out: None }
    }

    #[cold]
    pub fn reject(&mut self, file: &Path, line: u64, byte: u64, bad: Bad, raw: &[u8]) -> Outcome<()> {
        if self.fails && !self.first.is_empty() {
            return Ok(());
        }
        let raw = String::from_utf8_lossy(&raw[..raw.len().min(MAX_RAW_BYTES)]).into_owned();
        let Bad { column, kind, reason } = bad;
        let row = RejectedRow { file: file.display().to_string(), line, byte, column, kind, reason, raw };
        if !self.fails {
            self.write(&row)?;
        }
        if self.first.len() < 3 {
            self.first.push(row);
        }
        Ok(())
    }

    fn write(&mut self, row: &RejectedRow) -> Outcome<()> {
        let out = match &mut self.out {
            Some(out) => out,
            None => {
                let file = File::create(&self.path).map_err(|e| cannot_write(&self.path, &e))?;
                self.out.insert(BufWriter::new(file))
            }
        };
        serde_json::to_writer(&mut *out, row)
            .map_err(std::io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .map_err(|e| cannot_write(&self.path, &e))
    }

    /// The file of rejected rows, if there were any.
    pub fn finish(mut self) -> Outcome<Option<PathBuf>> {
        match self.out.take() {
            Some(mut out) => {
                out.flush().map_err(|e| cannot_write(&self.path, &e))?;
                Ok(Some(self.path))
            }
            None => Ok(None),
        }
    }
}
