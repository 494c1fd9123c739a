//! Which columns steps will make, before a row is read. A step's columns are foreseen where everything that it reads has
//! the columns, in their order, that the check of the definition read: they were declared, found by the step's plan, or
//! foreseen of the step before. Of anything else nothing is foreseen, and nothing is ever guessed.

use crate::model::{Read, Source, Step};
use crate::records::Foreseen;
use crate::types::{Column, ColumnType, Value};
use std::collections::BTreeMap;

/// How a step reads its sources, as its plan found it.
pub struct Found<'a> {
    pub step: &'a str,
    pub input: &'a Read,
    pub tables: &'a BTreeMap<String, Read>,
}

/// The columns of each step of which they are foreseen. `steps` are in the order in which they run.
pub fn outputs<'f>(
    steps: &[Step],
    params: &BTreeMap<String, Value>,
    foreseen: &'f Foreseen,
    found: Option<&Found<'_>>,
) -> BTreeMap<String, &'f [Column]> {
    let mut outputs: BTreeMap<String, &'f [Column]> = BTreeMap::new();
    for step in steps {
        let Some(checked) = foreseen.steps.get(&step.name) else { continue };
        let found = found.filter(|found| found.step == step.name);
        let reads = |source, declared, planned, checked: &[Column]| match columns(source, declared, planned, &outputs) {
            Some(now) => plain(&now) == plain(checked),
            None => false,
        };
        let input = reads(&step.input.source, &step.input.read, found.map(|f| f.input), &checked.input);
        let tables = step.tables.len() == checked.tables.len()
            && step.tables.iter().all(|(name, table)| {
                let planned = found.and_then(|f| f.tables.get(name));
                checked.tables.get(name).is_some_and(|columns| reads(&table.source, &table.read, planned, columns))
            });
        let same_values = checked.params.iter().all(|(name, value)| params.get(name) == Some(value));
        if input && tables && same_values {
            outputs.insert(step.name.clone(), &checked.output);
        }
    }
    outputs
}

/// What a source has as columns, as far as that is determined.
fn columns(
    source: &Source,
    declared: &Read,
    planned: Option<&Read>,
    outputs: &BTreeMap<String, &[Column]>,
) -> Option<Vec<Column>> {
    let of_read = |read: &Read| Some(read.all_columns()).filter(|_| !read.columns.is_empty());
    match (planned, source) {
        (Some(read), _) => of_read(read),
        (None, Source::Path(_)) => of_read(declared),
        (None, Source::Step { step, .. }) => outputs.get(step).map(|columns| columns.to_vec()),
    }
}

/// How a column is parsed shapes its values, not what follows of its name and type.
fn plain(columns: &[Column]) -> Vec<(&str, ColumnType)> {
    columns.iter().map(|c| (c.name.as_str(), c.ty)).collect()
}
