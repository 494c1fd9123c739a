//! What columns a text file seems to have: its header, and types that every one of its values fits. Conservative:
//! whole numbers are int64, and whatever could lose something on the way (leading zeros, mixed kinds) is a string.

use crate::failure::{Outcome, bad_data};
use crate::rows;
use crate::rows::csv::Nulls;
use crate::rows::field::Check;
use crate::rows::source::Source;
use crate::rows::split::{Field, Fields};
use crate::types::column;
use spotmill_core::model::{Format, Read};
use spotmill_core::types::{Column, ColumnType};
use std::path::Path;

/// Bytes looked at to infer types; a file's beginning, and all of most files.
const LOOK_BYTES: usize = 256 << 20;
const HEADER_BYTES: usize = 1 << 20;

fn beginning(path: &Path, read: &Read, bytes: usize) -> Outcome<(Vec<u8>, bool)> {
    let mut source = Source::open(path, read.compression)?;
    let mut data = Vec::new();
    let mut chunk = vec![0; 1 << 20];
    while data.len() < bytes {
        let n = source.fill(&mut chunk)?;
        data.extend_from_slice(&chunk[..n]);
        if n < chunk.len() {
            return Ok((data, true));
        }
    }
    Ok((data, false))
}

fn text(data: &[u8], field: Field) -> String {
    let text = String::from_utf8_lossy(&data[field.from..field.to]);
    if field.quoted { text.replace("\"\"", "\"") } else { text.into_owned() }
}

/// The fields of the next row that is not blank.
fn row(data: &[u8], fields: &mut Fields<'_>) -> Option<Vec<Field>> {
    while fields.at < data.len() {
        let row = fields.row()?;
        if row.len() > 1 || row[0].from < row[0].to || row[0].quoted {
            return Some(row);
        }
    }
    None
}

/// The names in a CSV file's header; none if the file holds nothing.
pub fn header(path: &Path, read: &Read) -> Outcome<Option<Vec<String>>> {
    let (data, whole) = beginning(path, read, HEADER_BYTES)?;
    let mut fields = Fields::new(&data, read.delimiter as u8, rows::start(&data), whole);
    match row(&data, &mut fields) {
        Some(names) => Ok(Some(names.into_iter().map(|f| text(&data, f)).collect())),
        None if data.trim_ascii().is_empty() => Ok(None),
        None => {
            let file = path.display().to_string();
            Err(bad_data(&file, format!("{file}: the header is no CSV row")))
        }
    }
}

/// Names and types that fit the file.
pub fn columns(path: &Path, read: &Read) -> Outcome<Vec<Column>> {
    match read.format {
        Format::Ndjson => ndjson(path, read),
        _ => csv(path, read),
    }
}

fn csv(path: &Path, read: &Read) -> Outcome<Vec<Column>> {
    let (data, whole) = beginning(path, read, LOOK_BYTES)?;
    let mut fields = Fields::new(&data, read.delimiter as u8, rows::start(&data), whole);
    let nulls = Nulls::new(&read.null_values);
    let mut names: Vec<String> = Vec::new();
    if read.header {
        names = row(&data, &mut fields).unwrap_or_default().into_iter().map(|f| text(&data, f)).collect();
    }
    let mut guesses: Vec<Guess> = names.iter().map(|_| Guess::new()).collect();
    while let Some(row) = row(&data, &mut fields) {
        if guesses.is_empty() && !read.header {
            names = (1..=row.len()).map(|i| format!("column_{i}")).collect();
            guesses = names.iter().map(|_| Guess::new()).collect();
        }
        for (field, guess) in row.iter().zip(&mut guesses) {
            let value = &data[field.from..field.to];
            if !nulls.contains(value) {
                guess.see(value);
            }
        }
    }
    Ok(names.iter().zip(guesses).map(|(name, guess)| column(name, guess.ty())).collect())
}

fn ndjson(path: &Path, read: &Read) -> Outcome<Vec<Column>> {
    let (data, whole) = beginning(path, read, LOOK_BYTES)?;
    let mut found: Vec<(String, Guess)> = Vec::new();
    let mut lines: Vec<&[u8]> = data.split(|b| *b == b'\n').collect();
    if !whole {
        lines.pop();
    }
    for line in lines {
        let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(line) else { continue };
        for (key, value) in object {
            let at = found.iter().position(|(name, _)| *name == key).unwrap_or_else(|| {
                found.push((key, Guess::new()));
                found.len() - 1
            });
            let guess = &mut found[at].1;
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::String(text) => guess.see_string(text.as_bytes()),
                other => guess.see(other.to_string().as_bytes()),
            }
        }
    }
    Ok(found.into_iter().map(|(name, guess)| column(&name, guess.ty())).collect())
}

/// The types that every value seen so far fits, best first.
struct Guess {
    fits: Vec<(ColumnType, Check)>,
    seen: bool,
}

impl Guess {
    fn new() -> Self {
        use ColumnType as T;
        let order = [T::Bool, T::Int64, T::Float64, T::Date, T::Timestamp, T::TimestampUtc];
        let check = |ty: ColumnType| Check::new(&column("", ty)).ok().map(|c| (ty, c));
        Self { fits: order.into_iter().filter_map(check).collect(), seen: false }
    }

    fn see(&mut self, value: &[u8]) {
        self.seen = true;
        let body = value.strip_prefix(b"-").unwrap_or(value);
        let padded = body.len() > 1 && body[0] == b'0' && body[1].is_ascii_digit();
        let odd = !value.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'-') || padded;
        let zoned = value.last().is_some_and(|b| matches!(b, b'Z' | b'z'));
        let word = body.first().is_some_and(u8::is_ascii_alphabetic);
        self.fits.retain(|(ty, check)| match ty {
            ColumnType::Int64 | ColumnType::Float64 => !odd && !word && check.accepts(value),
            ColumnType::Timestamp => !zoned && check.accepts(value),
            _ => check.accepts(value),
        });
    }

    /// A JSON string is no number, whatever it looks like.
    fn see_string(&mut self, value: &[u8]) {
        self.see(value);
        self.fits.retain(|(ty, _)| !matches!(ty, ColumnType::Bool | ColumnType::Int64 | ColumnType::Float64));
    }

    fn ty(&self) -> ColumnType {
        match self.fits.first() {
            Some((ty, _)) if self.seen => *ty,
            _ => ColumnType::String,
        }
    }
}
