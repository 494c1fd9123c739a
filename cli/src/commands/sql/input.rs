//! The text of the query, wherever it comes from, and its params.

use crate::args::SqlArgs;
use crate::exit::{Stop, io};
use spotmill_core::nearest::nearest;
use spotmill_core::types::Value;
use spotmill_spec::query::param;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

pub struct Text {
    /// As messages show it.
    pub name: String,
    pub sql: String,
}

/// QUERY itself, `-` for standard input, `@FILE` or `--file FILE`.
pub fn text(args: &SqlArgs) -> Result<Text, Stop> {
    let query = args.query.as_deref().unwrap_or_default();
    if let Some(file) = args.file.as_deref().or_else(|| query.strip_prefix('@').map(Path::new)) {
        let sql = std::fs::read_to_string(file).map_err(io("read", file))?;
        return Ok(Text { name: file.display().to_string(), sql });
    }
    if query != "-" {
        return Ok(Text { name: "the query".to_owned(), sql: query.to_owned() });
    }
    let mut sql = String::new();
    std::io::stdin().read_to_string(&mut sql).map_err(io("read", Path::new("standard input")))?;
    Ok(Text { name: "standard input".to_owned(), sql })
}

pub fn params(given: &[(String, String)]) -> Result<BTreeMap<String, Value>, Stop> {
    let mut params = BTreeMap::new();
    for (name, text) in given {
        if params.insert(name.clone(), param::infer(text)).is_some() {
            return Err(Stop::usage(format!("--param {name} is given twice")));
        }
    }
    Ok(params)
}

/// A param that the query does not name is a typo in one of the two.
pub fn all_used(sql: &str, params: &BTreeMap<String, Value>) -> Result<(), Stop> {
    let named = spotmill_spec::sql::params(sql);
    let Some(unused) = params.keys().find(|p| !named.contains(p)) else { return Ok(()) };
    let stop = Stop::usage(format!("--param {unused}: the query has no ${unused}"));
    Err(match nearest(unused, named.iter().map(String::as_str)) {
        Some(near) => stop.remedy(format!("did you mean `{near}`?")),
        None => stop,
    })
}
