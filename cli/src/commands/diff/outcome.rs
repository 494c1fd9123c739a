//! What the buckets found, added up: pure, over the rows that the comparison's steps published.

use super::pairing::Pairing;
use crate::event::{Change, ColumnDifference, Difference, Example, Field, Retyped};
use spotmill_core::item::PreviewReply;

/// What the four steps published, in the order of `program::STEPS`; nothing of a side without rows.
pub struct Found {
    pub matched: Option<PreviewReply>,
    pub missing: Option<PreviewReply>,
    pub examples_a: Option<PreviewReply>,
    pub examples_b: Option<PreviewReply>,
}

/// Keys that stand in more than one row, on side A and on side B.
pub struct Repeated(pub u64, pub u64);

pub fn difference(names: (&str, &str), pairing: &Pairing, found: &Found, most: usize) -> Result<Difference, Repeated> {
    let (matched, missing) = (Sums(found.matched.as_ref()), Sums(found.missing.as_ref()));
    let repeated = Repeated(matched.of("repeated"), missing.of("repeated"));
    if repeated.0 + repeated.1 > 0 {
        return Err(repeated);
    }
    let rows_same = matched.of("same");
    let rows_changed = matched.of("changed");
    let (rows_only_a, rows_only_b) = match pairing.key.is_empty() {
        true => (matched.of("lone_a"), matched.of("lone_b") + missing.of("lone_b")),
        false => (matched.of("lone"), missing.of("lone")),
    };
    let columns: Vec<ColumnDifference> = pairing
        .values
        .iter()
        .enumerate()
        .map(|(i, column)| ColumnDifference {
            name: column.name.clone(),
            changed: matched.of(&format!("d{i}")),
            largest: matched.largest(&format!("m{i}")),
            nulls_a: matched.of(&format!("n{i}")),
            nulls_b: missing.of(&format!("n{i}")),
        })
        .collect();
    let retyped = pairing.retyped().map(|c| (&c.name, c.a, c.b, Some(c.ty)));
    let retyped = retyped.chain(pairing.incomparable.iter().map(|(name, a, b)| (name, *a, *b, None)));
    Ok(Difference {
        a: names.0.to_owned(),
        b: names.1.to_owned(),
        same: pairing.same_columns() && rows_changed + rows_only_a + rows_only_b == 0,
        key: pairing.key.iter().map(|c| c.name.clone()).collect(),
        rows_a: rows_same + rows_changed + rows_only_a,
        rows_b: rows_same + rows_changed + rows_only_b,
        rows_same,
        rows_changed,
        rows_only_a,
        rows_only_b,
        columns_only_a: pairing.only_a.clone(),
        columns_only_b: pairing.only_b.clone(),
        columns_retyped: retyped
            .map(|(name, a, b, ty)| Retyped {
                name: name.clone(),
                a: a.to_string(),
                b: b.to_string(),
                compared_as: ty.map(|ty| ty.to_string()),
            })
            .collect(),
        columns,
        examples: examples(pairing, found, most),
    })
}

/// One row a bucket, added up.
struct Sums<'a>(Option<&'a PreviewReply>);

impl Sums<'_> {
    fn cells(&self, name: &str) -> impl Iterator<Item = &str> {
        let at = self.0.and_then(|reply| reply.columns.iter().position(|c| c.name == name));
        let rows = self.0.map(|reply| reply.rows.as_slice()).unwrap_or_default();
        rows.iter().filter_map(move |row| row.get(at?)?.as_deref())
    }

    fn of(&self, name: &str) -> u64 {
        self.cells(name).filter_map(|cell| cell.parse::<u64>().ok()).sum()
    }

    fn largest(&self, name: &str) -> Option<f64> {
        self.cells(name).filter_map(|cell| cell.parse::<f64>().ok()).reduce(f64::max)
    }
}

fn examples(pairing: &Pairing, found: &Found, most: usize) -> Vec<Example> {
    let of = |reply: &Option<PreviewReply>, lone: &str| -> Vec<Example> {
        let reply = reply.iter().flat_map(|reply| reply.rows.iter().map(move |row| Row { reply, row }));
        reply.map(|row| row.example(pairing, lone)).collect()
    };
    let mut all = of(&found.examples_a, "only_a");
    all.extend(of(&found.examples_b, "only_b"));
    let mut shown = Vec::new();
    for kind in ["changed", "only_a", "only_b"] {
        shown.extend(all.iter().filter(|e| e.kind == kind).take(most).cloned());
    }
    shown
}

struct Row<'a> {
    reply: &'a PreviewReply,
    row: &'a [Option<String>],
}

impl Row<'_> {
    fn cell(&self, name: &str) -> Option<String> {
        let at = self.reply.columns.iter().position(|c| c.name == name)?;
        self.row.get(at).cloned().flatten()
    }

    fn example(&self, pairing: &Pairing, lone: &str) -> Example {
        let number = |name: &str| self.cell(name).and_then(|n| n.parse().ok()).unwrap_or_default();
        if pairing.key.is_empty() {
            let (a, b): (u64, u64) = (number("na"), number("nb"));
            let kind = if a > b { "only_a" } else { "only_b" };
            let row = self.fields(pairing.values.iter().map(|c| &c.name), "c");
            return Example { kind: kind.to_owned(), row, changed: Vec::new(), times: Some((a, b)) };
        }
        let is_lone = self.cell("lone").as_deref() == Some("true");
        let differing =
            pairing.values.iter().enumerate().filter(|(i, _)| self.cell(&format!("d{i}")).as_deref() == Some("true"));
        let changes = differing.map(|(i, c)| Change {
            name: c.name.clone(),
            a: self.cell(&format!("a{i}")),
            b: self.cell(&format!("b{i}")),
        });
        Example {
            kind: if is_lone { lone } else { "changed" }.to_owned(),
            row: self.fields(pairing.key.iter().map(|c| &c.name), "k"),
            changed: if is_lone { Vec::new() } else { changes.collect() },
            times: None,
        }
    }

    fn fields<'n>(&self, names: impl Iterator<Item = &'n String>, prefix: &str) -> Vec<Field> {
        names
            .enumerate()
            .map(|(i, name)| Field { name: name.clone(), value: self.cell(&format!("{prefix}{i}")) })
            .collect()
    }
}
