//! What the engine reports, put in its place: a reply to `check`, and how it is shown.

use super::{edited, shown};
use crate::{check_functions, check_problems, parse};
use spotmill_core::item::{CheckProblem, CheckReply, CheckedStep, FunctionInfo};
use spotmill_core::types::Column;

fn column(name: &str, ty: &str) -> Column {
    Column { name: name.into(), ty: ty.parse().unwrap(), parse: None }
}

/// The engine fails the step of index `at` with `problem`; the steps before it passed.
fn check(name: &str, edits: &[(&str, &str)], at: usize, problem: CheckProblem) {
    let sources = edited("flights", edits);
    let parsed = parse(&sources).unwrap_or_else(|p| panic!("{}", shown(&p, &sources)));
    let ok = CheckedStep::Ok {
        input: vec![],
        tables: [].into(),
        output: vec![column("flight_date", "date")],
        origins: [].into(),
        lineage: None,
    };
    let mut steps = vec![ok; at];
    steps.push(CheckedStep::Failed(problem));
    steps.resize(3, CheckedStep::Skipped);
    let problems = check_problems(&parsed, &CheckReply { v: 1, steps });
    assert!(name.starts_with(problems[0].name));
    insta::assert_snapshot!(name, shown(&problems, &sources));
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

const ROUTE: &[&str] = &[
    "flight_date",
    "carrier",
    "carrier_name",
    "origin",
    "dest",
    "flights",
    "cancelled",
    "late",
    "arr_known",
    "arr_delay_sum",
];

#[test]
fn unknown_column() {
    let edits =
        [("ROUND(CAST(SUM(arr_delay_sum) AS DOUBLE) / SUM(arr_known), 1) AS avg_arr_delay", "AVG(arr_delay) AS delay")];
    let problem = CheckProblem::UnknownColumn { column: "arr_delay".into(), available: list(ROUTE) };
    check("unknown-column", &edits, 2, problem);
}

#[test]
fn column_lost_by_grouping() {
    let edits = [("FROM input GROUP BY flight_date\n", "FROM input GROUP BY flight_date ORDER BY SUM(late)\n")];
    let problem = CheckProblem::UnknownColumn { column: "late".into(), available: list(ROUTE) };
    check("unknown-column-after-group-by", &edits, 2, problem);
}

#[test]
fn missing_output_column() {
    let problem = CheckProblem::MissingOutputColumn {
        key: "sort_by".into(),
        column: "origin".into(),
        available: list(&["carrier", "origine"]),
    };
    check("unknown-column-in-output", &[], 0, problem);
}

#[test]
fn type_mismatch() {
    let edits = [("f.arr_delay > $late_after        AS late", "f.carrier > $late_after AS late")];
    let problem = CheckProblem::TypeMismatch {
        subject: Some("f.carrier > CAST(15 AS SMALLINT)".into()),
        message: "cannot compare string with int16".into(),
    };
    check("type-mismatch", &edits, 0, problem);
}

#[test]
fn duplicate_column() {
    let normalize = super::fixture("flights").sql_files["sql/normalize.sql"].clone();
    let before = normalize.split("FROM input").next().unwrap();
    let used = ("late_after = { type = \"int16\", default = 15, min = 0, help = \"minutes\" }", "");
    check(
        "duplicate-column",
        &[(before, "SELECT *\n"), used],
        0,
        CheckProblem::DuplicateColumn { column: "carrier".into() },
    );
}

#[test]
fn unknown_function() {
    let edits = [(
        "SELECT flight_date, SUM(flights) AS flights, SUM",
        "SELECT to_char(flight_date, 'YYYY-MM') AS month,\n       SUM(flights) AS flights, SUM",
    )];
    let problem = CheckProblem::UnknownFunction { function: "to_char".into(), similar: None };
    check("unknown-function", &edits, 2, problem);
}

#[test]
fn functions_of_the_worker_are_accepted() {
    let parsed = super::parsed("flights", &[]);
    let mine = FunctionInfo { name: "minute_of_day".into(), signature: String::new(), custom: true, about: None };
    let built_in = ["count", "sum", "round"].map(|name| FunctionInfo {
        name: name.into(),
        signature: String::new(),
        custom: false,
        about: None,
    });
    assert_eq!(check_functions(&parsed, &[&built_in[..], &[mine]].concat()), []);
    let problems = check_functions(&parsed, &built_in);
    insta::assert_snapshot!("unknown-function-of-worker", shown(&problems, &parsed.sources));
}

#[test]
fn a_problem_without_a_subject_still_has_a_place() {
    let problem =
        CheckProblem::Other { subject: None, message: "subquery comparisons with '=' are not supported".into() };
    check("bad-sql-somewhere", &[], 1, problem);
}

#[test]
fn a_check_is_pointed_into() {
    let edits = [("\"distance > 0\"", "\"flight > 0\", \"distance > $late_after\"")];
    let column = |key: &str, column: &str| CheckProblem::MissingOutputColumn {
        key: key.into(),
        column: column.into(),
        available: list(&["carrier", "origin", "dest"]),
    };
    check("unknown-column-in-check", &edits, 0, column("expect.check", "distance"));
    let problem = CheckProblem::TypeMismatch {
        subject: Some("distance > CAST(15 AS SMALLINT)".into()),
        message: "cannot compare string with numeric type (i16)\n\nResolved plan until failure:\n…".into(),
    };
    check("type-mismatch-in-check", &edits, 0, problem);
}
