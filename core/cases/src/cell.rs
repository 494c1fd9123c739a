//! Rows as a file of tests writes them: each cell a text, or NULL, with its place. Numbers are taken as they are written,
//! digit by digit, so that a decimal loses none.

use spotmill_spec::Problem;
use spotmill_spec::tree::{Kind, Node};
use spotmill_spec::{Place, Sources};
use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub column: String,
    /// None is NULL.
    pub text: Option<String>,
    /// Written in quotes: the only form of a text.
    pub quoted: bool,
    /// Where the column's name and the value stand.
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// Cells in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub cells: Vec<Cell>,
    pub span: Range<usize>,
}

impl Row {
    pub fn get(&self, column: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.column == column)
    }
}

/// The rows of an array of tables; what is no value of a cell is reported.
pub fn rows_of(node: &Node, sources: &Sources, problems: &mut Vec<Problem>) -> Vec<Row> {
    let row = |item: &Node, problems: &mut Vec<Problem>| Row {
        cells: item
            .entries()
            .iter()
            .filter_map(|entry| match text_of(&entry.node, &sources.toml) {
                Ok((text, quoted)) => Some(Cell {
                    column: entry.key.clone(),
                    text,
                    quoted,
                    key: entry.key_span.clone(),
                    value: entry.node.span.clone(),
                }),
                Err(label) => {
                    let place = Place { file: sources.path.clone(), span: entry.node.span.clone() };
                    let title = format!("`{}` is no value of a column", entry.key);
                    problems.push(Problem::error("bad-value", title).at(place, label));
                    None
                }
            })
            .collect(),
        span: item.span.clone(),
    };
    node.items().iter().map(|item| row(item, problems)).collect()
}

/// The value's text, or NULL; and whether it stands in quotes.
fn text_of(node: &Node, toml: &str) -> Result<(Option<String>, bool), String> {
    let written = || toml.get(node.span.clone()).unwrap_or_default().replace('_', "");
    match &node.kind {
        Kind::String(text) => Ok((Some(text.clone()), true)),
        // 0x1F is 31.
        Kind::Integer(i) if written().parse::<i64>().is_err() => Ok((Some(i.to_string()), false)),
        Kind::Integer(_) | Kind::Float(_) => Ok((Some(written()), false)),
        Kind::Boolean(b) => Ok((Some(b.to_string()), false)),
        Kind::Datetime(at) => Ok((Some(at.to_string()), false)),
        Kind::Table(entries) => match entries.as_slice() {
            [only] if only.key == "null" && matches!(only.node.kind, Kind::Boolean(true)) => Ok((None, false)),
            _ => {
                Err("a cell is a text, a number, true or false, a date or a time; NULL is `{ null = true }`".to_owned())
            }
        },
        Kind::Array(_) => Err("SQL has no lists here: a cell is one value".to_owned()),
    }
}
