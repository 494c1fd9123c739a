//! The SQL functions that every worker has, for `spotmill functions` and for "did you mean": every name, each with the
//! text of the reference on the function.

use spotmill_core::item::{FunctionAbout, FunctionInfo};
use spotmill_sql::functions::reference::{Entry, entries};
pub use spotmill_sql::functions::reference::{SAMPLE, markdown};

pub fn names() -> Vec<String> {
    entries().iter().flat_map(|e| &e.names).map(|name| (*name).to_owned()).collect()
}

pub fn functions() -> Vec<FunctionInfo> {
    entries().iter().flat_map(|entry| entry.names.iter().map(|name| info(entry, name))).collect()
}

fn info(entry: &Entry, name: &str) -> FunctionInfo {
    let aliases = entry.names.iter().filter(|other| **other != name).map(|other| (*other).to_owned());
    FunctionInfo {
        name: name.to_owned(),
        signature: entry.signature.to_owned(),
        custom: false,
        about: Some(FunctionAbout {
            kind: entry.kind.to_owned(),
            description: entry.line.to_owned(),
            aliases: aliases.collect(),
            example: entry.example.to_owned(),
            result: entry.result.to_owned(),
            differs: entry.differs.map(str::to_owned),
        }),
    }
}
