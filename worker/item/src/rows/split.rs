//! Where the fields of a CSV row begin and end. Sixty-four bytes at a time are searched for the three bytes that
//! matter, in plain integer arithmetic that compilers turn into vector instructions; quotes are honoured as RFC 4180
//! has them. The slow, forgiving reading is left to whoever rewrites a row.

/// Finds separators, line ends and quotes, in order.
pub struct Marks<'a> {
    data: &'a [u8],
    separator: u64,
    /// Where the loaded block begins, and a bit for every mark left in it.
    block: usize,
    marks: u64,
}

const BLOCK: usize = 64;
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
const QUOTES: u64 = LOW * b'"' as u64;
const ENDS: u64 = LOW * b'\n' as u64;
/// Moves the lowest bits of eight bytes together into the highest byte.
const GATHER: u64 = 0x0102_0408_1020_4080;

/// A high bit in every byte of `word` that is zero, exactly.
#[inline]
fn zeros(word: u64) -> u64 {
    !(((word & !HIGH) + !HIGH) | word | !HIGH)
}

#[inline]
fn marks_of(block: &[u8; BLOCK], separator: u64) -> u64 {
    let mut found = [0u64; 8];
    for (found, bytes) in found.iter_mut().zip(block.as_chunks::<8>().0) {
        let word = u64::from_le_bytes(*bytes);
        *found = zeros(word ^ separator) | zeros(word ^ ENDS) | zeros(word ^ QUOTES);
    }
    let mut marks = 0;
    for (i, found) in found.iter().enumerate() {
        marks |= ((found >> 7).wrapping_mul(GATHER) >> 56) << (8 * i);
    }
    marks
}

impl<'a> Marks<'a> {
    pub fn new(data: &'a [u8], separator: u8, from: usize) -> Self {
        let mut marks = Self { data, separator: LOW * u64::from(separator), block: from, marks: 0 };
        marks.load();
        marks
    }

    #[inline]
    fn load(&mut self) {
        let rest = self.data.get(self.block..).unwrap_or_default();
        self.marks = match rest.first_chunk::<BLOCK>() {
            Some(block) => marks_of(block, self.separator),
            None => {
                let mut block = [0; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                marks_of(&block, self.separator)
            }
        };
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    /// The position of the next mark.
    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            self.block += BLOCK;
            if self.block >= self.data.len() {
                return None;
            }
            self.load();
        }
        let at = self.block + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(at)
    }
}

/// A field as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub from: usize,
    pub to: usize,
    /// It stands in quotes, which `from..to` leaves out.
    pub quoted: bool,
}

/// How the search for a field ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A field, and the row goes on.
    Field(Field),
    /// The row's last field; the next row begins at `next`.
    Last { field: Field, next: usize },
    /// The data ends inside the row: more is needed, or the file ends here.
    Short,
    /// Text stands after a closing quote at this position.
    AfterQuote(usize),
}

/// Reads one field after the other. `stray` tells that a quote stood inside an unquoted field, `lines` how many
/// line ends were passed.
pub struct Fields<'a> {
    data: &'a [u8],
    separator: u8,
    marks: Marks<'a>,
    /// Where the next field begins.
    pub at: usize,
    pub stray: bool,
    pub lines: u64,
    /// Nothing follows `data`.
    pub whole: bool,
}

impl<'a> Fields<'a> {
    pub fn new(data: &'a [u8], separator: u8, from: usize, whole: bool) -> Self {
        Self { data, separator, marks: Marks::new(data, separator, from), at: from, stray: false, lines: 0, whole }
    }

    #[inline]
    pub fn advance(&mut self) -> Next {
        if self.data.get(self.at) == Some(&b'"') {
            return self.quoted();
        }
        let from = self.at;
        loop {
            let Some(mark) = self.marks.next() else {
                return if self.whole { self.end(from, self.data.len()) } else { Next::Short };
            };
            let byte = self.data[mark];
            if byte == self.separator {
                self.at = mark + 1;
                return Next::Field(Field { from, to: mark, quoted: false });
            }
            if byte == b'\n' {
                return self.last(from, mark);
            }
            self.stray = true;
        }
    }

    /// The fields of the row that begins here; none where it does not end, or cannot be told apart.
    pub fn row(&mut self) -> Option<Vec<Field>> {
        let mut row = Vec::new();
        loop {
            match self.advance() {
                Next::Field(field) => row.push(field),
                Next::Last { field, .. } => {
                    row.push(field);
                    return Some(row);
                }
                Next::Short | Next::AfterQuote(_) => return None,
            }
        }
    }

    /// The last field of the file, without a line end.
    fn end(&mut self, from: usize, to: usize) -> Next {
        let to = if to > from && self.data[to - 1] == b'\r' { to - 1 } else { to };
        self.at = self.data.len();
        Next::Last { field: Field { from, to, quoted: false }, next: self.data.len() }
    }

    #[inline]
    fn last(&mut self, from: usize, mark: usize) -> Next {
        let to = if mark > from && self.data[mark - 1] == b'\r' { mark - 1 } else { mark };
        self.at = mark + 1;
        self.lines += 1;
        Next::Last { field: Field { from, to, quoted: false }, next: mark + 1 }
    }

    fn quoted(&mut self) -> Next {
        let open = self.at;
        self.marks.next();
        let close = loop {
            let Some(mark) = self.marks.next() else { return Next::Short };
            match self.data[mark] {
                b'"' if self.data.get(mark + 1) == Some(&b'"') => {
                    self.marks.next();
                }
                b'"' => break mark,
                b'\n' => self.lines += 1,
                _ => {}
            }
        };
        let field = Field { from: open + 1, to: close, quoted: true };
        match self.data.get(close + 1) {
            None if self.whole => {
                self.at = self.data.len();
                Next::Last { field, next: self.data.len() }
            }
            None => Next::Short,
            Some(b) if *b == self.separator => {
                self.marks.next();
                self.at = close + 2;
                Next::Field(field)
            }
            Some(b'\n') => self.close(field, close + 1),
            Some(b'\r') => match self.data.get(close + 2) {
                Some(b'\n') => self.close(field, close + 2),
                None if self.whole => self.close_end(field),
                None => Next::Short,
                Some(_) => Next::AfterQuote(close + 1),
            },
            Some(_) => Next::AfterQuote(close + 1),
        }
    }

    fn close(&mut self, field: Field, end: usize) -> Next {
        self.marks.next();
        self.lines += 1;
        self.at = end + 1;
        Next::Last { field, next: end + 1 }
    }

    fn close_end(&mut self, field: Field) -> Next {
        self.at = self.data.len();
        Next::Last { field, next: self.data.len() }
    }
}
