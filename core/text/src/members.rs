//! The members of a compressed file as one text, as `cat a.gz b.gz` makes them, with the places where they begin: of
//! zstd these are its frames. A byte order mark before a member's first row says nothing and is passed, as at the file's
//! beginning. Zeros after the last one fill a block of a tape or a disk, and are passed; anything else that is no member
//! is refused.

use flate2::bufread::GzDecoder;
use spotmill_core::model::Compression;
use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Gzip,
    Zstd,
}

enum Member<R: BufRead> {
    Gzip(Box<GzDecoder<R>>),
    Zstd(zstd::stream::read::Decoder<'static, R>),
}

pub struct Members<R: BufRead> {
    kind: Kind,
    /// None after the last.
    member: Option<Member<R>>,
    passed: u64,
    begins: Rc<RefCell<Vec<u64>>>,
    /// The first bytes of a member that were looked at.
    head: Vec<u8>,
    begun: bool,
    /// The mark that the file begins with, and the last bytes that were read.
    mark: Option<Mark>,
    tail: [u8; 2],
    /// The text is UTF-8 by what is declared.
    utf8: bool,
}

/// A byte order mark with the line end of its encoding.
type Mark = (&'static [u8], &'static [u8]);
const UTF_8: Mark = (b"\xef\xbb\xbf", b"\n");
const MARKS: [Mark; 3] = [UTF_8, (b"\xff\xfe", b"\n\0"), (b"\xfe\xff", b"\0\n")];

impl<R: BufRead> Members<R> {
    pub fn new(file: R, kind: Kind, begins: Rc<RefCell<Vec<u64>>>, utf8: bool) -> io::Result<Self> {
        let (head, mark, tail, begun) = (Vec::new(), None, [0; 2], false);
        Ok(Self { kind, member: Some(Member::new(file, kind)?), passed: 0, begins, head, begun, mark, tail, utf8 })
    }

    /// Reads the first bytes of the member.
    fn read_head(&mut self) -> io::Result<()> {
        let Some(member) = &mut self.member else { return Ok(()) };
        let mut space = [0; UTF_8.0.len()];
        while self.head.len() < space.len() {
            let n = member.read(&mut space[self.head.len()..])?;
            if n == 0 {
                break;
            }
            let from = self.head.len();
            self.head.extend_from_slice(&space[from..from + n]);
        }
        Ok(())
    }

    /// A member has begun: the mark of a further one goes where a row begins. In a text of another encoding it is a stranger's.
    fn further(&mut self) -> io::Result<()> {
        self.read_head()?;
        let Some((mark, line_end)) = MARKS.into_iter().find(|(mark, _)| self.head.starts_with(mark)) else {
            return Ok(());
        };
        if self.passed == 0 {
            // The text begins here: whoever decodes it takes the mark.
            self.mark = Some((mark, line_end));
            return Ok(());
        }
        let alike = self.mark.is_some_and(|(first, _)| first == mark) || (self.utf8 && mark == UTF_8.0);
        if !alike || !self.tail.ends_with(line_end) {
            let found = Marked { number: self.begins.borrow().len() + 1, at: self.passed };
            return if alike || mark == UTF_8.0 {
                Err(io::Error::new(io::ErrorKind::InvalidData, found))
            } else {
                Ok(())
            };
        }
        self.head.drain(..mark.len());
        Ok(())
    }

    fn passes(&mut self, bytes: &[u8]) {
        self.passed += bytes.len() as u64;
        for byte in &bytes[bytes.len().saturating_sub(2)..] {
            self.tail = [self.tail[1], *byte];
        }
    }
}

impl<R: BufRead> Member<R> {
    fn new(file: R, kind: Kind) -> io::Result<Self> {
        Ok(match kind {
            Kind::Gzip => Member::Gzip(Box::new(GzDecoder::new(file))),
            Kind::Zstd => Member::Zstd(zstd::stream::read::Decoder::with_buffer(file)?.single_frame()),
        })
    }

    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Member::Gzip(member) => member.read(space),
            Member::Zstd(member) => member.read(space),
        }
    }

    fn into_inner(self) -> R {
        match self {
            Member::Gzip(member) => member.into_inner(),
            Member::Zstd(member) => member.finish(),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.begun, true) {
            self.further()?;
        }
        if !self.head.is_empty() && !space.is_empty() {
            let n = space.len().min(self.head.len());
            space[..n].copy_from_slice(&self.head[..n]);
            self.head.drain(..n);
            self.passes(&space[..n]);
            return Ok(n);
        }
        while let Some(member) = &mut self.member {
            let n = member.read(space)?;
            if n > 0 || space.is_empty() {
                self.passes(&space[..n]);
                return Ok(n);
            }
            let Some(mut file) = self.member.take().map(Member::into_inner) else { break };
            match file.fill_buf()?.first() {
                None => {}
                Some(first) if self.kind.begins_with(*first) => {
                    self.begins.borrow_mut().push(self.passed);
                    self.member = Some(Member::new(file, self.kind)?);
                    self.further()?;
                    if !self.head.is_empty() {
                        return self.read(space);
                    }
                }
                Some(_) => only_zeros(&mut file, self.kind)?,
            }
        }
        Ok(0)
    }
}

impl Kind {
    /// None of what is not compressed.
    pub fn of(compression: Compression) -> Option<Self> {
        match compression {
            Compression::Gzip => Some(Kind::Gzip),
            Compression::Zstd => Some(Kind::Zstd),
            Compression::Auto | Compression::None => None,
        }
    }

    /// The kind whose member begins with these bytes.
    pub fn found(head: &[u8]) -> Option<Self> {
        [Kind::Gzip, Kind::Zstd].into_iter().find(|kind| head.starts_with(kind.magic()))
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Gzip => "gzip",
            Kind::Zstd => "zstd",
        }
    }

    fn magic(self) -> &'static [u8] {
        match self {
            Kind::Gzip => &[0x1f, 0x8b],
            Kind::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        }
    }

    /// Frames of zstd that a reader skips begin with one of sixteen bytes.
    fn begins_with(self, byte: u8) -> bool {
        self.magic().first() == Some(&byte) || matches!((self, byte), (Kind::Zstd, 0x50..=0x5f))
    }
}

/// What follows the last member is neither a member nor zeros.
#[derive(Debug)]
pub struct Follows {
    kind: Kind,
    shown: String,
}

impl fmt::Display for Follows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after its compressed data follows what is no {}: `{}`", self.kind.name(), self.shown)
    }
}

impl std::error::Error for Follows {}

/// A byte order mark within a row, or of another encoding.
#[derive(Debug)]
pub struct Marked {
    number: usize,
    at: u64,
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, at } = self;
        write!(
            f,
            "part {number} of its compressed data, from byte {at} of the text on, begins with a byte order mark, and no row"
        )?;
        f.write_str(" of the text before it ends there")
    }
}

impl std::error::Error for Marked {}

fn only_zeros(file: &mut impl BufRead, kind: Kind) -> io::Result<()> {
    loop {
        let data = file.fill_buf()?;
        if let Some(at) = data.iter().position(|b| *b != 0) {
            let shown = crate::show::printable(&String::from_utf8_lossy(&data[at..data.len().min(at + 40)]));
            return Err(io::Error::new(io::ErrorKind::InvalidData, Follows { kind, shown }));
        }
        let length = data.len();
        if length == 0 {
            return Ok(());
        }
        file.consume(length);
    }
}
