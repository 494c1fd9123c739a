//! Text in another encoding becomes UTF-8 while it streams. A byte order mark outranks a declaration. Bytes that
//! are no text end the file with their place.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use std::fmt;
use std::io::{self, Read};

const RAW_BYTES: usize = 64 << 10;

/// The encoding of a label; none for UTF-8, which is not decoded.
pub fn of(label: Option<&str>) -> Result<Option<&'static Encoding>, String> {
    let Some(label) = label else { return Ok(None) };
    match Encoding::for_label(label.as_bytes()) {
        Some(encoding) if encoding == UTF_8 => Ok(None),
        Some(encoding) => Ok(Some(encoding)),
        None => Err(format!("there is no encoding `{label}`")),
    }
}

/// Where decoding ended.
#[derive(Debug)]
pub struct Undecodable {
    encoding: &'static str,
    line: u64,
    byte: u64,
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoding, line, byte } = self;
        write!(f, "line {line}: what stands at byte {byte} is no {encoding}")
    }
}

impl std::error::Error for Undecodable {}

pub struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    from: usize,
    filled: usize,
    /// Of `inner`, before `raw[from]`.
    passed: u64,
    lines: u64,
    /// `inner` has no more.
    dry: bool,
    done: bool,
    out: Vec<u8>,
    out_from: usize,
}

impl<R: Read> Decoded<R> {
    pub fn new(inner: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder();
        let raw = vec![0; RAW_BYTES];
        let (from, filled, passed, lines, out_from) = (0, 0, 0, 0, 0);
        let (dry, done, out) = (false, false, Vec::new());
        Self { inner, decoder, raw, from, filled, passed, lines, dry, done, out, out_from }
    }

    fn refill(&mut self) -> io::Result<()> {
        if self.from == self.filled && !self.dry {
            self.filled = self.inner.read(&mut self.raw)?;
            self.from = 0;
            self.dry = self.filled == 0;
        }
        self.out.resize(RAW_BYTES * 3, 0);
        self.out_from = 0;
        let raw = &self.raw[self.from..self.filled];
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(raw, &mut self.out, self.dry);
        self.out.truncate(written);
        self.lines += memchr::memchr_iter(b'\n', &self.out).count() as u64;
        self.from += read;
        self.passed += read as u64;
        match result {
            DecoderResult::InputEmpty => self.done = self.dry,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(bytes, after) => {
                let byte = self.passed.saturating_sub(u64::from(bytes) + u64::from(after));
                let place = Undecodable { encoding: self.decoder.encoding().name(), line: self.lines + 1, byte };
                return Err(io::Error::new(io::ErrorKind::InvalidData, place));
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while self.out_from == self.out.len() && !self.done {
            self.refill()?;
        }
        let n = space.len().min(self.out.len() - self.out_from);
        space[..n].copy_from_slice(&self.out[self.out_from..self.out_from + n]);
        self.out_from += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(label: &str, bytes: &[u8], expected: &str) {
        let encoding = of(Some(label)).expect("a label").expect("not UTF-8");
        let mut text = String::new();
        Decoded::new(bytes, encoding).read_to_string(&mut text).expect("decoded");
        assert_eq!(text, expected, "{label}");
    }

    #[test]
    fn labels() {
        check("windows-1252", b"K\xf6ln \x80", "Köln €");
        check("latin1", b"K\xf6ln", "Köln");
        check("iso-8859-15", b"\xa4", "€");
        check("utf-16", b"\xff\xfea\0\xe9\0\n\0", "aé\n");
        check("utf-16be", b"\xfe\xff\0a\0\xe9", "aé");
        check("utf-16", b"\xfe\xff\0a", "a");
        check("windows-1252", b"\xef\xbb\xbf\xc3\xa4", "ä");
        check("shift_jis", b"\x93\xfa", "日");
        assert!(of(Some("klingon")).is_err());
        assert_eq!(of(Some("utf8")), Ok(None));
    }

    #[test]
    fn long_texts_are_decoded_across_buffers() {
        let text = "ä€x\n".repeat(100_000);
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        check("utf-16le", &bytes, &text);
    }

    #[test]
    fn what_is_no_text_is_reported_with_its_place() {
        let encoding = of(Some("euc-kr")).expect("a label").expect("not UTF-8");
        let error =
            Decoded::new(&b"ok\nx\xff\n"[..], encoding).read_to_string(&mut String::new()).expect_err("refused");
        assert_eq!(error.to_string(), "line 2: what stands at byte 4 is no EUC-KR");
    }
}
