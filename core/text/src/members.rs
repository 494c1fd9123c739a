//! The members of a compressed file as one text, as `cat a.gz b.gz` makes them, with the places where they begin: of
//! zstd these are its frames. Zeros after the last one fill a block of a tape or a disk, and are passed; anything else
//! that is no member is refused.

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
}

impl<R: BufRead> Members<R> {
    pub fn new(file: R, kind: Kind, begins: Rc<RefCell<Vec<u64>>>) -> io::Result<Self> {
        Ok(Self { kind, member: Some(Member::new(file, kind)?), passed: 0, begins })
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
        while let Some(member) = &mut self.member {
            let n = member.read(space)?;
            if n > 0 || space.is_empty() {
                self.passed += n as u64;
                return Ok(n);
            }
            let Some(mut file) = self.member.take().map(Member::into_inner) else { break };
            match file.fill_buf()?.first() {
                None => {}
                Some(first) if self.kind.begins_with(*first) => {
                    self.begins.borrow_mut().push(self.passed);
                    self.member = Some(Member::new(file, self.kind)?);
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
