//! The members of a gzip file as one text, as `cat a.gz b.gz` makes them, with the places where they begin.

use flate2::bufread::GzDecoder;
use std::cell::RefCell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

pub struct Members<R> {
    /// None after the last.
    member: Option<GzDecoder<R>>,
    passed: u64,
    begins: Rc<RefCell<Vec<u64>>>,
}

impl<R: BufRead> Members<R> {
    pub fn new(file: R, begins: Rc<RefCell<Vec<u64>>>) -> Self {
        Self { member: Some(GzDecoder::new(file)), passed: 0, begins }
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
            let Some(mut file) = self.member.take().map(GzDecoder::into_inner) else { break };
            if !file.fill_buf()?.is_empty() {
                self.begins.borrow_mut().push(self.passed);
                self.member = Some(GzDecoder::new(file));
            }
        }
        Ok(0)
    }
}
