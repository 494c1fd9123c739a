//! The reference of functions holds together: every entry is whole, every name in it can be called, and the page of the
//! documentation is what the command prints.

// The page is a file.
#![allow(clippy::disallowed_methods)]

use arrow::datatypes::{DataType, Field, Schema};
use spotmill_sql::functions::reference::{entries, find, markdown};
use spotmill_sql::functions::registry::built_in;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const TEXTS: [&str; 6] = [
    include_str!("../src/functions/reference/texts.txt"),
    include_str!("../src/functions/reference/numbers.txt"),
    include_str!("../src/functions/reference/choices.txt"),
    include_str!("../src/functions/reference/times.txt"),
    include_str!("../src/functions/reference/aggregates.txt"),
    include_str!("../src/functions/reference/windows.txt"),
];

#[test]
fn every_block_of_the_texts_is_an_entry() {
    let blocks: usize = TEXTS.iter().map(|text| text.trim_end().split("\n\n").count()).sum();
    assert_eq!(entries().len(), blocks);
    for e in entries() {
        let name = e.names.first().copied().unwrap_or_default();
        assert!(e.example.starts_with("SELECT "), "{name}: {}", e.example);
        assert!(e.signature.contains(" -> ") && e.line.ends_with('.'), "{name}");
    }
}

#[test]
fn no_name_stands_twice() {
    let mut seen = BTreeSet::new();
    for name in entries().iter().flat_map(|e| &e.names) {
        assert!(seen.insert(*name), "{name}");
    }
}

#[test]
fn what_can_be_called_is_in_the_reference() {
    let registry = built_in();
    let names = registry.scalars.keys().chain(registry.aggregates.keys()).chain(registry.windows.keys());
    for name in names.filter(|name| !name.starts_with("spotmill_")) {
        assert!(find(name).is_some(), "{name}");
    }
}

/// The example of each entry, with the function called by each of its names.
#[test]
fn every_name_in_the_reference_is_planned() {
    let fields = [
        ("k", DataType::Int32),
        ("g", DataType::Utf8View),
        ("v", DataType::Int32),
        ("x", DataType::Float64),
        ("s", DataType::Utf8View),
    ];
    let fields: Vec<Field> = fields.into_iter().map(|(name, ty)| Field::new(name, ty, true)).collect();
    let tables = BTreeMap::from([("t".to_owned(), Arc::new(Schema::new(fields)))]);
    for e in entries() {
        for name in &e.names {
            let mut text = e.example.to_owned();
            // `position` is a word of the language, and its example is the call of another name.
            let called = e.names.iter().find(|n| text.contains(&format!("{n}(")));
            if let (Some(called), false) = (called, *name == "position") {
                text = text.replacen(&format!("{called}("), &format!("{name}("), 1);
            }
            let planned = spotmill_sql::plan::plan(&text, &tables, &[]);
            assert!(planned.is_ok(), "{text}: {:?}", planned.err());
        }
    }
}

#[test]
fn the_page_is_what_the_command_prints() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sql-functions.md");
    let found = std::fs::read_to_string(page).unwrap_or_default();
    let hint = "make it anew: cargo run -p spotmill-worker -- functions --markdown > docs/sql-functions.md";
    assert!(found == markdown(), "docs/sql-functions.md is not what the reference says; {hint}");
}
