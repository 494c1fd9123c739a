//! The row check: text files are read once before the engine reads them, and every row that is not what the
//! pipeline declares is told with file, line, byte, column and reason. What is accepted is what the engine yields.

pub mod csv;
pub mod field;
pub mod keep;
pub mod ndjson;
pub mod source;
pub mod split;
pub mod temporal;

use crate::failure::{Outcome, cannot_write};
use spotmill_core::item::RejectedRow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Stands for NULL in a copy of a single column, where an empty line would be no row.
pub const NULL_MARK: &str = "\u{1}NULL\u{1}";

/// Bytes of a rejected row that are kept.
const MAX_RAW_BYTES: usize = 64 << 10;

/// What the check of one file found.
#[derive(Debug, Default)]
pub struct Checked {
    /// The file with the accepted rows, in the form the engine reads.
    pub read: PathBuf,
    pub rows: u64,
    pub rejected: u64,
}

/// What is wrong with a row.
#[derive(Debug)]
pub struct Bad {
    pub column: Option<String>,
    pub kind: &'static str,
    pub reason: String,
}

impl Bad {
    pub fn new(kind: &'static str, reason: impl Into<String>) -> Self {
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
        let row =
            RejectedRow { file: file.display().to_string(), line, byte, column, kind: kind.to_owned(), reason, raw };
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

/// Where the first row begins: after a byte order mark.
pub fn start(text: &[u8]) -> usize {
    if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

/// `text` cut to `max` characters.
pub fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let head: String = text.chars().take(max).collect();
    format!("{head}…")
}

/// A CSV field in quotes.
pub fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// In quotes if the engine would otherwise read something else.
pub fn quote_if_needed(text: &[u8], out: &mut Vec<u8>) {
    if text.iter().any(|b| matches!(b, b'"' | b',' | b'\r' | b'\n')) {
        quote(text, out);
    } else {
        out.extend_from_slice(text);
    }
}

/// Rows of a file that we wrote ourselves: lines, or CSV rows whose quoted fields may hold line ends.
pub fn count(source: &mut source::Source, header: bool, columns: usize, quotes: bool) -> Outcome<u64> {
    let mut buffer = vec![0u8; 1 << 20];
    let (mut rows, mut inside, mut pending) = (0u64, false, false);
    loop {
        let n = source.fill(&mut buffer)?;
        for byte in &buffer[..n] {
            match byte {
                b'"' if quotes => {
                    inside = !inside;
                    pending = true;
                }
                b'\n' if !inside => {
                    rows += u64::from(pending || columns == 1);
                    pending = false;
                }
                _ => pending = true,
            }
        }
        if n < buffer.len() {
            rows += u64::from(pending);
            return Ok(rows.saturating_sub(u64::from(header)));
        }
    }
}
