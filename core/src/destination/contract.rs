//! Published columns are a contract with whoever reads them: their names, types and order, the format of the files and
//! the folders they lie in stay what the last publication of the same table had. A table is a destination's template: all
//! dates of it are one table to a reader, so the contract lies at the part of it that all runs share.

use super::FOLDER;
use crate::digest::short;
use crate::ids::{RunId, Uri};
use crate::model::Format;
use crate::types::Column;
use serde::{Deserialize, Serialize};

/// `_spotmill/columns-{digest}.json` in the folder that all runs' destinations share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    pub v: u32,
    /// The destination as it is written in the pipeline, below the folder.
    pub template: String,
    /// Who published last.
    pub run: RunId,
    pub format: Format,
    pub columns: Vec<Column>,
    /// Columns that the folders are named by; None where an older program did not write it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folders: Option<Vec<String>>,
    /// What divides the fields of CSV; None of another format, and where an older program did not write it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
}

impl Contract {
    /// Whether it states all that `next` states: an older program wrote down less.
    pub fn states_all_of(&self, next: &Contract) -> bool {
        (self.folders.is_some() || next.folders.is_none()) && (self.delimiter.is_some() || next.delimiter.is_none())
    }
}

/// A difference between a contract and what is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// As a person compares them.
    pub what: String,
    /// In names, types or order of columns, which a declaration or a CAST would keep.
    pub in_columns: bool,
}

/// The literal folder a template begins with, and the rest: `lake/` and `d={date}/x`.
pub fn table_prefix<'t>(template: &'t str, keys: &[String]) -> (&'t str, &'t str) {
    let first_key = template.match_indices('{').find(|(at, _)| {
        let inside = template[at + 1..].split('}').next().unwrap_or_default();
        let name = inside.split(':').next().unwrap_or_default().trim();
        keys.iter().any(|k| k == name)
    });
    let end = first_key.map_or(template.len(), |(at, _)| at);
    let cut = if end == template.len() { end } else { template[..end].rfind('/').map_or(0, |at| at + 1) };
    (&template[..cut], template[cut..].trim_end_matches('/'))
}

pub fn contract_uri(folder: &Uri, rest: &str) -> Uri {
    folder.join(&format!("{FOLDER}/columns-{}.json", short(rest.as_bytes(), 16)))
}

/// How what is to be published differs from the contract; nothing where they agree or one of them has no columns.
pub fn changes(contract: &Contract, next: &Contract) -> Option<Difference> {
    if next.columns.is_empty() || contract.columns.is_empty() {
        return None;
    }
    form_change(contract, next)
        .or_else(|| columns_change(contract, next).map(|what| Difference { what, in_columns: true }))
        .or_else(|| folders_change(contract, next))
}

/// The same of what is decided before a row is made: the format of files, and the folders they lie in.
pub fn changes_of_files(contract: &Contract, next: &Contract) -> Option<Difference> {
    form_change(contract, next).or_else(|| folders_change(contract, next))
}

fn form_change(contract: &Contract, next: &Contract) -> Option<Difference> {
    let by = &contract.run;
    let what = match (contract.delimiter, next.delimiter) {
        _ if contract.format != next.format => {
            format!("the files published by {by} are {}, and now {}", contract.format, next.format)
        }
        (Some(was), Some(is)) if was != is => {
            let (was, is) = (between_fields(was), between_fields(is));
            format!("the files published by {by} have {was} between fields, and now {is}")
        }
        _ => return None,
    };
    Some(Difference { what, in_columns: false })
}

fn folders_change(contract: &Contract, next: &Contract) -> Option<Difference> {
    let (Some(was), Some(is)) = (&contract.folders, &next.folders) else { return None };
    let by = &contract.run;
    let what = || format!("the files published by {by} lie in {}, and now in {}", named(was), named(is));
    (was != is).then(|| Difference { what: what(), in_columns: false })
}

fn columns_change(contract: &Contract, next: &Contract) -> Option<String> {
    let plain = |columns: &[Column]| columns.iter().map(|c| (c.name.clone(), c.ty)).collect::<Vec<_>>();
    let (old, new) = (plain(&contract.columns), plain(&next.columns));
    if old == new {
        return None;
    }
    let mut differing: Vec<String> = Vec::new();
    for (name, ty) in &new {
        match old.iter().find(|(n, _)| n == name) {
            None => differing.push(format!("`{name}` {ty} is new")),
            Some((_, was)) if was != ty => differing.push(format!("`{name}` was {was} and is {ty}")),
            Some(_) => {}
        }
    }
    for (name, ty) in old.iter().filter(|(n, _)| !new.iter().any(|(m, _)| m == n)) {
        differing.push(format!("`{name}` {ty} is gone"));
    }
    if differing.is_empty() {
        differing.push("their order changed".to_owned());
    }
    let list = |all: &[(String, crate::types::ColumnType)]| {
        all.iter().map(|(n, t)| format!("{n} {t}")).collect::<Vec<_>>().join(", ")
    };
    let (by, differing) = (&contract.run, differing.join(", "));
    Some(format!("{differing}; published by {by}: {}; now: {}", list(&old), list(&new)))
}

/// How messages name a delimiter.
fn between_fields(delimiter: char) -> String {
    match delimiter {
        ',' => "commas".to_owned(),
        '\t' => "tabs".to_owned(),
        other => format!("`{other}`"),
    }
}

/// How messages name the folders of files.
fn named(folders: &[String]) -> String {
    match folders {
        [] => "no folders".to_owned(),
        some => format!("folders `{}=…`", some.join("=…/")),
    }
}
