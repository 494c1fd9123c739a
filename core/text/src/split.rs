//! Where the fields of a CSV row begin and end: the one grammar that the row check, the header, the sample and the
//! chunks share. Sixty-four bytes at a time are searched for the bytes that matter, in plain integer arithmetic that
//! compilers turn into vector instructions; quotes are honoured as RFC 4180 has them.

/// The bytes that a file gives a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grammar {
    pub separator: u8,
    /// Stands before a quote, a separator, a line end or itself, which then stands for itself.
    pub escape: Option<u8>,
}

/// Finds separators, line ends, quotes and escapes, in order.
pub struct Marks<'a> {
    data: &'a [u8],
    separator: u64,
    /// The escape; a quote where there is none.
    escape: u64,
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
fn marks_of(block: &[u8; BLOCK], separator: u64, escape: u64) -> u64 {
    let mut found = [0u64; 8];
    for (found, bytes) in found.iter_mut().zip(block.as_chunks::<8>().0) {
        let word = u64::from_le_bytes(*bytes);
        *found = zeros(word ^ separator) | zeros(word ^ ENDS) | zeros(word ^ QUOTES);
        if escape != QUOTES {
            *found |= zeros(word ^ escape);
        }
    }
    let mut marks = 0;
    for (i, found) in found.iter().enumerate() {
        marks |= ((found >> 7).wrapping_mul(GATHER) >> 56) << (8 * i);
    }
    marks
}

impl<'a> Marks<'a> {
    pub fn new(data: &'a [u8], grammar: Grammar, from: usize) -> Self {
        let word = |byte: u8| LOW * u64::from(byte);
        let escape = grammar.escape.map_or(QUOTES, word);
        let mut marks = Self { data, separator: word(grammar.separator), escape, block: from, marks: 0 };
        marks.load();
        marks
    }

    #[inline]
    fn load(&mut self) {
        let rest = self.data.get(self.block..).unwrap_or_default();
        self.marks = match rest.first_chunk::<BLOCK>() {
            Some(block) => marks_of(block, self.separator, self.escape),
            None => {
                let mut block = [0; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                marks_of(&block, self.separator, self.escape)
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
    /// An escape stands in it.
    pub escaped: bool,
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
    /// Text stands after a closing quote.
    AfterQuote,
    /// The escape stands before this byte, for which it has no meaning, or before the end of the file.
    NoEscape(Option<u8>),
}

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    Short,
    AfterQuote,
    NoEscape(Option<u8>),
}

/// Reads one field after the other. `stray` reports that a quote stood inside an unquoted field, or that one before the
/// last ended in CR, `lines` how many line ends were passed.
pub struct Fields<'a> {
    data: &'a [u8],
    grammar: Grammar,
    marks: Marks<'a>,
    /// Where the next field begins.
    pub at: usize,
    pub stray: bool,
    pub lines: u64,
    /// Nothing follows `data`.
    pub whole: bool,
}

impl<'a> Fields<'a> {
    pub fn new(data: &'a [u8], grammar: Grammar, from: usize, whole: bool) -> Self {
        let marks = Marks::new(data, grammar, from);
        Self { data, grammar, marks, at: from, stray: false, lines: 0, whole }
    }

    /// The fields of the row that begins here.
    #[inline]
    pub fn row(&mut self, row: &mut Vec<Field>) -> End {
        row.clear();
        (self.stray, self.lines) = (false, 0);
        loop {
            match self.advance() {
                Next::Field(field) => row.push(field),
                Next::Last { field, .. } => {
                    row.push(field);
                    return End::Whole;
                }
                Next::Short => return End::Short,
                Next::AfterQuote => return End::AfterQuote,
                Next::NoEscape(byte) => return End::NoEscape(byte),
            }
        }
    }

    #[inline]
    pub fn advance(&mut self) -> Next {
        if self.data.get(self.at) == Some(&b'"') {
            return self.quoted();
        }
        let from = self.at;
        let mut escaped = false;
        loop {
            let Some(mark) = self.marks.next() else {
                return if self.whole { self.end(from, escaped) } else { Next::Short };
            };
            let byte = self.data[mark];
            if byte == self.grammar.separator {
                self.at = mark + 1;
                self.stray |= mark > from && self.data[mark - 1] == b'\r';
                return Next::Field(Field { from, to: mark, quoted: false, escaped });
            }
            if byte == b'\n' {
                return self.last(from, mark, escaped);
            }
            if Some(byte) == self.grammar.escape {
                // Hive and MySQL write NULL so: it is compared with the null values as it stands.
                if mark == from && self.data.get(mark + 1) == Some(&b'N') && self.ends_at(mark + 2) {
                    continue;
                }
                match self.after_escape(mark) {
                    Ok(()) => escaped = true,
                    Err(next) => return next,
                }
                continue;
            }
            self.stray = true;
        }
    }

    /// Whether a field that holds all before `at` ends there.
    fn ends_at(&self, at: usize) -> bool {
        match self.data.get(at) {
            None | Some(b'\n') => true,
            Some(b'\r') => matches!(self.data.get(at + 1), None | Some(b'\n')),
            Some(byte) => *byte == self.grammar.separator,
        }
    }

    /// Passes the byte that the escape at `mark` stands before.
    fn after_escape(&mut self, mark: usize) -> Result<(), Next> {
        let Some(byte) = self.data.get(mark + 1).copied() else {
            return Err(if self.whole { Next::NoEscape(None) } else { Next::Short });
        };
        let marked = [b'"', b'\n', self.grammar.separator].contains(&byte) || Some(byte) == self.grammar.escape;
        if marked {
            self.marks.next();
            self.lines += u64::from(byte == b'\n');
        } else if byte == b'\r' {
            match self.data.get(mark + 2) {
                Some(b'\n') => {
                    self.marks.next();
                    self.lines += 1;
                }
                None if !self.whole => return Err(Next::Short),
                _ => {}
            }
        } else {
            return Err(Next::NoEscape(Some(byte)));
        }
        Ok(())
    }

    /// The last field of the file, without a line end.
    fn end(&mut self, from: usize, escaped: bool) -> Next {
        let to = self.data.len();
        let to = if to > from && self.data[to - 1] == b'\r' && !escaped { to - 1 } else { to };
        self.at = self.data.len();
        Next::Last { field: Field { from, to, quoted: false, escaped }, next: self.data.len() }
    }

    #[inline]
    fn last(&mut self, from: usize, mark: usize, escaped: bool) -> Next {
        let to = if mark > from && self.data[mark - 1] == b'\r' { mark - 1 } else { mark };
        self.at = mark + 1;
        self.lines += 1;
        Next::Last { field: Field { from, to, quoted: false, escaped }, next: mark + 1 }
    }

    fn quoted(&mut self) -> Next {
        let open = self.at;
        self.marks.next();
        let mut escaped = false;
        let close = loop {
            let Some(mark) = self.marks.next() else { return Next::Short };
            match self.data[mark] {
                byte if Some(byte) == self.grammar.escape => match self.after_escape(mark) {
                    Ok(()) => escaped = true,
                    Err(next) => return next,
                },
                b'"' if self.data.get(mark + 1) == Some(&b'"') => {
                    self.marks.next();
                }
                b'"' => break mark,
                b'\n' => self.lines += 1,
                _ => {}
            }
        };
        let field = Field { from: open + 1, to: close, quoted: true, escaped };
        match self.data.get(close + 1) {
            None if self.whole => self.close_end(field),
            None => Next::Short,
            Some(b) if *b == self.grammar.separator => {
                self.marks.next();
                self.at = close + 2;
                Next::Field(field)
            }
            Some(b'\n') => self.close(field, close + 1),
            Some(b'\r') => match self.data.get(close + 2) {
                Some(b'\n') => self.close(field, close + 2),
                None if self.whole => self.close_end(field),
                None => Next::Short,
                Some(_) => Next::AfterQuote,
            },
            Some(_) => Next::AfterQuote,
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

/// The value of a field: quotes written twice are one, escapes are gone.
pub fn value<'d>(data: &'d [u8], field: Field, grammar: Grammar) -> std::borrow::Cow<'d, [u8]> {
    let text = &data[field.from..field.to];
    let doubled = field.quoted && memchr::memchr(b'"', text).is_some();
    if !doubled && !field.escaped {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        let passes = Some(byte) == grammar.escape || (field.quoted && byte == b'"');
        out.extend(if passes { bytes.next() } else { Some(byte) });
    }
    out.into()
}
