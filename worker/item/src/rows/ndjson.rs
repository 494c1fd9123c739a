//! Every line of an NDJSON file is an object with values of the declared types, or it is rejected. Accepted lines
//! are handed to the engine as CSV, so that one reader, with one set of rules, is trusted rather than two. Keys
//! that are not declared are let be; a missing key is NULL.

use super::field::Check;
use super::source::Source;
use super::{Bad, Checked, Sink};
use crate::failure::{Outcome, cannot_write};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const FIRST_BYTES: usize = 1 << 20;

pub struct JsonRows<'a> {
    pub names: &'a [String],
    pub checks: &'a [Check],
}

impl JsonRows<'_> {
    pub fn check(&self, path: &Path, source: &mut Source, copy: PathBuf, sink: &mut Sink) -> Outcome<Checked> {
        let file = File::create(&copy).map_err(|e| cannot_write(&copy, &e))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let mut checked = Checked::default();
        let mut row = Vec::new();
        let mut lines = Lines::new();
        while let Some(line) = lines.next(source)? {
            let text = line.text.strip_suffix(b"\r").unwrap_or(line.text);
            if text.trim_ascii().is_empty() {
                continue;
            }
            match self.row(text, &mut row) {
                Ok(()) => {
                    checked.rows += 1;
                    out.write_all(&row).map_err(|e| cannot_write(&copy, &e))?;
                }
                Err(bad) => {
                    checked.rejected += 1;
                    sink.reject(path, line.number, line.byte, bad, text)?;
                }
            }
        }
        out.flush().map_err(|e| cannot_write(&copy, &e))?;
        checked.read = copy;
        Ok(checked)
    }

    /// The line as a CSV row.
    fn row(&self, text: &[u8], row: &mut Vec<u8>) -> Result<(), Bad> {
        if let Err(e) = std::str::from_utf8(text) {
            return Err(Bad::new("invalid_utf8", format!("byte {:#04x} is not UTF-8", text[e.valid_up_to()])));
        }
        let mut values: Vec<Option<serde_json::Value>> = vec![None; self.names.len()];
        let mut json = serde_json::Deserializer::from_slice(text);
        let object = Object { names: self.names, values: &mut values };
        json.deserialize_map(object).map_err(|e| Bad::new("bad_json", format!("not a JSON object: {e}")))?;
        json.end().map_err(|e| Bad::new("bad_json", format!("not one JSON object: {e}")))?;
        row.clear();
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                row.push(b',');
            }
            if let Some(value) = value {
                field(&self.checks[i], value, row).map_err(|reason| Bad {
                    column: Some(self.names[i].clone()),
                    kind: "bad_value",
                    reason,
                })?;
            }
        }
        if self.names.len() == 1 && row.is_empty() {
            // A line of nothing would be no row: NULL is written as the marker the reader is told of.
            row.extend_from_slice(super::NULL_MARK.as_bytes());
        }
        row.push(b'\n');
        Ok(())
    }
}

fn field(check: &Check, value: &serde_json::Value, row: &mut Vec<u8>) -> Result<(), String> {
    use serde_json::Value as V;
    let wrong = || {
        let text = super::shorten(&value.to_string(), 80);
        format!("`{text}` is not {}", check.expected())
    };
    let text = match (check, value) {
        (_, V::Null) => return Ok(()),
        (Check::Text, V::String(text)) => {
            super::quote(text.as_bytes(), row);
            return Ok(());
        }
        (Check::Time(_) | Check::Decimal { .. }, V::String(text)) if !text.is_empty() => text.clone(),
        (Check::Bool, V::Bool(value)) => value.to_string(),
        (Check::Int { .. } | Check::Uint { .. }, V::Number(n)) if !n.is_f64() => n.to_string(),
        (Check::Float32 | Check::Float64 | Check::Decimal { .. }, V::Number(n)) => n.to_string(),
        _ => return Err(wrong()),
    };
    if !check.accepts(text.as_bytes()) {
        return Err(wrong());
    }
    super::quote_if_needed(text.as_bytes(), row);
    Ok(())
}

struct Object<'a> {
    names: &'a [String],
    values: &'a mut [Option<serde_json::Value>],
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match self.names.iter().position(|n| *n == key) {
                Some(i) => self.values[i] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Line<'a> {
    text: &'a [u8],
    number: u64,
    byte: u64,
}

/// Lines of a source, however long.
struct Lines {
    buffer: Vec<u8>,
    from: usize,
    filled: usize,
    base: u64,
    number: u64,
    whole: bool,
}

impl Lines {
    fn new() -> Self {
        Self { buffer: vec![0; FIRST_BYTES], from: 0, filled: 0, base: 0, number: 0, whole: false }
    }

    fn next(&mut self, source: &mut Source) -> Outcome<Option<Line<'_>>> {
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
        Line { text: &self.buffer[from..end], number: self.number, byte: self.base + from as u64 }
    }
}
