//! The SQL functions the engine brings, for `spotmill functions` and for "did you mean".

use polars::sql::keywords;
use spotmill_core::item::FunctionInfo;

pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> =
        keywords::all_functions().into_iter().filter(|n| !n.starts_with("read_")).collect();
    names.sort_unstable();
    names.dedup();
    names
}

pub fn functions() -> Vec<FunctionInfo> {
    names()
        .into_iter()
        .map(|name| FunctionInfo { name: name.to_owned(), signature: String::new(), custom: false })
        .collect()
}
