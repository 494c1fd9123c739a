//! Opening a text file as bytes: decompressed while it streams, and with the place in the compressed file when it
//! turns out to be corrupt or cut short.

use crate::failure::{Outcome, Remedy, bad_data, cannot_read};
use spotmill_core::item::ItemFailure;
use spotmill_core::model::Compression;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

const READ_BYTES: usize = 1 << 20;

/// The compression that a file has, by what the pipeline says and by its name.
pub fn compression(path: &Path, declared: Compression) -> Compression {
    match declared {
        Compression::Auto => match path.extension().and_then(|e| e.to_str()) {
            Some("gz") => Compression::Gzip,
            Some("zst" | "zstd") => Compression::Zstd,
            _ => Compression::None,
        },
        other => other,
    }
}

/// The decompressed bytes of a file.
pub struct Source {
    path: PathBuf,
    reader: Box<dyn Read>,
    consumed: Rc<Cell<u64>>,
    pub compressed: bool,
}

impl Source {
    pub fn open(path: &Path, declared: Compression) -> Outcome<Self> {
        let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
        let consumed = Rc::new(Cell::new(0));
        let mut raw = Counted { inner: BufReader::with_capacity(READ_BYTES, file), consumed: consumed.clone() };
        let kind = compression(path, declared);
        let head = raw.fill_buf().map_err(|e| cannot_read(path, &e))?;
        if kind == Compression::None && (head.starts_with(&[0x1f, 0x8b]) || head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]))
        {
            let found = if head[0] == 0x1f { "gzip" } else { "zstd" };
            let message = format!("{} is compressed with {found}, which its name does not say", path.display());
            return Err(bad_data(&path.display().to_string(), message)
                .remedy(format!("set `compression = \"{found}\"` in the input, or name the file so")));
        }
        let reader: Box<dyn Read> = match kind {
            // A compressed file of no bytes holds no rows, like any other empty file.
            _ if head.is_empty() => Box::new(io::empty()),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
            Compression::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(raw).map_err(|e| cannot_read(path, &e))?;
                Box::new(decoder)
            }
            Compression::Auto | Compression::None => Box::new(raw),
        };
        Ok(Self { path: path.to_owned(), reader, consumed, compressed: kind != Compression::None })
    }

    /// As many bytes as fit, fewer only at the end.
    pub fn fill(&mut self, mut space: &mut [u8]) -> Outcome<usize> {
        let mut filled = 0;
        while !space.is_empty() {
            match self.reader.read(space) {
                Ok(0) => break,
                Ok(n) => {
                    filled += n;
                    space = &mut space[n..];
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.broken(&e)),
            }
        }
        Ok(filled)
    }

    fn broken(&self, error: &io::Error) -> ItemFailure {
        if !self.compressed || error.raw_os_error().is_some() {
            return cannot_read(&self.path, error);
        }
        let at = self.consumed.get();
        let cut = matches!(error.kind(), io::ErrorKind::UnexpectedEof);
        let what = if cut { "ends in the middle of its compressed data" } else { "is corrupt" };
        bad_data(
            &self.path.display().to_string(),
            format!("{} {what}, after {at} compressed bytes: {error}", self.path.display()),
        )
        .remedy("deliver the file again; nothing of it was used")
    }
}

/// Counts what the decompressor has taken.
struct Counted<R> {
    inner: R,
    consumed: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(space)?;
        self.consumed.set(self.consumed.get() + n as u64);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }
    fn consume(&mut self, n: usize) {
        self.consumed.set(self.consumed.get() + n as u64);
        self.inner.consume(n);
    }
}
