//! What holds between steps whose columns and types are resolved: both sides of a join by partition put equal keys
//! into one bucket, and `unique` within an item is `unique` over the step.

use super::links::layout;
use super::locate::Parsed;
use super::problem::Problem;
use spotmill_core::item::{CheckReply, CheckedStep};
use spotmill_core::model::{By, Layout, Source, Step, Transform};
use spotmill_core::types::ColumnType;
use std::collections::BTreeMap;

pub fn problems(parsed: &Parsed, reply: &CheckReply) -> Vec<Problem> {
    let mut out = Vec::new();
    for (step, checked) in parsed.pipeline.steps.iter().zip(&reply.steps) {
        let CheckedStep::Ok { origins, .. } = checked else { continue };
        out.extend(step.tables.iter().filter_map(|(name, table)| keys(parsed, reply, step, name, &table.source)));
        out.extend(unique(parsed, step, origins));
    }
    out
}

/// Equal values of two types may have other bytes, and so fall into other buckets.
fn keys(parsed: &Parsed, reply: &CheckReply, step: &Step, name: &str, table: &Source) -> Option<Problem> {
    let (Source::Step { step: theirs, by: By::Partition }, Source::Step { step: ours, by: By::Partition }) =
        (table, &step.input.source)
    else {
        return None;
    };
    let (a, b) = (by(layout(&parsed.pipeline, &step.input.source)?)?, by(layout(&parsed.pipeline, table)?)?);
    for (left, right) in a.iter().zip(b) {
        let (l, r) = (column(parsed, reply, ours, left)?, column(parsed, reply, theirs, right)?);
        if class(l) != class(r) {
            let title = format!(
                "`{left}` of `{ours}` is {l}, `{right}` of `{theirs}` is {r}: equal keys are not in one bucket"
            );
            let place = parsed.locate(&step.name, &format!("tables.{name}"));
            let label = format!("both sides need one type: CAST one in `{ours}` or `{theirs}`");
            let problem = Problem::error("bucket-types-differ", title);
            return Some(match place {
                Some(place) => problem.at(place, label),
                None => problem,
            });
        }
    }
    None
}

fn by(layout: &Layout) -> Option<&[String]> {
    match layout {
        Layout::Single => None,
        Layout::Partition { by } | Layout::Bucket { by, .. } => Some(by),
    }
}

fn column(parsed: &Parsed, reply: &CheckReply, step: &str, name: &str) -> Option<ColumnType> {
    let at = parsed.pipeline.steps.iter().position(|s| s.name == step)?;
    let CheckedStep::Ok { output, .. } = reply.steps.get(at)? else { return None };
    output.iter().find(|c| c.name == name).map(|c| c.ty)
}

/// The tag of a value's canonical bytes (`spotmill_core::bucket`).
fn class(ty: ColumnType) -> u8 {
    use ColumnType::*;
    match ty {
        Int8 | Int16 | Int32 | Int64 | Uint8 | Uint16 | Uint32 | Uint64 => 1,
        Float32 | Float64 => 3,
        String => 4,
        Date => 5,
        Timestamp | TimestampUtc => 6,
        Decimal { .. } => 7,
        Bool => 8,
    }
}

/// Rows of two items differ in what the items were cut by. `unique` has to name columns that hold those values still,
/// under whatever name.
fn unique(parsed: &Parsed, step: &Step, origins: &BTreeMap<String, String>) -> Option<Problem> {
    let named = &step.expect.unique;
    if named.is_empty() || !matches!(step.transform, Transform::Sql { .. }) {
        return None;
    }
    let cut: Vec<&String> = match (&step.input.values, &step.input.source) {
        (Some(values), _) => vec![&values.column],
        (None, Source::Step { by: By::Partition, .. }) => {
            by(layout(&parsed.pipeline, &step.input.source)?)?.iter().collect()
        }
        (None, _) => return None,
    };
    let holds = |key: &&String| named.iter().any(|n| origins.get(n) == Some(*key));
    let lost: Vec<&str> = cut.iter().filter(|key| !holds(key)).map(|key| key.as_str()).collect();
    if lost.is_empty() {
        return None;
    }
    let lost = lost.join(", ");
    let title = format!("`unique` cannot be checked: two items of `{}` may make the same row", step.name);
    let label =
        format!("items differ in `{lost}`, and no column of `unique` is that column unchanged: SELECT it and name it");
    let problem = Problem::error("unique-unprovable", title);
    Some(match parsed.locate(&step.name, "expect.unique") {
        Some(place) => problem.at(place, label),
        None => problem,
    })
}
