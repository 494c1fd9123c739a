//! What is kept of a check: where columns come from, by item too.

use crate::foreseen;
use spotmill_core::item::{CheckReply, CheckedStep, ITEM_VERSION};
use spotmill_core::lineage::{ColumnLineage, Dependence, InputColumn};
use std::collections::BTreeMap;

fn input(column: &str, how: &[Dependence]) -> InputColumn {
    InputColumn { table: "input".into(), column: column.into(), how: how.to_vec() }
}

/// Each step is found to filter by `carrier`; the answer is what decides of the rows of the step.
fn rows(edits: &[(&str, &str)], step: &str) -> Option<Vec<InputColumn>> {
    let pipeline = super::parsed("flights", edits).pipeline;
    let lineage = ColumnLineage { columns: BTreeMap::new(), rows: vec![input("carrier", &[Dependence::Filter])] };
    let ok = CheckedStep::Ok {
        input: Vec::new(),
        tables: BTreeMap::new(),
        output: Vec::new(),
        origins: BTreeMap::new(),
        lineage: Some(lineage),
    };
    let reply = CheckReply { v: ITEM_VERSION, steps: vec![ok; pipeline.steps.len()] };
    let found = foreseen(&pipeline, &BTreeMap::new(), &reply);
    found.steps.get(step).and_then(|step| step.lineage.clone()).map(|lineage| lineage.rows)
}

#[test]
fn what_items_are_divided_by_decides_of_rows() {
    use Dependence::{Filter, GroupBy};
    assert_eq!(rows(&[], "daily"), Some(vec![input("carrier", &[Filter])]), "one item reads all");
    assert_eq!(rows(&[], "by_route"), Some(vec![input("carrier", &[Filter, GroupBy])]));
    let buckets = [("partition_by = [\"carrier\"]", "bucket_by = [\"dest\"]\nbuckets = 4")];
    let expected = vec![input("carrier", &[Filter]), input("dest", &[GroupBy])];
    assert_eq!(rows(&buckets, "by_route"), Some(expected));
}

#[test]
fn a_reply_of_an_older_worker_has_none() {
    let old = r#"{"ok": {"input": [], "tables": {}, "output": []}}"#;
    let step: CheckedStep = serde_json::from_str(old).expect("it is read");
    assert!(matches!(step, CheckedStep::Ok { lineage: None, .. }));
}
