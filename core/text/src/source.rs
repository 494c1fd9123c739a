//! Opening a text file as bytes: decompressed and decoded while it streams, without the lines that are no rows, and with
//! the place in the compressed file when it turns out to be corrupt or cut short.

use crate::encoding::{self, Decoded, Undecodable};
use crate::failure::{Outcome, Remedy, bad_data, cannot_read};
use crate::members::{Follows, Kind, Marked, Members};
use crate::tail::WithoutTail;
use spotmill_core::endings;
use spotmill_core::item::ItemFailure;
use spotmill_core::model::{Compression, Format, Read as Reading};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Less than a reader's free space, so that a plain file passes the buffer by.
const READ_BYTES: usize = 128 << 10;

/// The compression that a file has, by what the pipeline states and by its name.
pub fn compression(path: &Path, declared: Compression) -> Compression {
    match declared {
        Compression::Auto => endings::of(&path.to_string_lossy()).compression,
        other => other,
    }
}

/// The bytes of a file as UTF-8.
pub struct Source {
    path: PathBuf,
    reader: Box<dyn Read>,
    consumed: Rc<Cell<u64>>,
    compressed: bool,
    /// Only a beginning is there: what is cut off is no fault, and the row in which it ends is none.
    pub beginning: bool,
    /// Places in what is read are not those of the file, so that it cannot be read as it lies there.
    pub changed: bool,
    /// Where further members of gzip, or frames of zstd, begin in the decompressed file.
    pub begins: Rc<RefCell<Vec<u64>>>,
    /// Of the first byte, in the decompressed and decoded file.
    pub line: u64,
    pub byte: u64,
}

impl Source {
    pub fn open(path: &Path, read: &Reading) -> Outcome<Self> {
        let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
        Self::over(path, Box::new(BufReader::with_capacity(READ_BYTES, file)), read, false)
    }

    /// The first bytes of a file that lies elsewhere, or all of it.
    pub fn beginning(path: &Path, bytes: Vec<u8>, whole: bool, read: &Reading) -> Outcome<Self> {
        Self::over(path, Box::new(io::Cursor::new(bytes)), read, !whole)
    }

    fn over(path: &Path, file: Box<dyn BufRead>, read: &Reading, beginning: bool) -> Outcome<Self> {
        let consumed = Rc::new(Cell::new(0));
        let mut raw = Counted { inner: file, consumed: consumed.clone() };
        let kind = Kind::of(compression(path, read.compression));
        let begins = Rc::<RefCell<Vec<u64>>>::default();
        let head = raw.fill_buf().map_err(|e| cannot_read(path, &e))?;
        foreign(path, kind, head, read)?;
        let reader: Box<dyn Read> = match kind {
            // A compressed file of no bytes holds no rows, like any other empty file.
            _ if head.is_empty() => Box::new(io::empty()),
            Some(kind) => members(path, raw, kind, &begins, read)?,
            None => Box::new(raw),
        };
        let compressed = kind.is_some();
        let path = path.to_owned();
        let (changed, line, byte) = (compressed, 1, 0);
        let mut source = Self { path, reader, consumed, compressed, beginning, changed, begins, line, byte };
        source.unpacked(read)?;
        source.decode(read)?;
        source.trim(read)?;
        Ok(source)
    }

    /// Refuses what is no text once it is unpacked.
    fn unpacked(&mut self, read: &Reading) -> Outcome<()> {
        if !self.compressed {
            return Ok(());
        }
        let mut head = [0; HEAD_BYTES];
        let filled = self.fill(&mut head)?;
        let head = head[..filled].to_vec();
        if let Some(found) = Kind::found(&head).map(Kind::name) {
            let name = self.path.display().to_string();
            return Err(bad_data(&name, format!("{name} is compressed twice: unpacked once it is {found}"))
                .remedy("unpack it once, or deliver it again"));
        }
        unmarked(&self.path, &head, read)?;
        self.wrap(|inner| Box::new(io::Cursor::new(head).chain(inner)));
        Ok(())
    }

    fn decode(&mut self, read: &Reading) -> Outcome<()> {
        let file = self.path.display().to_string();
        let found = encoding::of(read.encoding.as_deref()).map_err(|e| bad_data(&file, e))?;
        if let Some(encoding) = found {
            self.wrap(|inner| Box::new(Decoded::new(inner, encoding)));
            self.changed = true;
        }
        Ok(())
    }

    fn trim(&mut self, read: &Reading) -> Outcome<()> {
        if read.format == Format::Csv && read.skip_rows > 0 {
            self.skip(read.skip_rows)?;
        }
        if read.format == Format::Csv && read.skip_footer > 0 {
            self.wrap(|inner| Box::new(WithoutTail::new(inner, read.skip_footer)));
        }
        Ok(())
    }

    fn wrap(&mut self, around: impl FnOnce(Box<dyn Read>) -> Box<dyn Read>) {
        let inner = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        self.reader = around(inner);
    }

    /// Passes lines that stand before the header.
    fn skip(&mut self, lines: u32) -> Outcome<()> {
        let inner = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        let mut reader = BufReader::with_capacity(READ_BYTES, inner);
        for _ in 0..lines {
            let line = pass_line(&mut reader).map_err(|e| self.broken(&e))?;
            if line.bytes == 0 && self.byte > 0 {
                let (name, there) = (self.path.display().to_string(), self.line - 1);
                return Err(bad_data(
                    &name,
                    format!("{name} has {there} lines, of which `skip_rows` passes {lines} over"),
                )
                .remedy("`skip_rows` counts the lines before the header, or before the first row"));
            }
            if line.returns && !self.beginning {
                return Err(bare_cr(&self.path));
            }
            self.byte += line.bytes;
            self.line += u64::from(line.bytes > 0);
        }
        self.reader = Box::new(reader);
        Ok(())
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
                Err(_) if self.beginning => break,
                Err(e) => return Err(self.broken(&e)),
            }
        }
        Ok(filled)
    }

    fn broken(&self, error: &io::Error) -> ItemFailure {
        let name = self.path.display().to_string();
        if error.kind() == io::ErrorKind::Unsupported && error.get_ref().is_some() {
            return bad_data(&name, format!("{name}: {error}"));
        }
        if let Some(follows) = error.get_ref().and_then(|e| e.downcast_ref::<Follows>()) {
            return bad_data(&name, format!("{name}: {follows}"))
                .remedy("deliver the file again, or cut off what follows; nothing of it was used");
        }
        if let Some(marked) = error.get_ref().and_then(|e| e.downcast_ref::<Marked>()) {
            return bad_data(&name, format!("{name}: {marked}"))
                .remedy("deliver it in one encoding, each part with the end of its last line");
        }
        if let Some(place) = error.get_ref().and_then(|e| e.downcast_ref::<Undecodable>()) {
            return bad_data(&name, format!("{name} {place}")).remedy("set the `encoding` that the file has");
        }
        if !self.compressed || error.raw_os_error().is_some() {
            return cannot_read(&self.path, error);
        }
        let at = self.consumed.get();
        let cut = matches!(error.kind(), io::ErrorKind::UnexpectedEof);
        let what = if cut { "ends in the middle of its compressed data" } else { "is corrupt" };
        bad_data(&name, format!("{name} {what}, after {at} compressed bytes: {error}"))
            .remedy("deliver the file again; nothing of it was used")
    }
}

fn members(
    path: &Path,
    raw: Counted<Box<dyn BufRead>>,
    kind: Kind,
    begins: &Rc<RefCell<Vec<u64>>>,
    read: &Reading,
) -> Outcome<Box<dyn Read>> {
    let utf8 = matches!(encoding::of(read.encoding.as_deref()), Ok(None));
    Ok(Box::new(Members::new(raw, kind, begins.clone(), utf8).map_err(|e| cannot_read(path, &e))?))
}

/// Where the first row begins: after a byte order mark.
pub fn start(text: &[u8]) -> usize {
    if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

/// A line that was passed over.
struct Line {
    bytes: u64,
    /// The file ended within it, and CR stands in it.
    returns: bool,
}

fn pass_line(reader: &mut impl BufRead) -> io::Result<Line> {
    let (mut bytes, mut returns) = (0, false);
    loop {
        let data = reader.fill_buf()?;
        let end = memchr::memchr(b'\n', data).map(|end| end + 1);
        let (used, over) = (end.unwrap_or(data.len()), end.is_some() || data.is_empty());
        returns |= memchr::memchr(b'\r', &data[..used]).is_some();
        reader.consume(used);
        bytes += used as u64;
        if over {
            return Ok(Line { bytes, returns: returns && end.is_none() });
        }
    }
}

/// What to do about lines that end otherwise than in LF or CR LF.
pub(crate) const LINE_ENDS: &str =
    "convert its line ends to LF: `tr '\\r' '\\n'`, or save the file with the line ends of Unix or Windows";

/// What to do about UTF-16 whose encoding is not declared.
pub(crate) const UTF_16: &str =
    "for UTF-16, which has zeros between its letters, set `encoding = \"utf-16le\"` or `\"utf-16be\"` in the input";

/// Lines that end in a bare CR are one line to every reader, or a header without rows.
pub(crate) fn bare_cr(path: &Path) -> ItemFailure {
    let name = path.display().to_string();
    bad_data(&name, format!("{name}: its lines end in CR (\\r) alone")).remedy(LINE_ENDS)
}

/// Beginnings of what is neither text nor compressed text.
const MAGIC: [(&[u8], &str); 6] = [
    (b"BZh", "bzip2"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PAR1", "Parquet"),
    (b"ARROW1\0\0", "Arrow"),
    (b"ORC", "ORC"),
];

/// The first bytes, which show what a file is.
const HEAD_BYTES: usize = 8;

/// Refuses text that states an encoding which nobody declared.
fn unmarked(path: &Path, head: &[u8], read: &Reading) -> Outcome<()> {
    if read.encoding.is_some() || !matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Ok(());
    }
    let name = path.display().to_string();
    Err(bad_data(&name, format!("{name} begins with the byte order mark of UTF-16")).remedy(UTF_16))
}

/// Refuses a file whose first bytes are another kind's than its name, or the pipeline, states.
fn foreign(path: &Path, kind: Option<Kind>, head: &[u8], read: &Reading) -> Outcome<()> {
    let name = path.display().to_string();
    let other = || MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name);
    let found = Kind::found(head).map(Kind::name).or_else(other);
    let expected = kind.map(Kind::name);
    if head.is_empty() || found == expected && found.is_some() {
        return Ok(());
    }
    match (expected, found) {
        // Frames that a reader skips may stand first.
        (Some("zstd"), _) if matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) => Ok(()),
        (Some(expected), Some(found)) => {
            let message = format!("{name} is not {expected}, as its name or `compression` says: it is {found}");
            Err(bad_data(&name, message).remedy("name the file by what it is, or set `compression`"))
        }
        (Some(expected), None) => {
            let shown: String = String::from_utf8_lossy(&head[..head.len().min(40)])
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            let message =
                format!("{name} is not {expected}, as its name or `compression` says: it begins with `{shown}`");
            let remedy = "if it is plain text, set `compression = \"none\"` in the input, or rename the file";
            Err(bad_data(&name, message).remedy(remedy))
        }
        (None, Some(found @ ("gzip" | "zstd"))) => {
            let message = format!("{name} is compressed with {found}, which its name does not say");
            let remedy = format!("set `compression = \"{found}\"` in the input, or name the file so");
            Err(bad_data(&name, message).remedy(remedy))
        }
        // These begin with what may begin a text.
        (None, Some("ORC" | "bzip2" | "Parquet")) if head.is_ascii() => Ok(()),
        (None, Some(found @ ("Parquet" | "Arrow"))) => {
            let remedy = format!("set `format = \"{}\"`", found.to_lowercase());
            Err(bad_data(&name, format!("{name} is {found}, not text")).remedy(remedy))
        }
        (None, Some(found)) => Err(bad_data(&name, format!("{name} is {found}, not text")).remedy("unpack it first")),
        (None, None) => unmarked(path, head, read),
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
