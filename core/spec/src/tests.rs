//! The pipeline file, by one door: a fixture with some of its text replaced, and what is reported of it.

// Fixtures and examples are files.
#![allow(clippy::disallowed_methods)]

mod catalogs;
mod engine;
mod errors;
mod foreseen;
mod model;
mod rules;
mod typed;
mod waits;

use super::{Parsed, Problem, Sources, parse, render, sql_files};
use std::collections::BTreeMap;

/// A fixture as it lies in `tests/fixtures`.
pub fn fixture(name: &str) -> Sources {
    let dir = format!("{}/../tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(format!("{dir}/{file}")).expect("a fixture");
    let toml = read("pipeline.toml");
    let sql_files: BTreeMap<String, String> = sql_files(&toml).into_iter().map(|f| (f.clone(), read(&f))).collect();
    Sources { path: "pipeline.toml".into(), toml, sql_files }
}

/// The fixture with `from` replaced by `to`, in whichever file has it, once each.
pub fn edited(name: &str, edits: &[(&str, &str)]) -> Sources {
    let mut sources = fixture(name);
    for (from, to) in edits {
        let mut texts: Vec<&mut String> = sources.sql_files.values_mut().collect();
        texts.push(&mut sources.toml);
        let text = texts.into_iter().find(|t| t.contains(from)).unwrap_or_else(|| panic!("no `{from}` in {name}"));
        *text = text.replacen(from, to, 1);
    }
    sources
}

pub fn shown(problems: &[Problem], sources: &Sources) -> String {
    problems.iter().map(|p| render(p, sources, false)).collect::<Vec<_>>().join("\n\n")
}

pub fn parsed(name: &str, edits: &[(&str, &str)]) -> Parsed {
    let sources = edited(name, edits);
    parse(&sources).unwrap_or_else(|p| panic!("{}", shown(&p, &sources)))
}

/// Everything reported of a pipeline: its errors, or its warnings.
pub fn reported(sources: &Sources) -> Vec<Problem> {
    match parse(sources) {
        Ok(parsed) => parsed.warnings,
        Err(problems) => problems,
    }
}
