//! The tables of a test as files that a worker reads. All forms come by one way: rows are written as CSV with all of the
//! step's columns, in their types, with a word for NULL that no cell is; CSV text and files are read by the same columns,
//! and lack some of them where those are NULL.

use crate::cell::Row;
use crate::read::Given;
use spotmill_core::model::{Extra, Format, Missing, Read};
use spotmill_core::types::Column;
use spotmill_spec::query::read_of;

/// Where a table's rows come from, and how they are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixture {
    pub source: Source,
    pub read: Read,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Nothing,
    /// The text of a CSV file.
    Csv(String),
    /// Relative to the project.
    File(String),
}

/// A table without rows.
pub fn empty(columns: &[Column]) -> Fixture {
    Fixture { source: Source::Nothing, read: typed(Read::of(Format::Csv), columns) }
}

pub fn fixture(given: &Given, columns: &[Column]) -> Fixture {
    let csv = typed(Read::of(Format::Csv), columns);
    match given {
        Given::Rows(rows) if rows.is_empty() => empty(columns),
        Given::Rows(rows) => {
            let null = word_for_null(rows);
            let text = csv_text(rows, columns, &null);
            // Without a header no row can be taken for one.
            Fixture { source: Source::Csv(text), read: Read { header: false, null_values: vec![null], ..csv } }
        }
        Given::Csv { text, .. } => Fixture { source: Source::Csv(text.clone()), read: csv },
        Given::File(named) => {
            let by_ending = read_of(&named.path).unwrap_or(csv);
            Fixture { source: Source::File(named.path.clone()), read: typed(by_ending, columns) }
        }
    }
}

/// Times are written as ISO 8601 has them, whatever pattern the step's own files have.
fn typed(read: Read, columns: &[Column]) -> Read {
    let columns = columns.iter().map(|column| Column { parse: None, ..column.clone() }).collect();
    Read { columns, missing: Missing::Null, extra: Extra::Fail, ..read }
}

/// No cell of the rows.
fn word_for_null(rows: &[Row]) -> String {
    let mut word = "NULL".to_owned();
    while rows.iter().flat_map(|row| &row.cells).any(|cell| cell.text.as_deref() == Some(word.as_str())) {
        word.push('_');
    }
    word
}

fn csv_text(rows: &[Row], columns: &[Column], null: &str) -> String {
    let mut text = String::new();
    for row in rows {
        let cell = |column: &Column| match row.get(&column.name).and_then(|cell| cell.text.as_deref()) {
            Some(text) => quoted(text),
            None => null.to_owned(),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        text.push_str(&(cells.join(",") + "\n"));
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
