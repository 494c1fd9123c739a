//! Reads the rows of a CSV file one after the other, in a buffer that grows with the longest of them. Every row is handed
//! to a visitor with its fields and its place; what is no row (blank lines, comments, lines whose quotes mean nothing) is
//! handed over as such, so that nobody has to find that out again.

use crate::checked::Bad;
use crate::failure::{Outcome, Remedy, bad_data};
use crate::source::{self, Source, bare_cr};
use crate::split::{End, Field, Fields, Grammar};
use spotmill_core::item::RejectKind;
use spotmill_core::model::Read;
use std::path::Path;

/// A row that does not end within this many bytes is not read on: its end and a quote never closed look alike.
pub const MAX_ROW_BYTES: usize = 64 << 20;
const FIRST_BYTES: usize = 1 << 20;

/// How the rows of a file are split.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    pub grammar: Grammar,
    /// What a comment begins with.
    pub comment: Option<&'a [u8]>,
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

pub enum What {
    Row,
    Blank,
    Comment,
    /// A line whose fields have no certain end.
    Broken(Bad),
}

pub struct Row<'a> {
    /// What is in memory, with the row from `from` to `to`, its line end included.
    pub data: &'a [u8],
    pub from: usize,
    pub to: usize,
    pub fields: &'a [Field],
    pub what: What,
    /// The engine would read a field otherwise: a quote stands within one that has none around it, or one ends in CR.
    pub stray: bool,
    /// On which it begins, from 1.
    pub line: u64,
    /// At which it begins, in the file.
    pub byte: u64,
}

pub trait Visitor {
    /// Takes a row; false ends the reading.
    fn row(&mut self, row: Row<'_>) -> Outcome<bool>;

    /// The bytes below `used` leave memory.
    fn leave(&mut self, _data: &[u8], _used: usize) -> Outcome<()> {
        Ok(())
    }
}

pub fn read(path: &Path, source: &mut Source, how: Reading<'_>, visitor: &mut impl Visitor) -> Outcome<()> {
    let mut at = At { path, how, line: source.line, base: source.byte, fields: Vec::new() };
    let mut buffer = vec![0u8; FIRST_BYTES];
    let (mut filled, mut start) = (0, true);
    loop {
        let space = buffer.len() - filled;
        let got = source.fill(&mut buffer[filled..])?;
        filled += got;
        let ended = got < space;
        let whole = ended && !source.beginning;
        let data = &buffer[..filled];
        let mut from = 0;
        if std::mem::take(&mut start) {
            from = source::start(data);
            line_ends(path, &data[from..], how.grammar.separator)?;
        }
        let Some(used) = at.rows(data, from, whole, visitor)? else { return Ok(()) };
        visitor.leave(data, used)?;
        if ended {
            return Ok(());
        }
        buffer.copy_within(used..filled, 0);
        filled -= used;
        at.base += used as u64;
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
    }
}

/// Refuses lines that end in a bare CR.
fn line_ends(path: &Path, data: &[u8], separator: u8) -> Outcome<()> {
    if memchr::memchr(b'\n', data).is_some() {
        return Ok(());
    }
    let quoted = |at: usize| memchr::memchr_iter(b'"', &data[..at]).count() % 2 == 1;
    let ends = |at: &usize| data.get(at + 1).is_some_and(|next| *next != separator) && !quoted(*at);
    if !memchr::memchr_iter(b'\r', data).take(2).any(|at| ends(&at)) {
        return Ok(());
    }
    Err(bare_cr(path))
}

struct At<'a> {
    path: &'a Path,
    how: Reading<'a>,
    line: u64,
    /// Of the buffer's first byte, in the file.
    base: u64,
    fields: Vec<Field>,
}

impl At<'_> {
    /// The rows that `data` holds entirely; where the first one it does not begins, or none where the visitor has enough.
    fn rows(&mut self, data: &[u8], from: usize, whole: bool, visitor: &mut impl Visitor) -> Outcome<Option<usize>> {
        let mut fields = Fields::new(data, self.how.grammar, from, whole);
        loop {
            let from = fields.at;
            if from >= data.len() {
                return Ok(Some(data.len()));
            }
            let found = match self.comment(&data[from..], whole) {
                Found::No => self.row(data, &mut fields, whole)?,
                found => found,
            };
            let (what, to, lines) = match found {
                Found::Row(what) => (what, fields.at, fields.lines),
                Found::Line(what, length) => {
                    fields = Fields::new(data, self.how.grammar, from + length, whole);
                    (what, from + length, 1)
                }
                Found::More if data.len() - from < MAX_ROW_BYTES => return Ok(Some(from)),
                Found::More | Found::No => return Err(self.too_long()),
            };
            let (line, byte) = (self.line, self.base + from as u64);
            let row = Row { data, from, to, fields: &self.fields, what, stray: fields.stray, line, byte };
            if !visitor.row(row)? {
                return Ok(None);
            }
            self.line += lines;
        }
    }

    fn comment(&self, rest: &[u8], whole: bool) -> Found {
        let Some(comment) = self.how.comment else { return Found::No };
        if !whole && rest.len() < comment.len() {
            return Found::More;
        }
        if !rest.starts_with(comment) {
            return Found::No;
        }
        match memchr::memchr(b'\n', rest) {
            Some(end) => Found::Line(What::Comment, end + 1),
            None if whole => Found::Line(What::Comment, rest.len()),
            None => Found::More,
        }
    }

    fn row(&mut self, data: &[u8], fields: &mut Fields<'_>, whole: bool) -> Outcome<Found> {
        let from = fields.at;
        let bad = match fields.row(&mut self.fields) {
            End::Whole => {
                let blank = matches!(self.fields[..], [f] if f.from == f.to && !f.quoted);
                return Ok(Found::Row(if blank { What::Blank } else { What::Row }));
            }
            End::Short if !whole => return Ok(Found::More),
            End::Short => Bad::new(RejectKind::UnclosedQuote, "a quote is opened and never closed"),
            End::AfterQuote => Bad::new(RejectKind::UnclosedQuote, "text stands after a closing quote"),
            End::NoEscape(byte) => {
                let escape = char::from(self.how.grammar.escape.unwrap_or_default());
                let rule = "it stands before a quote, a delimiter, a line end or itself";
                let what = match byte {
                    Some(byte) => format!("`{escape}{}` is no escape", char::from(byte).escape_default()),
                    None => format!("the file ends after the escape `{escape}`"),
                };
                Bad::new(RejectKind::BadEscape, format!("{what}: {rule}"))
            }
        };
        // Quotes there cannot be trusted: the line is left out, and reading goes on after it.
        match memchr::memchr(b'\n', &data[from..]) {
            Some(end) => Ok(Found::Line(What::Broken(bad), end + 1)),
            None if whole => Ok(Found::Line(What::Broken(bad), data.len() - from)),
            None => Ok(Found::More),
        }
    }

    #[cold]
    fn too_long(&self) -> spotmill_core::item::ItemFailure {
        let (name, mib) = (self.path.display().to_string(), MAX_ROW_BYTES >> 20);
        bad_data(&name, format!("{name} line {}: the row that begins there does not end within {mib} MiB", self.line))
            .remedy("look for a quote that is opened there and never closed; `delimiter` may be another")
    }
}

enum Found {
    /// A row, which the splitter has passed.
    Row(What),
    /// A line of so many bytes.
    Line(What, usize),
    /// It does not end in memory.
    More,
    No,
}
