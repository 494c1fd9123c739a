//! The signature of a step's generation: a digest of everything that shapes its data, part by part, so that a change
//! can be named. Resources, time-outs, the deadline, the fleet, the budget, the destination, `rows`, `min_rows` and
//! `warn_only` are no part of it: they apply on resume. Expectations that a worker evaluates are, because old receipts
//! never saw them.

use crate::bounds::DEFAULT_ITEM_BYTES;
use crate::digest::{sha256, short};
use crate::ids::Generation;
use crate::model::{Source, Step, Transform};
use crate::types::Value;
use serde::Serialize;
use std::collections::BTreeMap;

/// Change it when our own hash, reading or writing changes what a step's data are.
const MEANING: u32 = 3;

/// Digests by part, and of them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub digest: String,
    pub parts: BTreeMap<String, String>,
}

/// What a step reads from another step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upstream {
    pub generation: Generation,
    /// Items accepted as missing: without them its data differ.
    pub accepted: Vec<u32>,
}

pub struct Shape<'a> {
    /// With its paths expanded and its SQL bound.
    pub step: &'a Step,
    /// Given whole to a transform function; SQL has them bound.
    pub params: &'a BTreeMap<String, Value>,
    pub upstream: &'a BTreeMap<String, Upstream>,
    pub worker_version: &'a str,
}

pub fn of(shape: &Shape<'_>) -> Signature {
    let step = shape.step;
    let mut parts = BTreeMap::new();
    let mut part = |name: &str, value: serde_json::Value| {
        parts.insert(name.to_owned(), short(value.to_string().as_bytes(), 16));
    };
    part("format", json(MEANING));
    match &step.transform {
        Transform::Sql { text, .. } => part("sql", json(text)),
        Transform::Function { name, with } => {
            part("transform", json((name, with)));
            part("params", json(shape.params));
        }
    }
    let input = &step.input;
    part("input", json((&input.alias, source(&input.source), &input.read)));
    part("packing", json((&input.values, input.item_bytes.unwrap_or(DEFAULT_ITEM_BYTES))));
    let tables: BTreeMap<_, _> = step.tables.iter().map(|(name, t)| (name, (source(&t.source), &t.read))).collect();
    part("tables", json(tables));
    let o = &step.output;
    part("output", json((o.format, o.compression, &o.layout, &o.sort_by, o.file_bytes, o.file_rows, o.header)));
    let e = &step.expect;
    part("expect", json((&e.not_null, &e.unique, &e.check)));
    part("worker version", json(shape.worker_version));
    for (name, upstream) in shape.upstream {
        part(&format!("step {name}"), json(upstream));
    }
    let digest = sha256(json(&parts).to_string().as_bytes());
    Signature { digest, parts }
}

fn source(source: &Source) -> serde_json::Value {
    match source {
        Source::Path(path) => json(("path", path)),
        Source::Step { step, by } => json(("step", step, by)),
    }
}

/// These types have string keys and finite numbers only, so that this cannot fail; if it did, a signature of the
/// error is as good: it differs from the others.
fn json(value: impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_else(|e| serde_json::Value::String(e.to_string()))
}

/// The names of the parts that differ, for people.
pub fn changed(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|n| old.get(*n) != new.get(*n)).cloned().collect()
}
