//! The difference for people: columns first, then rows, then each column, then examples.

use crate::event::{Change, Difference, Example, Field};
use crate::result::{indent, table};
use crate::ui::format::{count, plural};

/// Characters of a value.
const MOST: usize = 40;

pub fn print(found: &Difference) {
    say!("{} {}", if found.same { "✓ the same:" } else { "✗ different:" }, headline(found));
    say!("  A  {}, {}", found.a, plural(found.rows_a, "row"));
    say!("  B  {}, {}", found.b, plural(found.rows_b, "row"));
    for line in columns(found) {
        say!("  {line}");
    }
    if found.same {
        return;
    }
    say!("  rows     {}", rows(found));
    let changed: Vec<_> = found.columns.iter().filter(|c| c.changed > 0 || c.nulls_a != c.nulls_b).collect();
    if !found.key.is_empty() && !changed.is_empty() {
        let mut shown = table(&["column", "changed", "largest difference", "NULL in A", "in B"], &[1, 2, 3, 4]);
        for column in changed {
            let largest = column.largest.map(distance).unwrap_or_default();
            shown.add_row([
                column.name.clone(),
                count(column.changed),
                largest,
                count(column.nulls_a),
                count(column.nulls_b),
            ]);
        }
        say!("{}", indent(&shown));
    }
    for example in &found.examples {
        say!("  {}", line(example));
    }
}

fn headline(found: &Difference) -> String {
    let by = match found.key.is_empty() {
        true => "whole rows".to_owned(),
        false => format!("rows by {}", found.key.join(", ")),
    };
    let columns = found.columns.len() + found.key.len();
    format!("{by}, {}", plural(columns as u64, "column"))
}

fn columns(found: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    for (side, list) in [("A", &found.columns_only_a), ("B", &found.columns_only_b)] {
        if !list.is_empty() {
            let names: Vec<String> = list.iter().map(|c| format!("{} {}", c.name, c.ty)).collect();
            lines.push(format!("columns  only in {side}: {}", names.join(", ")));
        }
    }
    for column in &found.columns_retyped {
        let how = match &column.compared_as {
            Some(ty) => format!("compared as {ty}"),
            None => "not compared: no type holds both".to_owned(),
        };
        lines.push(format!("columns  {} is {} in A and {} in B; {how}", column.name, column.a, column.b));
    }
    lines
}

fn rows(found: &Difference) -> String {
    let mut parts = vec![format!("{} the same", count(found.rows_same))];
    if !found.key.is_empty() {
        parts.push(format!("{} changed", count(found.rows_changed)));
    }
    parts.push(format!("{} only in A", count(found.rows_only_a)));
    parts.push(format!("{} only in B", count(found.rows_only_b)));
    parts.join(" · ")
}

fn line(example: &Example) -> String {
    let kind = match example.kind.as_str() {
        "only_a" => "only in A",
        "only_b" => "only in B",
        _ => "changed",
    };
    let row = example.row.iter().map(|Field { name, value }| format!("{name}={}", shown(value.as_deref())));
    let changes = example
        .changed
        .iter()
        .map(|Change { name, a, b }| format!("{name} {} → {}", shown(a.as_deref()), shown(b.as_deref())));
    let times = example.times.filter(|(a, b)| *a > 0 && *b > 0 || a + b > 1);
    let times = times.map(|(a, b)| format!("{a} times in A, {b} in B"));
    let row = row.collect::<Vec<_>>().join(", ");
    let rest: Vec<String> = changes.chain(times).collect();
    match rest.is_empty() {
        true => format!("{kind:9}  {row}"),
        false => format!("{kind:9}  {row}: {}", rest.join(", ")),
    }
}

/// Small distances as powers of ten.
fn distance(largest: f64) -> String {
    if largest < 1e-4 { format!("{largest:e}") } else { format!("{largest}") }
}

/// A value on one line.
fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |text| spotmill_core::format::clip(&text.escape_debug().to_string(), MOST))
}
