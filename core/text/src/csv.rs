//! Every row of a CSV file before the engine sees any: number of fields, UTF-8 and quotes of all of it, and the values of
//! every column that is to be checked (each declared one, or those that the transform reads). The engine pads short rows
//! with NULL and, under a projection, neither counts fields nor reads columns it was not asked for; nothing after this
//! pass can find that out. The engine then reads the file in place, in chunks that leave gaps where no accepted row
//! stands; a copy is written only where the file's own text is not what the engine must read, or gaps are many.

use crate::checked::{Bad, Checked, Sink};
use crate::chunks::Chunks;
use crate::copy::{RowText, quote_if_needed};
use crate::failure::{Outcome, Remedy, bad_data};
use crate::header::{self, Layout};
use crate::keep::Keep;
use crate::reader::{self, Reading, Row, Visitor, What};
use crate::rule::{Rule, Value};
use crate::source::Source;
use crate::split::{Field, value};
use spotmill_core::item::RejectKind;
use std::borrow::Cow;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A byte order mark: where a file was put behind another, it stands before the header.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// How one file's rows are checked.
pub struct CsvRows<'a> {
    pub reading: Reading<'a>,
    pub header: bool,
    /// The columns of the file, by the names in its header; by none where it has no header, or nothing at all.
    pub columns: &'a dyn Fn(Option<Vec<String>>) -> Outcome<FileColumns>,
    /// The engine cannot read the file's own text: accepted rows are written in the form of `copy`.
    pub translates: bool,
}

/// Names and rules in the order of the file.
#[derive(Debug, Default)]
pub struct FileColumns {
    pub layout: Layout,
    pub rules: Vec<Rule>,
}

struct Run<'a> {
    rows: &'a CsvRows<'a>,
    path: &'a Path,
    keep: Keep,
    sink: &'a mut Sink,
    /// Where members of a compressed file begin.
    begins: Rc<RefCell<Vec<u64>>>,
    /// Rows kept since here have not been copied yet.
    kept_from: usize,
    /// Where that stands in the file that is read.
    at: usize,
    chunks: Chunks,
    text: RowText,
    out: Checked,
    /// None until the header was seen.
    columns: Option<FileColumns>,
    /// Columns whose values can be wrong.
    checked: Vec<usize>,
    /// First bytes that a header could have.
    heads: [bool; 256],
    /// What is in memory is UTF-8 up to here.
    valid_to: usize,
}

impl CsvRows<'_> {
    /// Checks `path`; accepted rows are read from the file that `Checked` names.
    pub fn check(
        &self,
        path: &Path,
        source: &mut Source,
        copy: PathBuf,
        sink: &mut Sink,
    ) -> Outcome<(Checked, Layout)> {
        let keep = Keep::new(path, copy, source.changed || self.translates)?;
        let at = if keep.copying() { 0 } else { source.byte as usize };
        let (chunks, text, out) = (Chunks::default(), RowText::default(), Checked::default());
        let begins = source.begins.clone();
        let (columns, checked, heads, kept_from, valid_to) = (None, Vec::new(), [false; 256], 0, 0);
        let mut run = Run {
            rows: self,
            path,
            keep,
            sink,
            begins,
            kept_from,
            at,
            chunks,
            text,
            out,
            columns,
            checked,
            heads,
            valid_to,
        };
        if !self.header {
            run.begin(None)?;
        }
        reader::read(path, source, self.reading, &mut run)?;
        if run.columns.is_none() {
            run.begin(None)?;
        }
        let Run { keep, chunks, mut out, columns, .. } = run;
        out.read = keep.finish()?;
        out.chunks = chunks.end();
        Ok((out, columns.unwrap_or_default().layout))
    }
}

impl Visitor for Run<'_> {
    fn row(&mut self, row: Row<'_>) -> Outcome<bool> {
        match (&row.what, &self.columns) {
            (What::Blank | What::Comment, None) => {}
            // The engine would make a row of it.
            (What::Blank | What::Comment, _) => self.drop_row(&row)?,
            (What::Broken(_), None) => return Err(no_header(self.path)),
            (What::Broken(_), _) => self.reject(row)?,
            (What::Row, None) => self.begin(Some(header::names(self.path, &row, self.rows.reading)?))?,
            (What::Row, Some(_)) => self.check(row)?,
        }
        Ok(true)
    }

    fn leave(&mut self, data: &[u8], used: usize) -> Outcome<()> {
        self.keep.write(&data[self.kept_from..used])?;
        self.at += used - self.kept_from;
        (self.kept_from, self.valid_to) = (0, 0);
        Ok(())
    }
}

#[cold]
fn other_width(count: usize, wanted: usize) -> Bad {
    let kind = if count < wanted { RejectKind::TooFewFields } else { RejectKind::TooManyFields };
    let plural = if count == 1 { "field" } else { "fields" };
    Bad::new(kind, format!("the row has {count} {plural}, not {wanted}"))
}

pub fn no_header(path: &Path) -> spotmill_core::item::ItemFailure {
    let file = path.display().to_string();
    bad_data(&file, format!("{file}: the header is no CSV row")).remedy("is a quote in it never closed?")
}

impl Run<'_> {
    /// From here on rows are checked.
    fn begin(&mut self, header: Option<Vec<String>>) -> Outcome<()> {
        let columns = (self.rows.columns)(header)?;
        self.checked = (0..columns.rules.len()).filter(|i| !columns.rules[*i].takes_all()).collect();
        let escape = self.rows.reading.grammar.escape;
        for title in &columns.layout.titles {
            // A field without text begins with what ends it.
            let empty = [self.rows.reading.grammar.separator, b'"', b'\r', b'\n'];
            let first = title.as_bytes().get(..1).unwrap_or(&empty);
            first.iter().chain(&MARK[..1]).chain(&escape).for_each(|byte| self.heads[usize::from(*byte)] = true);
        }
        self.columns = Some(columns);
        Ok(())
    }

    fn rules(&self) -> &[Rule] {
        self.columns.as_ref().map_or(&[], |columns| &columns.rules)
    }

    fn layout(&self) -> Option<&Layout> {
        self.columns.as_ref().map(|columns| &columns.layout)
    }

    /// Whether the row is a header: the same names, in any order. Of one column it is one only where a file that was put
    /// behind another begins, or a list of words could not hold its own title.
    #[cold]
    fn is_header(&self, row: &Row<'_>) -> bool {
        let text = |field: &Field| match value(row.data, *field, self.rows.reading.grammar) {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(MARK).unwrap_or(text)),
            text => text,
        };
        let titles = self.layout().map_or(&[][..], |layout| &layout.titles);
        let is_title = |text: &[u8]| titles.iter().any(|title| title.as_bytes() == text);
        match row.fields {
            [] => false,
            [first, ..] if row.fields.len() != titles.len() || !is_title(&text(first)) => false,
            [_] => self.begins.borrow().contains(&row.byte),
            fields => {
                let mut found: Vec<_> = fields.iter().map(text).collect();
                let mut titles: Vec<&[u8]> = titles.iter().map(|t| t.as_bytes()).collect();
                found.sort_unstable();
                titles.sort_unstable();
                found.iter().zip(titles).all(|(found, title)| **found == *title)
            }
        }
    }

    fn check(&mut self, row: Row<'_>) -> Outcome<()> {
        let bad = if self.rows.translates { self.translated(&row) } else { self.bad(&row) };
        match bad {
            Some(bad) => return self.reject(Row { what: What::Broken(bad), ..row }),
            None if self.rows.translates => {
                self.copy_until(&row)?;
                self.kept()?;
            }
            None if row.stray => self.rewrite(&row)?,
            None => {
                let place = |at: usize| self.at + at - self.kept_from;
                self.chunks.row(place(row.from), place(row.to));
            }
        }
        self.out.rows += 1;
        Ok(())
    }

    /// What is wrong with the row as a whole.
    #[inline]
    fn shape(&self, row: &Row<'_>) -> Option<Bad> {
        let (count, wanted) = (row.fields.len(), self.rules().len());
        if count != wanted {
            return Some(other_width(count, wanted));
        }
        // Nearly every row is no header by its first byte.
        let head = row.fields.first().and_then(|field| row.data.get(field.from));
        if head.is_some_and(|byte| self.heads[usize::from(*byte)]) && self.is_header(row) {
            return Some(Bad::new(
                RejectKind::RepeatedHeader,
                "the row is a header again: it repeats the columns' names",
            ));
        }
        None
    }

    #[inline]
    fn bad(&mut self, row: &Row<'_>) -> Option<Bad> {
        if let Some(bad) = self.shape(row) {
            return Some(bad);
        }
        let rules = self.rules();
        for column in self.checked.iter().copied() {
            let (field, rule) = (row.fields[column], &rules[column]);
            if !field.escaped && rule.accepts(&row.data[field.from..field.to]) {
                continue;
            }
            let text = value(row.data, field, self.rows.reading.grammar);
            if matches!(rule.value(text, field), Value::Bad) {
                return Some(self.bad_value(row, column));
            }
        }
        self.utf8(row)
    }

    /// Makes `text` the row in the form of copies, unless something is wrong with it.
    fn translated(&mut self, row: &Row<'_>) -> Option<Bad> {
        if let Some(bad) = self.shape(row) {
            return Some(bad);
        }
        let mut out = std::mem::take(&mut self.text);
        out.begin();
        let bad = self.rules().iter().zip(row.fields).position(|(rule, field)| {
            if self.is_null(row, field) {
                out.null();
                return false;
            }
            match rule.value(value(row.data, *field, self.rows.reading.grammar), *field) {
                Value::Text(text) => out.value(&text),
                Value::Null => out.null(),
                Value::Bad => return true,
            }
            false
        });
        out.end();
        self.text = out;
        bad.map(|column| self.bad_value(row, column)).or_else(|| self.utf8(row))
    }

    /// Looks at what is in memory once, and at a row of its own where that is not UTF-8 up to its end.
    #[inline]
    fn utf8(&mut self, row: &Row<'_>) -> Option<Bad> {
        if row.to > self.valid_to {
            self.valid_to = match std::str::from_utf8(&row.data[row.from..]) {
                Ok(_) => row.data.len(),
                Err(error) => row.from + error.valid_up_to(),
            };
        }
        if row.to <= self.valid_to { None } else { self.not_utf8(row) }
    }

    /// `\N`.
    fn is_null(&self, row: &Row<'_>, field: &Field) -> bool {
        let escape = self.rows.reading.grammar.escape;
        !field.quoted && escape.is_some_and(|escape| row.data[field.from..field.to] == [escape, b'N'])
    }

    #[cold]
    fn bad_value(&self, row: &Row<'_>, column: usize) -> Bad {
        let text = value(row.data, row.fields[column], self.rows.reading.grammar);
        let (rule, hint) = (&self.rules()[column], self.rules()[column].check.hint(&text));
        let text = crate::show::shorten(&String::from_utf8_lossy(&text), 80);
        let reason = format!("`{text}` is not {}{hint}", rule.expected());
        Bad { column: self.name(column), kind: RejectKind::BadValue, reason }
    }

    fn name(&self, column: usize) -> Option<String> {
        self.layout()?.names.get(column).filter(|name| !name.starts_with('\u{1}')).cloned()
    }

    #[cold]
    fn not_utf8(&self, row: &Row<'_>) -> Option<Bad> {
        let error = std::str::from_utf8(&row.data[row.from..row.to]).err()?;
        let at = row.from + error.valid_up_to();
        let column = row.fields.iter().position(|f| f.to > at).and_then(|i| self.name(i));
        let reason = format!("byte {:#04x} is not UTF-8; has the file another `encoding`?", row.data[at]);
        Some(Bad { column, kind: RejectKind::InvalidUtf8, reason })
    }

    #[cold]
    fn reject(&mut self, row: Row<'_>) -> Outcome<()> {
        self.out.rejected += 1;
        let raw = row.data[row.from..row.to].strip_suffix(b"\n").unwrap_or(&row.data[row.from..row.to]);
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let dropped = if self.sink.fails { Ok(()) } else { self.drop_row(&row) };
        if let What::Broken(bad) = row.what {
            self.sink.reject(self.path, row.line, row.byte, bad, raw)?;
        }
        dropped
    }

    /// The row is not read: a gap between chunks, or, where there are many, what a copy leaves out.
    fn drop_row(&mut self, row: &Row<'_>) -> Outcome<()> {
        if !self.keep.copying() && self.chunks.spares(row.byte as usize) {
            return Ok(());
        }
        self.copy_until(row)
    }

    /// What stands before the row is copied; the row is not.
    fn copy_until(&mut self, row: &Row<'_>) -> Outcome<()> {
        if self.keep.copying() {
            self.keep.write(&row.data[self.kept_from..row.from])?;
        } else {
            self.keep.begin(row.byte)?;
        }
        self.at += row.from - self.kept_from;
        self.kept_from = row.to;
        Ok(())
    }

    /// Writes the row so that the engine reads what it means by RFC 4180.
    fn rewrite(&mut self, row: &Row<'_>) -> Outcome<()> {
        self.copy_until(row)?;
        let separator = self.rows.reading.grammar.separator;
        let mut out = std::mem::take(&mut self.text.bytes);
        out.clear();
        for (i, field) in row.fields.iter().enumerate() {
            if i > 0 {
                out.push(separator);
            }
            let text = &row.data[field.from..field.to];
            if field.quoted {
                out.push(b'"');
                out.extend_from_slice(text);
                out.push(b'"');
            } else {
                quote_if_needed(text, separator, &mut out);
            }
        }
        out.push(b'\n');
        self.text.bytes = out;
        self.kept()
    }

    /// `text` is the next row of the copy.
    fn kept(&mut self) -> Outcome<()> {
        self.keep.write(&self.text.bytes)?;
        self.chunks.row(self.at, self.at + self.text.bytes.len());
        self.at += self.text.bytes.len();
        Ok(())
    }
}
