//! Text files, without an engine: how rows and fields are split, what a field's text means, which columns a file
//! seems to have. The row check reads a file once before the engine does, and every row that is not what the pipeline
//! declares, in the columns that are to be checked, is reported with file, line, byte, column and reason; what is
//! accepted is what the engine yields.

pub mod chunks;
pub mod copy;
pub mod count;
pub mod csv;
pub mod encoding;
pub mod failure;
pub mod field;
pub mod guess;
pub mod header;
pub mod infer;
pub mod iso;
pub mod json;
pub mod keep;
mod members;
pub mod ndjson;
pub mod nulls;
pub mod pattern;
pub mod reader;
pub mod rule;
pub mod source;
pub mod split;
mod tail;
pub mod temporal;

use crate::chunks::Chunk;
use crate::failure::{Outcome, cannot_write};
use crate::reader::Reading;
use crate::split::Grammar;
use spotmill_core::item::RejectedRow;
use spotmill_core::model::Read;
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

/// How the rows of CSV files are split.
pub fn grammar(read: &Read) -> Result<Reading<'_>, String> {
    let ascii = |what: &str, c: char| match u8::try_from(c) {
        Ok(b) if b.is_ascii() && !matches!(b, b'"' | b'\n' | b'\r' | 0) => Ok(b),
        _ => Err(format!("the {what} {c:?} is not one ASCII character")),
    };
    let separator = ascii("delimiter", read.delimiter)?;
    // A quote that escapes quotes is what RFC 4180 has.
    let escape = read.escape.filter(|c| *c != '"').map(|c| ascii("escape", c)).transpose()?;
    if escape == Some(separator) {
        return Err("`escape` and `delimiter` are one character".to_owned());
    }
    let comment = read.comment.as_deref().filter(|c| !c.is_empty()).map(str::as_bytes);
    Ok(Reading { grammar: Grammar { separator, escape }, comment })
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

/// The text with its control characters written out: a message is one line.
pub fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
