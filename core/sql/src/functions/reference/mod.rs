//! What SQL has, for people: each function with its names, its signature, what it does, an example and what that gives.
//! The texts beside this file are the whole truth: a function that is not in them is not offered (`registry`).
//! `docs/sql-functions.md` is made of them, and `tests/verify/sql/functions.py` runs every example.

use std::sync::OnceLock;

const GROUPS: &[(&str, &str, &str)] = &[
    ("Text", "text", include_str!("texts.txt")),
    ("Numbers", "number", include_str!("numbers.txt")),
    ("Choices", "choice", include_str!("choices.txt")),
    ("Dates and times", "time", include_str!("times.txt")),
    ("Aggregates", "aggregate", include_str!("aggregates.txt")),
    ("Window functions", "window", include_str!("windows.txt")),
];

/// The table that examples read.
pub const SAMPLE: &str = include_str!("sample.sql");

/// A function as people read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `text`, `number`, `choice`, `time`, `aggregate` or `window`.
    pub kind: &'static str,
    pub title: &'static str,
    /// The first is the one that messages use.
    pub names: Vec<&'static str>,
    pub signature: &'static str,
    pub line: &'static str,
    pub example: &'static str,
    pub result: &'static str,
    /// How its example differs in DuckDB, or that DuckDB does not have it.
    pub differs: Option<&'static str>,
}

/// Every function, in the order of the documentation.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let group = |(title, kind, text): &(&'static str, &'static str, &'static str)| {
            text.trim_end().split("\n\n").filter_map(|block| entry(title, kind, block)).collect::<Vec<_>>()
        };
        GROUPS.iter().flat_map(group).collect()
    })
}

/// Names, signature, description, example, result, and perhaps a difference, a line each.
fn entry(title: &'static str, kind: &'static str, block: &'static str) -> Option<Entry> {
    let mut lines = block.lines();
    let names = lines.next()?.split(", ").collect();
    let (signature, line, example) = (lines.next()?, lines.next()?, lines.next()?);
    let result = lines.next()?.strip_prefix("= ")?;
    let differs = lines.next().and_then(|line| line.strip_prefix("! "));
    Some(Entry { kind, title, names, signature, line, example, result, differs })
}

/// The function with this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    entries().iter().find(|e| e.names.contains(&name))
}

/// The whole reference as Markdown.
pub fn markdown() -> String {
    let mut out = String::from(HEAD);
    out.push_str(&format!("```sql\n{}```\n", SAMPLE));
    let mut title = "";
    for e in entries() {
        if e.title != title {
            title = e.title;
            out.push_str(&format!("\n## {title}\n\n| | | example | gives |\n|---|---|---|---|\n"));
        }
        let aliases = match e.names.get(1..).filter(|more| !more.is_empty()) {
            Some(more) => format!(" Also {}.", more.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
            None => String::new(),
        };
        let differs = e.differs.map(|d| format!(" DuckDB: {d}.")).unwrap_or_default();
        out.push_str(&format!(
            "| {} | {}{aliases}{differs} | {} | {} |\n",
            code(e.signature),
            e.line.replace('|', "\\|"),
            code(e.example),
            code(e.result)
        ));
    }
    out
}

const HEAD: &str = "\
# Functions of SQL

`spotmill functions` prints this list with the functions of your own worker, `spotmill functions NAME` one of them. The
page is made by `spotmill functions --markdown`; every example is run by `tests/tests/local/sql_duckdb.rs`, which compares it
with what stands here and, where DuckDB has the function, with DuckDB.

A function gives NULL where an argument is NULL, unless it says otherwise. An argument of another type is refused when the
query is planned; a literal text may stand for a date or a timestamp. The examples read this table:

";

/// A table's cell of code.
fn code(text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => format!("`{}`", text.replace('|', "\\|")),
    }
}
