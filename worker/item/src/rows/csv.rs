//! Every row of a CSV file, over every declared column, before the engine sees any: number of fields, type of each,
//! UTF-8, quotes. The engine pads short rows with NULL and, under a projection, neither counts fields nor looks at
//! columns it was not asked for; nothing after this pass can find that out.

use super::field::Check;
use super::keep::Keep;
use super::source::Source;
use super::split::{Field, Fields, Next};
use super::{Bad, Checked, Sink};
use crate::failure::{Outcome, bad_data};
use std::path::{Path, PathBuf};

/// A row that does not end within this many bytes is not one.
const MAX_ROW_BYTES: usize = 16 << 20;
const FIRST_BYTES: usize = 1 << 20;

/// Texts that stand for NULL.
#[derive(Clone, Debug)]
pub struct Nulls {
    values: Vec<Vec<u8>>,
    first: [bool; 256],
}

impl Nulls {
    pub fn new(values: &[String]) -> Self {
        let mut first = [false; 256];
        values.iter().filter_map(|v| v.as_bytes().first()).for_each(|b| first[usize::from(*b)] = true);
        Self { values: values.iter().map(|v| v.as_bytes().to_vec()).collect(), first }
    }

    #[inline]
    pub fn contains(&self, text: &[u8]) -> bool {
        match text.first() {
            None => true,
            Some(b) => self.first[usize::from(*b)] && self.values.iter().any(|v| v == text),
        }
    }
}

/// How one file's rows are checked: names and checks in the order of the file.
pub struct CsvRows<'a> {
    pub separator: u8,
    pub header: bool,
    pub nulls: &'a Nulls,
    pub names: &'a [String],
    pub checks: &'a [Check],
}

struct Run<'a> {
    rows: &'a CsvRows<'a>,
    path: &'a Path,
    keep: Keep,
    sink: &'a mut Sink,
    /// Of the buffer's first byte, in the decompressed file.
    base: u64,
    line: u64,
    /// Rows kept since here have not been copied yet.
    kept_from: usize,
    out: Checked,
}

impl CsvRows<'_> {
    /// Checks `path`; accepted rows are read from the file that `Checked` names.
    pub fn check(&self, path: &Path, source: &mut Source, copy: PathBuf, sink: &mut Sink) -> Outcome<Checked> {
        let keep = Keep::new(path, copy, source.compressed)?;
        let mut run = Run { rows: self, path, keep, sink, base: 0, line: 1, kept_from: 0, out: Checked::default() };
        run.file(source)?;
        let Run { keep, mut out, .. } = run;
        out.read = keep.finish()?;
        Ok(out)
    }
}

impl Run<'_> {
    fn file(&mut self, source: &mut Source) -> Outcome<()> {
        let mut buffer = vec![0u8; FIRST_BYTES];
        let mut filled = 0;
        let mut header = self.rows.header;
        let mut start = true;
        loop {
            let space = buffer.len() - filled;
            let got = source.fill(&mut buffer[filled..])?;
            filled += got;
            let whole = got < space;
            let data = &buffer[..filled];
            let mut from = 0;
            if start {
                from = super::start(data);
                start = false;
            }
            let used = self.rows_of(data, from, whole, &mut header)?;
            self.keep.write(&data[self.kept_from..used])?;
            if whole {
                return Ok(());
            }
            buffer.copy_within(used..filled, 0);
            filled -= used;
            self.base += used as u64;
            self.kept_from = 0;
            if filled == buffer.len() {
                buffer.resize(buffer.len() * 2, 0);
            }
        }
    }

    /// Checks the rows that `data` holds entirely; returns where the first one it does not begins.
    fn rows_of(&mut self, data: &[u8], from: usize, whole: bool, header: &mut bool) -> Outcome<usize> {
        let ascii = data.is_ascii();
        let mut fields = Fields::new(data, self.rows.separator, from, whole);
        loop {
            let row = fields.at;
            if row >= data.len() {
                return Ok(data.len());
            }
            let (count, bad, rewrite) = match self.row(data, &mut fields) {
                Row::Whole { count, bad, rewrite } => (count, bad, rewrite),
                Row::Short if !whole && data.len() - row < MAX_ROW_BYTES => return Ok(row),
                Row::Short | Row::Broken(_) if *header => {
                    let file = self.path.display().to_string();
                    return Err(bad_data(&file, format!("{file}: the header is no CSV row")));
                }
                Row::Short => {
                    let bad = Bad::new("unclosed_quote", "a quote is opened and never closed");
                    self.skip_line(data, row, &mut fields, bad)?;
                    continue;
                }
                Row::Broken(at) => {
                    let bad = Bad::new("unclosed_quote", "text stands after a closing quote");
                    debug_assert!(at > row);
                    self.skip_line(data, row, &mut fields, bad)?;
                    continue;
                }
            };
            let next = fields.at;
            let lines = std::mem::take(&mut fields.lines);
            let stray = std::mem::take(&mut fields.stray);
            if count == 0 {
                // A blank line: no row, but the engine would make one of NULLs.
                if !*header {
                    self.drop_row(data, row, next)?;
                }
            } else if *header {
                *header = false;
            } else {
                let bad = bad.or_else(|| if ascii { None } else { self.utf8(data, row, next) });
                match bad {
                    Some(bad) => self.reject(data, row, next, bad)?,
                    None => {
                        self.out.rows += 1;
                        if stray || rewrite {
                            self.rewrite(data, row, next)?;
                        }
                    }
                }
            }
            self.line += lines;
        }
    }

    #[inline]
    fn row(&self, data: &[u8], fields: &mut Fields<'_>) -> Row {
        let checks = self.rows.checks;
        let mut count = 0;
        let mut bad: Option<(usize, Field)> = None;
        let mut rewrite = false;
        loop {
            let (field, last) = match fields.advance() {
                Next::Field(field) => {
                    rewrite |= !field.quoted && field.to > field.from && data[field.to - 1] == b'\r';
                    (field, false)
                }
                Next::Last { field, .. } => (field, true),
                Next::Short => return Row::Short,
                Next::AfterQuote(at) => return Row::Broken(at),
            };
            if bad.is_none() && count < checks.len() {
                let text = &data[field.from..field.to];
                if !self.rows.nulls.contains(text) && !checks[count].accepts(text) {
                    bad = Some((count, field));
                }
            }
            count += 1;
            if last {
                if count == 1 && field.from == field.to && !field.quoted {
                    return Row::Whole { count: 0, bad: None, rewrite: false };
                }
                break;
            }
        }
        if count != checks.len() {
            let kind = if count < checks.len() { "too_few_fields" } else { "too_many_fields" };
            let bad = Bad::new(kind, format!("the row has {count} {}, not {}", plural(count), checks.len()));
            return Row::Whole { count, bad: Some(bad), rewrite };
        }
        let bad = bad.map(|(column, field)| self.bad_value(data, column, field));
        Row::Whole { count, bad, rewrite }
    }

    #[cold]
    fn bad_value(&self, data: &[u8], column: usize, field: Field) -> Bad {
        let text = super::shorten(&String::from_utf8_lossy(&data[field.from..field.to]), 80);
        Bad {
            column: self.rows.names.get(column).cloned(),
            kind: "bad_value",
            reason: format!("`{text}` is not {}", self.rows.checks[column].expected()),
        }
    }

    fn utf8(&self, data: &[u8], row: usize, next: usize) -> Option<Bad> {
        let error = std::str::from_utf8(&data[row..next]).err()?;
        let at = row + error.valid_up_to();
        let mut fields = Fields::new(&data[..next], self.rows.separator, row, true);
        let mut column = 0;
        while matches!(fields.advance(), Next::Field(_)) && fields.at <= at {
            column += 1;
        }
        let reason = format!("byte {:#04x} is not UTF-8", data[at]);
        Some(Bad { column: self.rows.names.get(column).cloned(), kind: "invalid_utf8", reason })
    }

    /// Rejects the line that begins at `row` and goes on after it: quotes there cannot be trusted.
    fn skip_line<'d>(&mut self, data: &'d [u8], row: usize, fields: &mut Fields<'d>, bad: Bad) -> Outcome<()> {
        let next = memchr::memchr(b'\n', &data[row..]).map_or(data.len(), |n| row + n + 1);
        self.reject(data, row, next, bad)?;
        self.line += 1;
        *fields = Fields::new(data, self.rows.separator, next, fields.whole);
        Ok(())
    }

    fn reject(&mut self, data: &[u8], row: usize, next: usize, bad: Bad) -> Outcome<()> {
        self.out.rejected += 1;
        let raw = data[row..next].strip_suffix(b"\n").unwrap_or(&data[row..next]);
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        self.sink.reject(self.path, self.line, self.base + row as u64, bad, raw)?;
        if self.sink.fails { Ok(()) } else { self.drop_row(data, row, next) }
    }

    /// What stands from `row` to `next` is not copied.
    fn drop_row(&mut self, data: &[u8], row: usize, next: usize) -> Outcome<()> {
        if self.keep.copying() {
            self.keep.write(&data[self.kept_from..row])?;
        } else {
            self.keep.begin(self.base + row as u64)?;
        }
        self.kept_from = next;
        Ok(())
    }

    /// Writes the row so that the engine reads what RFC 4180 has it say.
    fn rewrite(&mut self, data: &[u8], row: usize, next: usize) -> Outcome<()> {
        self.drop_row(data, row, next)?;
        let row = &data[row..next];
        let mut fields = Fields::new(row, self.rows.separator, 0, true);
        let mut out = Vec::with_capacity(row.len() + 8);
        loop {
            let (field, last) = match fields.advance() {
                Next::Field(field) => (field, false),
                Next::Last { field, .. } => (field, true),
                Next::Short | Next::AfterQuote(_) => break,
            };
            let text = &row[field.from..field.to];
            if field.quoted {
                out.push(b'"');
                out.extend_from_slice(text);
                out.push(b'"');
            } else {
                super::quote_if_needed(text, &mut out);
            }
            out.push(if last { b'\n' } else { self.rows.separator });
            if last {
                break;
            }
        }
        self.keep.write(&out)
    }
}

enum Row {
    /// `count` is 0 for a blank line.
    Whole {
        count: usize,
        bad: Option<Bad>,
        rewrite: bool,
    },
    Short,
    Broken(usize),
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "field" } else { "fields" }
}
