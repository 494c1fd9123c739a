//! Which columns are foreseen, of what the definition and a plan determine.

use crate::door::pipeline;
use spotmill_core::foreseen::{Found, outputs};
use spotmill_core::model::{Pipeline, Read};
use spotmill_core::records::{Foreseen, ForeseenStep};
use spotmill_core::types::{Column, Value};
use std::collections::BTreeMap;

const STEPS: &str = r#"
[[step]]
name = "a"
sql = "SELECT k, v FROM input"
[step.input]
path = "in/*.parquet"
{a}
[step.tables.t]
path = "t/*.csv"
columns = ["k string"]
[[step]]
name = "b"
sql = "SELECT k FROM input"
input = { step = "a", by = "all" }
[step.output]
destination = "out/{date}"
"#;

fn columns(text: &str) -> Vec<Column> {
    let column = |text: &str| {
        let (name, ty) = text.split_once(' ').unwrap();
        Column { name: name.into(), ty: ty.parse().unwrap(), parse: None }
    };
    text.split(", ").filter(|t| !t.is_empty()).map(column).collect()
}

fn checked() -> Foreseen {
    let step = |params: &[(&str, &str)], input, tables: &[(&str, &str)], output| ForeseenStep {
        params: params.iter().map(|(n, v)| ((*n).into(), Value::Date((*v).into()))).collect(),
        input: columns(input),
        tables: tables.iter().map(|(name, of)| ((*name).into(), columns(of))).collect(),
        output: columns(output),
        lineage: None,
    };
    let a = step(&[], "k string, v int64, day date", &[("t", "k string")], "k string, v int64");
    let b = step(&[("date", "2024-01-01")], "k string, v int64", &[], "k string");
    Foreseen { steps: [("a".into(), a), ("b".into(), b)].into(), ..Foreseen::default() }
}

#[test]
fn a_record_without_lineage_is_read_and_written_as_before() {
    let text = serde_json::to_string(&checked()).expect("JSON");
    assert!(!text.contains("lineage"), "{text}");
    assert_eq!(serde_json::from_str::<Foreseen>(&text).expect("it is read"), checked());
}

fn steps(a: &str) -> Pipeline {
    pipeline(&STEPS.replace("{a}", a))
}

const DECLARED: &str = "hive = [\"day date\"]\ncolumns = [\"k string\", \"v int64\"]";

/// The steps whose columns are foreseen, on a date.
#[track_caller]
fn check(pipeline: &Pipeline, date: &str, found: Option<&Found<'_>>, expected: &[&str]) {
    let params: BTreeMap<String, Value> = [("date".into(), Value::Date(date.into()))].into();
    let (foreseen, mut names) = (checked(), Vec::new());
    for (name, columns) in outputs(&pipeline.steps, &params, &foreseen, found) {
        assert_eq!(columns, foreseen.steps[&name].output);
        names.push(name);
    }
    assert_eq!(names, expected);
}

#[test]
fn declared_columns_and_what_follows_from_them() {
    check(&steps(DECLARED), "2024-01-01", None, &["a", "b"]);
    for other in
        ["columns = [\"k string\", \"v int64\"]", "columns = [\"v int64\", \"k string\"]\nhive = [\"day date\"]"]
    {
        check(&steps(other), "2024-01-01", None, &[]);
    }
    check(&steps("hive = [\"day date\"]\ncolumns = [\"k string\", \"v int32\"]"), "2024-01-01", None, &[]);
}

#[test]
fn values_that_may_shape_a_type_have_to_be_the_same() {
    check(&steps(DECLARED), "2024-01-02", None, &["a"]);
}

#[test]
fn what_a_plan_found_counts_for_its_step_and_those_after_it() {
    let pipeline = steps("hive = [\"day date\"]");
    check(&pipeline, "2024-01-01", None, &[]);
    let declared = &pipeline.steps[0];
    let tables: BTreeMap<String, Read> = [("t".into(), declared.tables["t"].read.clone())].into();
    let read = |text: &str| Read { columns: columns(text), ..declared.input.read.clone() };
    let (same, other, none) = (read("k string, v int64"), read("k string, v float64"), read(""));
    check(&pipeline, "2024-01-01", Some(&Found { step: "a", input: &same, tables: &tables }), &["a", "b"]);
    check(&pipeline, "2024-01-01", Some(&Found { step: "a", input: &other, tables: &tables }), &[]);
    check(&pipeline, "2024-01-01", Some(&Found { step: "a", input: &none, tables: &tables }), &[]);
    // Of the step before only its seal is left: what it was made of does not count.
    let sealed = Read { hive: Vec::new(), ..same };
    check(&pipeline, "2024-01-01", Some(&Found { step: "b", input: &sealed, tables: &BTreeMap::new() }), &["b"]);
}

#[test]
fn a_side_table_counts_as_well() {
    let mut pipeline = steps(DECLARED);
    pipeline.steps[0].tables.get_mut("t").unwrap().read.columns = columns("k int64");
    check(&pipeline, "2024-01-01", None, &[]);
}
