//! Where the columns of what a step made come from, as a facet.

use super::facts::{Dataset, StepFacts};
use serde_json::{Map, Value, json};
use spotmill_core::lineage::{Dependence, InputColumn};
use std::collections::{BTreeMap, BTreeSet};

/// Nothing where the columns that were made are not those that the lineage is of.
pub fn facet(step: &StepFacts) -> Option<Value> {
    let lineage = step.lineage.as_ref()?;
    let made: BTreeSet<&str> = step.output.columns.iter().map(|column| column.name.as_str()).collect();
    if !lineage.columns.keys().map(String::as_str).eq(made) {
        return None;
    }
    let of_column = |(name, inputs): (&String, &Vec<InputColumn>)| {
        Some((name.clone(), json!({"inputFields": fields(step, inputs)?})))
    };
    let columns: Option<Map<String, Value>> = lineage.columns.iter().map(of_column).collect();
    Some(json!({"fields": columns?, "dataset": fields(step, &lineage.rows)?}))
}

/// Two tables may be one dataset.
fn fields(step: &StepFacts, inputs: &[InputColumn]) -> Option<Vec<Value>> {
    let mut all: BTreeMap<(&Dataset, &str), BTreeSet<Dependence>> = BTreeMap::new();
    for input in inputs {
        let table = step.inputs.iter().find(|table| table.alias == input.table)?;
        all.entry((&table.dataset, input.column.as_str())).or_default().extend(&input.how);
    }
    let field = |((dataset, column), how): ((&Dataset, &str), BTreeSet<Dependence>)| {
        let how: Vec<Value> = how.into_iter().map(transformation).collect();
        json!({"namespace": dataset.namespace, "name": dataset.name, "field": column, "transformations": how})
    };
    Some(all.into_iter().map(field).collect())
}

fn transformation(how: Dependence) -> Value {
    let subtype = match how {
        Dependence::Identity => "IDENTITY",
        Dependence::Transformation | Dependence::Untraced => "TRANSFORMATION",
        Dependence::Aggregation => "AGGREGATION",
        Dependence::Conditional => "CONDITIONAL",
        Dependence::Filter => "FILTER",
        Dependence::GroupBy => "GROUP_BY",
        Dependence::Join => "JOIN",
        Dependence::Sort => "SORT",
        Dependence::Window => "WINDOW",
    };
    let kind = if how.is_direct() { "DIRECT" } else { "INDIRECT" };
    match how {
        Dependence::Untraced => {
            json!({"type": kind, "subtype": subtype, "description": "not traced: it may be in the value"})
        }
        _ => json!({"type": kind, "subtype": subtype}),
    }
}
