//! Cutting CSV files into chunks at line ends outside of quotes, and counting lines on the way: what reads a chunk
//! then knows how many rows it must find there. A line is what the engine calls one; whether it is a good row is not
//! asked here.

use crate::failure::{Outcome, cannot_read, engine_failure};
use crate::rows;
use polars::polars_utils::mmap::MMapSemaphore;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A chunk and its rows about fill the cache of one core. Each costs the engine half a millisecond on its way through a
/// plan with partitions, so that smaller ones are slower; larger ones were not faster with two processes at once.
const CHUNK_BYTES: usize = 1 << 20;

/// A file as memory.
#[derive(Clone)]
pub struct Mapped(Option<Arc<MMapSemaphore>>);

impl Mapped {
    pub fn open(path: &Path) -> Outcome<Self> {
        let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
        let bytes = file.metadata().map_err(|e| cannot_read(path, &e))?.len();
        if bytes == 0 {
            // Nothing cannot be mapped.
            return Ok(Self(None));
        }
        let told = |e| engine_failure(&e, &format!("cannot read {}", path.display()));
        Ok(Self(Some(Arc::new(MMapSemaphore::new_from_file(&file).map_err(told)?))))
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |mapped| (**mapped).as_ref())
    }
}

/// Whole lines of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub from: usize,
    pub to: usize,
    pub lines: usize,
}

/// A file's lines in chunks.
pub struct Cut {
    pub chunks: Vec<Chunk>,
    /// The last quote was never closed: where lines end is a guess.
    pub open: bool,
}

impl Cut {
    pub fn lines(&self) -> u64 {
        self.chunks.iter().map(|c| c.lines as u64).sum()
    }
}

/// The lines of a file, without its header.
pub fn cut(text: &[u8], header: bool) -> Cut {
    cut_by(text, header, CHUNK_BYTES)
}

fn cut_by(text: &[u8], mut header: bool, chunk_bytes: usize) -> Cut {
    let mut chunks = Vec::new();
    let (mut quoted, mut lines) = (false, 0);
    let mut from = rows::start(text);
    for at in memchr::memchr2_iter(b'"', b'\n', text) {
        // A quote within quotes is written twice, and so changes nothing.
        if text[at] == b'"' {
            quoted = !quoted;
        } else if quoted {
            continue;
        } else if header {
            header = matches!(&text[from..at], b"" | b"\r");
            from = at + 1;
        } else {
            lines += 1;
            if at - from >= chunk_bytes {
                chunks.push(Chunk { from, to: at + 1, lines });
                (from, lines) = (at + 1, 0);
            }
        }
    }
    // A last line needs no end.
    if from < text.len() && !header {
        lines += usize::from(text.last() != Some(&b'\n'));
        chunks.push(Chunk { from, to: text.len(), lines });
    }
    Cut { chunks, open: quoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks as `from..to:lines`.
    #[track_caller]
    fn check(text: &[u8], header: bool, chunk_bytes: usize, expected: &str) {
        let cut = cut_by(text, header, chunk_bytes);
        let shown: Vec<_> = cut.chunks.iter().map(|c| format!("{}..{}:{}", c.from, c.to, c.lines)).collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn lines_are_counted_whether_the_last_one_ends_or_not() {
        check(b"", false, 64, "");
        check(b"a", false, 64, "0..1:1");
        check(b"a,b\nc,d\n", false, 64, "0..8:2");
        check(b"a,b\nc,d", false, 64, "0..7:2");
    }

    #[test]
    fn a_line_that_ends_within_quotes_is_no_line() {
        check(b"a,\"b\nc\"\nd\n", false, 64, "0..10:2");
        check(b"\"a\"\"\n\"\"b\"\n\"\"\n", false, 64, "0..13:2");
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told() {
        assert!(cut(b"5\" pipe,1\nb,2\n", false).open && cut(b"a,\"b\n", false).open);
        assert!(!cut(b"a,\"b \"\"c\"\"\"\n", false).open);
    }

    #[test]
    fn chunks_end_where_lines_do() {
        check(b"a\nb\nc\nd", false, 3, "0..4:2 4..7:2");
        check(b"\"a\nb\"\nc\n", false, 1, "0..6:1 6..8:1");
        check(b"\xef\xbb\xbfa\nb\n", false, 1, "3..5:1 5..7:1");
    }

    #[test]
    fn a_header_and_blank_lines_before_it_are_left_out() {
        check(b"h\n1\n", true, 64, "2..4:1");
        check(b"\n\r\n\"h\nh\"\r\n1\n", true, 64, "10..12:1");
        check(b"h", true, 64, "");
        check(b"h\n", true, 64, "");
    }
}
