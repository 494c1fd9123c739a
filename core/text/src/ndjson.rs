//! Every line of an NDJSON file is an object with values of the declared types, or it is rejected; objects that follow
//! each other on one line are as many records. Accepted records are handed to the engine as CSV, so that one reader,
//! with one set of rules, is trusted rather than two. Keys that are not declared are let be; a missing key is NULL.

use crate::checked::{Bad, Checked, Sink};
use crate::chunks::Chunks;
use crate::copy::RowText;
use crate::failure::{Outcome, cannot_write};
use crate::field::Check;
use crate::json::{Picked, dig, text};
use crate::source::Source;
use serde::de::Deserializer as _;
use serde_json::value::RawValue;
use spotmill_core::item::RejectKind;
use spotmill_core::json_path::{self, Segment};
use spotmill_core::model::{FieldRules, Read};
use spotmill_core::types::Column;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const FIRST_BYTES: usize = 1 << 20;

/// A column of the records.
pub struct JsonField {
    pub name: String,
    pub check: Check,
    rules: FieldRules,
    /// The key of the record, and the moves from there.
    path: Vec<Segment>,
}

impl JsonField {
    pub fn new(read: &Read, name: &str, check: Check) -> Result<Self, String> {
        let rules = read.rules(name);
        let path = match &rules.path {
            Some(path) => json_path::parse(path)?,
            None => vec![Segment::Key(name.to_owned())],
        };
        Ok(Self { name: name.to_owned(), check, rules, path })
    }

    fn key(&self) -> &str {
        match self.path.first() {
            Some(Segment::Key(key)) => key,
            _ => &self.name,
        }
    }
}

pub struct JsonRows<'a> {
    pub fields: &'a [JsonField],
    /// A key that is not declared is refused.
    pub no_others: bool,
    /// Columns that the file's path gives.
    pub in_path: &'a [Column],
}

/// The keys that are searched for in a record.
struct Keys<'a> {
    keys: Vec<&'a str>,
    /// Of each column the first one with its key: that one is given the value.
    first: Vec<usize>,
}

impl JsonRows<'_> {
    pub fn check(&self, path: &Path, source: &mut Source, copy: PathBuf, sink: &mut Sink) -> Outcome<Checked> {
        let file = File::create(&copy).map_err(|e| cannot_write(&copy, &e))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let (mut checked, mut chunks, mut at) = (Checked::default(), Chunks::default(), 0);
        let mut row = RowText::default();
        let mut lines = Lines::new();
        let keys: Vec<&str> = self.fields.iter().map(JsonField::key).collect();
        let first = keys.iter().map(|key| keys.iter().position(|k| k == key).unwrap_or_default()).collect();
        let keys = Keys { keys, first };
        let mut accept = |row: &RowText| {
            chunks.row(at, at + row.bytes.len());
            at += row.bytes.len();
            out.write_all(&row.bytes).map_err(|e| cannot_write(&copy, &e))
        };
        while let Some(line) = lines.next(source)? {
            let text = line.text.strip_suffix(b"\r").unwrap_or(line.text);
            // Nearly every line is one record, and is read once.
            if std::str::from_utf8(text).is_ok_and(|text| self.row(&keys, text, &mut row).is_ok()) {
                checked.rows += 1;
                accept(&row)?;
                continue;
            }
            for (from, record) in records(text) {
                let raw = record.as_ref().map_or(text, |record| record.as_bytes());
                let done = record.and_then(|record| self.row(&keys, record, &mut row));
                match done {
                    Ok(()) => {
                        checked.rows += 1;
                        accept(&row)?;
                    }
                    Err(bad) => {
                        checked.rejected += 1;
                        sink.reject(path, line.number, line.byte + from as u64, bad, raw)?;
                    }
                }
            }
        }
        out.flush().map_err(|e| cannot_write(&copy, &e))?;
        checked.read = copy;
        checked.chunks = chunks.end();
        Ok(checked)
    }

    /// The record as a row of the copy; nothing may stand beside it.
    fn row(&self, keys: &Keys<'_>, record: &str, row: &mut RowText) -> Result<(), Bad> {
        let mut values: Vec<Option<&RawValue>> = vec![None; keys.keys.len()];
        let mut json = serde_json::Deserializer::from_str(record);
        let picked = Picked { keys: &keys.keys, values: &mut values, no_others: self.no_others, in_path: self.in_path };
        json.deserialize_map(picked).and_then(|()| json.end()).map_err(|e| match record.as_bytes().first() {
            Some(b'{') => Bad::new(RejectKind::BadJson, format!("no such object is read: {}", fault(record, &e))),
            Some(b'[') => Bad::new(
                RejectKind::BadJson,
                "an array is no record: an object a line is read (`jq -c '.[]'` makes them)",
            ),
            _ => Bad::new(RejectKind::BadJson, format!("not a JSON object: {}", fault(record, &e))),
        })?;
        row.begin();
        for (field, first) in self.fields.iter().zip(&keys.first) {
            let value = match values[*first] {
                Some(value) => dig(value, &field.path[1..]),
                None => Ok(None),
            };
            let text = value.and_then(|value| value.map_or(Ok(None), |v| text(&field.check, &field.rules, v)));
            match text.map_err(|reason| Bad { column: Some(field.name.clone()), kind: RejectKind::BadValue, reason })? {
                Some(text) => row.value(&text),
                None => row.null(),
            }
        }
        row.end();
        Ok(())
    }
}

/// The records of a line with the places where they begin; where something is no JSON, nothing of the line is a record.
fn records(line: &[u8]) -> Vec<(usize, Result<&str, Bad>)> {
    if line.trim_ascii().is_empty() {
        return Vec::new();
    }
    let line = match std::str::from_utf8(line) {
        Ok(line) => line,
        Err(e) => {
            let reason = format!("byte {:#04x} is not UTF-8; has the file another `encoding`?", line[e.valid_up_to()]);
            return vec![(0, Err(Bad::new(RejectKind::InvalidUtf8, reason)))];
        }
    };
    let mut found = Vec::new();
    for record in serde_json::Deserializer::from_str(line).into_iter::<&RawValue>() {
        match record {
            Ok(record) => {
                let text = record.get();
                found.push((text.as_ptr().addr() - line.as_ptr().addr(), Ok(text)));
            }
            Err(e) => {
                return vec![(
                    0,
                    Err(Bad::new(RejectKind::BadJson, format!("not a JSON object: {}", fault(line, &e)))),
                )];
            }
        }
    }
    found
}

/// What is wrong with a line's text. Its number stands elsewhere: here it is the place in it.
fn fault(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "it does not end on its line: an object a line is read (`jq -c .` makes them)".to_owned();
    }
    let whole = error.to_string();
    let what = whole.strip_suffix(&format!(" at line {} column {}", error.line(), error.column())).unwrap_or(&whole);
    let at = error.column();
    let rest = text.as_bytes().get(at.saturating_sub(1)..).unwrap_or_default();
    let numbers = ["NaN", "Infinity", "-Infinity", "nan", "inf"];
    // An error of a word stands at its first letter, or behind what could have begun another.
    let begins =
        |from: usize| text.get(from..).and_then(|rest| numbers.into_iter().find(|word| rest.starts_with(word)));
    if let Some(word) = (at.saturating_sub(3)..at).find_map(begins).filter(|_| !rest.is_empty()) {
        return format!("{word} is no JSON: write null, or the text \"NaN\", \"Infinity\" or \"-Infinity\"");
    }
    format!("{what}, at its byte {at}")
}

pub struct Line<'a> {
    pub text: &'a [u8],
    pub number: u64,
    pub byte: u64,
}

/// Lines of a source, however long.
pub struct Lines {
    buffer: Vec<u8>,
    from: usize,
    filled: usize,
    base: u64,
    number: u64,
    whole: bool,
}

impl Lines {
    #[expect(clippy::new_without_default, reason = "a buffer is no default")]
    pub fn new() -> Self {
        Self { buffer: vec![0; FIRST_BYTES], from: 0, filled: 0, base: 0, number: 0, whole: false }
    }

    pub fn next(&mut self, source: &mut Source) -> Outcome<Option<Line<'_>>> {
        let mut searched = self.from;
        loop {
            if let Some(n) = memchr::memchr(b'\n', &self.buffer[searched..self.filled]) {
                return Ok(Some(self.line(searched + n, searched + n + 1)));
            }
            if self.whole {
                let end = self.filled;
                return Ok((self.from < end).then(|| self.line(end, end)));
            }
            self.buffer.copy_within(self.from..self.filled, 0);
            self.base += self.from as u64;
            self.filled -= self.from;
            self.from = 0;
            searched = self.filled;
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            let space = self.buffer.len() - self.filled;
            let got = source.fill(&mut self.buffer[self.filled..])?;
            self.filled += got;
            self.whole = got < space;
        }
    }

    fn line(&mut self, end: usize, next: usize) -> Line<'_> {
        let from = std::mem::replace(&mut self.from, next);
        self.number += 1;
        // A byte order mark carries no information in UTF-8.
        let from = if self.number == 1 { from + crate::source::start(&self.buffer[from..end]) } else { from };
        Line { text: &self.buffer[from..end], number: self.number, byte: self.base + from as u64 }
    }
}
