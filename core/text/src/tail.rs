//! Leaves the last lines out of a stream: a row of totals is recognised as the last only when nothing follows it. Blank
//! lines at the end do not count. Lines are those of the file, whatever quotes stand in them.

use std::io::{self, Read};

const STEP_BYTES: usize = 256 << 10;

pub struct WithoutTail<R> {
    inner: R,
    lines: usize,
    /// Read and not given out.
    held: Vec<u8>,
    from: usize,
    /// What may be given out of `held`.
    free: usize,
    dry: bool,
    /// Something was given out.
    any: bool,
}

impl<R: Read> WithoutTail<R> {
    pub fn new(inner: R, lines: u32) -> Self {
        Self { inner, lines: lines as usize, held: Vec::new(), from: 0, free: 0, dry: false, any: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.held.drain(..self.from);
        (self.from, self.free) = (0, 0);
        let before = self.held.len();
        self.held.resize(before + STEP_BYTES, 0);
        let got = loop {
            match self.inner.read(&mut self.held[before..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.held.truncate(before + got);
        self.dry = got == 0;
        self.free = tail_begins(&self.held, self.lines, self.dry);
        self.any |= self.free > 0;
        if self.dry && !self.any && !self.held.trim_ascii().is_empty() {
            let why = format!("it has no more lines than the {} that `skip_footer` leaves out", self.lines);
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        Ok(())
    }
}

/// Where the last `lines` lines begin that are not blank, with one more where the last may still grow.
fn tail_begins(text: &[u8], lines: usize, whole: bool) -> usize {
    let blank = |line: &[u8]| line.trim_ascii().is_empty();
    let (mut left, mut end) = (lines + usize::from(!whole), text.len());
    while left > 0 && end > 0 {
        let begin = memchr::memrchr(b'\n', &text[..end - 1]).map_or(0, |n| n + 1);
        left -= usize::from(!blank(&text[begin..end]));
        end = begin;
    }
    end
}

impl<R: Read> Read for WithoutTail<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while self.from == self.free && !self.dry {
            self.refill()?;
        }
        let n = space.len().min(self.free - self.from);
        space[..n].copy_from_slice(&self.held[self.from..self.from + n]);
        self.from += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_left_out() {
        let check = |text: &str, lines, expected: &str| {
            let mut out = String::new();
            WithoutTail::new(text.as_bytes(), lines).read_to_string(&mut out).expect("read");
            assert_eq!(out, expected, "{text:?} without {lines}");
        };
        check("a\nb\nTotal\n", 1, "a\nb\n");
        check("a\nb\nTotal", 1, "a\nb\n");
        check("a\nTotal\r\n\r\n\n", 1, "a\n");
        check("\n", 5, "");
        check("", 1, "");
        let long = "row of some length\n".repeat(60_000);
        check(&format!("{long}x\ny\n"), 2, &long);
        let error = WithoutTail::new(&b"a\nb\n"[..], 2).read_to_string(&mut String::new()).expect_err("refused");
        assert!(error.to_string().contains("skip_footer"), "{error}");
    }
}
