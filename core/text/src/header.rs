//! Which columns stand where in a file: its header against the declared columns. Names are taken as they stand; one that
//! differs only by blanks or case is pointed at.

use crate::failure::{Outcome, Remedy, bad_data};
use crate::reader::{Reading, Row};
use crate::split::value;
use spotmill_core::item::ItemFailure;
use spotmill_core::model::{Extra, Missing, Read};
use spotmill_core::types::Column;
use std::path::Path;

/// The columns of a file in its order, under names that nothing else has where they are not declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub names: Vec<String>,
    /// As the file writes them; the declared names where there is no header.
    pub titles: Vec<String>,
    /// Declared, and not in the file.
    pub missing: Vec<String>,
    /// In the file, and not declared.
    pub extra: Vec<String>,
}

/// The texts of a header's row.
pub fn names(path: &Path, row: &Row<'_>, how: Reading<'_>) -> Outcome<Vec<String>> {
    let text = |field: &crate::split::Field| {
        String::from_utf8(value(row.data, *field, how.grammar).into_owned()).map_err(|_| {
            let file = path.display().to_string();
            bad_data(&file, format!("{file} line {}: the header is not UTF-8", row.line))
                .remedy("set the `encoding` that the file has, such as \"windows-1252\"")
        })
    };
    row.fields.iter().map(text).collect()
}

/// The file's columns, as `read` takes them.
pub fn layout(path: &Path, read: &Read, columns: &[Column], header: Option<Vec<String>>) -> Outcome<Layout> {
    let declared: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    let Some(header) = header else {
        return Ok(Layout { names: declared.clone(), titles: declared, ..Layout::default() });
    };
    let mut missing = Vec::new();
    for name in &declared {
        match header.iter().filter(|h| *h == name).count() {
            1 => {}
            0 if read.missing == Missing::Null && similar(name, &header).is_none() => missing.push(name.clone()),
            times => return Err(not_once(path, name, times, &header)),
        }
    }
    let extra: Vec<String> =
        header.iter().filter(|h| !declared.contains(h) && !read.hive.iter().any(|c| c.name == **h)).cloned().collect();
    if (read.extra == Extra::Fail || read.inferred) && !extra.is_empty() {
        let file = path.display().to_string();
        let (what, way) = match read.inferred {
            true => ("that the sampled files have not", "declare `columns`"),
            false => ("that are not declared", "add them to `columns`, or set `extra = \"ignore\"`"),
        };
        let message = format!("{file} has columns {what}: {}", quoted(&extra));
        return Err(bad_data(&file, message).remedy(way));
    }
    // What is not declared is read past, under a name that nothing else has.
    let unique = |(i, h): (usize, &String)| if declared.contains(h) { h.clone() } else { format!("\u{1}{i}") };
    Ok(Layout { names: header.iter().enumerate().map(unique).collect(), titles: header, missing, extra })
}

/// A title that differs from the name only by blanks or case.
fn similar<'h>(name: &str, header: &'h [String]) -> Option<&'h String> {
    header.iter().find(|h| h.trim().eq_ignore_ascii_case(name.trim()))
}

fn not_once(path: &Path, name: &str, times: usize, header: &[String]) -> ItemFailure {
    let file = path.display().to_string();
    if times > 1 {
        let message = format!("more than one column `{name}` in the header of {file}");
        return bad_data(&file, message)
            .remedy("with `header = false` and `skip_rows = 1`, `columns` names them by place");
    }
    let has = |c: char| header.iter().any(|name| name.contains(c));
    let message = format!("missing column `{name}` in the header of {file}, which is: {}", quoted(header));
    let remedy = match similar(name, header) {
        _ if has('\r') => {
            "its lines do not end in LF or CR LF: convert their ends, as `tr '\\r' '\\n'` does".to_owned()
        }
        _ if has('\0') => {
            "zeros between its letters are how UTF-16 looks: set `encoding = \"utf-16le\"` or `\"utf-16be\"`".to_owned()
        }
        _ if header.first().is_some_and(|first| first.starts_with("sep=")) => {
            "its first line is for a spreadsheet: set `skip_rows = 1`, and `delimiter` as it says".to_owned()
        }
        Some(near) => format!("the header has `{near}`: declare the name as it stands there, blanks and case included"),
        None if header.len() == 1 => {
            "if other lines stand before the header, set `skip_rows`; if fields are divided by \
             another character, set `delimiter`"
                .to_owned()
        }
        None => {
            "declare the columns that the file has, or set `missing = \"null\"`; `header = false` if it has no header"
                .to_owned()
        }
    };
    bad_data(&file, message).remedy(remedy)
}

fn quoted(names: &[String]) -> String {
    let one = |name: &String| format!("`{}`", name.escape_debug());
    let shown: Vec<String> = names.iter().take(50).map(one).collect();
    shown.join(", ") + if names.len() > 50 { ", …" } else { "" }
}
