//! Rows as a file of tests has them, from what a worker made: what is written here is read back as the same cells. NULL is
//! a column that is left out.

use spotmill_core::types::{Column, ColumnType};

/// `[ { carrier = "UA", flights = 2 }, … ]`, a row a line.
pub fn array(columns: &[Column], rows: &[Vec<Option<String>>]) -> String {
    if rows.is_empty() {
        return "[]".to_owned();
    }
    let rows: Vec<String> = rows.iter().map(|cells| format!("  {},\n", row(columns, cells))).collect();
    format!("[\n{}]", rows.concat())
}

pub fn row(columns: &[Column], cells: &[Option<String>]) -> String {
    let cell = |(column, cell): (&Column, &Option<String>)| {
        let text = cell.as_ref()?;
        Some(format!("{} = {}", key(&column.name), value(column.ty, text)))
    };
    let cells: Vec<String> = columns.iter().zip(cells).filter_map(cell).collect();
    match cells.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", cells.join(", ")),
    }
}

/// A test that is written for a person; values and rows are TOML already.
#[derive(Clone, Debug, Default)]
pub struct CaseText {
    pub name: String,
    pub step: String,
    pub params: Vec<(String, String)>,
    pub value: Option<String>,
    pub input: String,
    pub tables: Vec<(String, String)>,
    pub expected: String,
}

impl CaseText {
    pub fn text(&self) -> String {
        let mut text = format!("[[test]]\nname = {}\nstep = {}\n", string(&self.name), string(&self.step));
        if !self.params.is_empty() {
            let params = self.params.iter().map(|(name, value)| format!("{} = {value}", key(name)));
            text.push_str(&format!("params = {{ {} }}\n", params.collect::<Vec<_>>().join(", ")));
        }
        text.extend(self.value.iter().map(|value| format!("given.value = {value}\n")));
        text.push_str(&format!("given.input = {}\n", self.input));
        text.extend(self.tables.iter().map(|(name, rows)| format!("given.tables.{} = {rows}\n", key(name))));
        text.push_str(&format!("expect.rows = {}\n", self.expected));
        text
    }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { string(name) }
}

fn value(ty: ColumnType, text: &str) -> String {
    match ty {
        ColumnType::Bool => text.to_ascii_lowercase(),
        ColumnType::Float32 | ColumnType::Float64 => match text {
            "NaN" => "nan".to_owned(),
            "inf" | "-inf" => text.to_owned(),
            // Numbers that TOML takes as they stand.
            other if other.parse::<f64>().is_ok_and(f64::is_finite) && other.contains(['.', 'e']) => other.to_owned(),
            other => string(other),
        },
        ColumnType::Date => string(text),
        ColumnType::Timestamp => string(&text.replacen(' ', "T", 1)),
        ColumnType::TimestampUtc => string(&text.replacen(" UTC", "Z", 1).replacen(' ', "T", 1)),
        ColumnType::Decimal { .. } | ColumnType::String => string(text),
        // A whole number past 64 bits is no TOML.
        _ if text.parse::<i64>().is_ok() => text.to_owned(),
        _ => string(text),
    }
}

/// A basic string.
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
