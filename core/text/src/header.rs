//! Which columns stand where in a file: its header against the declared columns. Names are taken as they stand; one that
//! differs only by blanks or case is pointed at.

use crate::failure::{Outcome, Remedy, bad_data};
use crate::reader::{Reading, Row};
use crate::source::{LINE_ENDS, UTF_16};
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
    if let Some(key) = read.hive.iter().find(|key| header.contains(&key.name)) {
        return Err(twice(path, &key.name));
    }
    // Names that were found in a sample are nobody's statement that two of them differ.
    let stated: &[Column] = if read.inferred { &[] } else { columns };
    let mut missing = Vec::new();
    for name in &declared {
        let near = similar(header.iter().map(String::as_str), name, stated);
        match header.iter().filter(|h| *h == name).count() {
            1 => {}
            0 if read.missing == Missing::Null && near.is_none() && misread(&header).is_none() => {
                missing.push(name.clone());
            }
            times => return Err(not_once(path, name, times, near, &header)),
        }
    }
    let extra: Vec<String> = header.iter().filter(|h| !declared.contains(h)).cloned().collect();
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

/// A key of the path that the file has as a column too: its values are the path's or its own, and nobody said which.
pub fn twice(path: &Path, name: &str) -> ItemFailure {
    let file = path.display().to_string();
    bad_data(&file, format!("{file} has a column `{name}`, which `hive` takes from its path")).remedy(format!(
        "read one of the two: leave `{name}` out of `hive` to have the file's own, or have the file written without it"
    ))
}

/// The one of a file's names that differs from `name` only by blanks or case, and that is not declared itself.
pub fn similar<'n>(names: impl IntoIterator<Item = &'n str>, name: &str, declared: &[Column]) -> Option<&'n str> {
    let is_declared = |found: &str| declared.iter().any(|column| column.name == found);
    names.into_iter().find(|found| found.trim().eq_ignore_ascii_case(name.trim()) && !is_declared(found))
}

/// What to do about a file whose first line, as it was split, is no header.
fn misread(header: &[String]) -> Option<&'static str> {
    if header.iter().any(|title| title.contains('\0')) {
        Some(UTF_16)
    } else if header.iter().any(|title| returns(title)) {
        Some(LINE_ENDS)
    } else if header.first().is_some_and(|first| first.starts_with("sep=")) {
        Some("its first line is for a spreadsheet: set `skip_rows = 1`, and `delimiter` as it says")
    } else {
        None
    }
}

/// Whether a CR stands in it that no LF follows.
fn returns(title: &str) -> bool {
    title.replace("\r\n", "").contains('\r')
}

fn not_once(path: &Path, name: &str, times: usize, near: Option<&str>, header: &[String]) -> ItemFailure {
    let file = path.display().to_string();
    if times > 1 {
        let message = format!("more than one column `{name}` in the header of {file}");
        return bad_data(&file, message)
            .remedy("with `header = false` and `skip_rows = 1`, `columns` names them by place");
    }
    let message = format!("missing column `{name}` in the header of {file}, which is: {}", quoted(header));
    let remedy = match (near.filter(|near| !returns(near)), misread(header)) {
        (Some(near), _) => {
            format!("the header has `{near}`: declare the name as it stands there, blanks and case included")
        }
        (None, Some(way)) => way.to_owned(),
        (None, None) if header.len() == 1 => {
            "if other lines stand before the header, set `skip_rows`; if fields are divided by \
             another character, set `delimiter`"
                .to_owned()
        }
        (None, None) => {
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
