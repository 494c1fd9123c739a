//! The errors users meet first, each as it is shown. A case is a fixture, an edit and the name of the golden.

use super::{edited, reported, shown};
use crate::Severity;

/// The rendered errors, in the file of that name; the first word of the name is the error's.
fn check(name: &str, fixture: &str, edits: &[(&str, &str)]) {
    let sources = edited(fixture, edits);
    let problems: Vec<_> = reported(&sources).into_iter().filter(|p| p.severity == Severity::Error).collect();
    assert!(problems.iter().any(|p| name.starts_with(p.name)), "{name}: {problems:?}");
    insta::assert_snapshot!(name, shown(&problems, &sources));
}

#[test]
fn unknown_key() {
    check("unknown-key", "flights", &[("null_values ", "null_value ")]);
}

#[test]
fn unknown_param() {
    check("unknown-param", "flights", &[("flights-{date}.csv", "flights-{dat}.csv")]);
    check("unknown-param-in-sql", "flights", &[("$late_after", "$late_aftr")]);
}

#[test]
fn braces_in_sql() {
    check("braces-in-sql", "flights", &[("$date ", "'{date}' ")]);
}

#[test]
fn bad_size() {
    check("bad-size", "flights", &[("\"2 GiB\"", "\"4G\"")]);
}

#[test]
fn unknown_family() {
    check("unknown-family", "flights", &[("[fleet]", "[fleet]\nfamilies = [\"c\", \"r7gg\"]")]);
}

#[test]
fn no_machine() {
    check("no-machine", "flights", &[("[fleet]", "[fleet]\nfamilies = [\"m7g\"]\ngenerations = [8]")]);
}

#[test]
fn no_columns() {
    let sample = ("{src}/{date:%Y/%m}/flights-{date}.csv.gz", "data/flights-2013-01-01.csv.gz");
    let column = |n: usize| super::fixture("flights").toml.lines().nth(n).unwrap().to_owned();
    let first = (0..99).find(|n| column(*n).starts_with("columns = [")).unwrap();
    let lines: Vec<String> = (first..first + 7).map(column).collect();
    check("no-columns", "flights", &[sample, (&lines.join("\n"), "")]);
}

#[test]
fn unknown_table() {
    check(
        "unknown-table",
        "flights",
        &[("FROM input GROUP BY flight_date, carrier", "FROM flights GROUP BY flight_date, carrier")],
    );
}

#[test]
fn undeclared_read() {
    check("undeclared-read", "suppliers", &[("JOIN nation   AS", "JOIN read_parquet('s3://acme/nation.parquet') AS")]);
    check(
        "undeclared-read-delete",
        "suppliers",
        &[("SELECT l_suppkey, l_quantity,", "DELETE FROM input; SELECT l_suppkey, l_quantity,")],
    );
}

#[test]
fn not_partitioned() {
    check("not-partitioned", "flights", &[("partition_by = [\"carrier\"]", "")]);
}

#[test]
fn buckets_differ() {
    let orders = "[[step]]\nname = \"orders\"\nsql = \"SELECT * FROM input\"\ninput = { path = \"orders/*.parquet\" }\n\
                  output = { bucket_by = [\"o_orderkey\"], buckets = 16 }\n\n[[step]]\nname   = \"aggregate\"";
    let expect = "expect = { unique = [\"l_suppkey\"] }";
    let table = "expect = { unique = [\"l_suppkey\"] }\n[step.tables.orders]\nstep = \"orders\"\nby   = \"partition\"";
    check("buckets-differ", "suppliers", &[("[[step]]\nname   = \"aggregate\"", orders), (expect, table)]);
}

#[test]
fn destination_ignores_key() {
    check("destination-ignores-key", "flights", &[("{out}/by_route/date={date}", "{out}/by_route")]);
}

#[test]
fn cycle() {
    check("cycle", "flights", &[("step = \"normalize\"\nby   = \"partition\"", "step = \"daily\"\nby   = \"all\"")]);
    check("cycle-of-one", "flights", &[("step = \"by_route\"", "step = \"daily\"")]);
}

#[test]
fn not_toml() {
    check("bad-toml", "flights", &[("format = 1", "format = ")]);
}

#[test]
fn several_at_once() {
    let edits = [
        ("null_values ", "null_value "),
        ("$late_after", "$late_aftr"),
        ("\"2 GiB\"", "\"4G\""),
        ("timeout    = \"10m\"", "timeout = 10"),
        ("\"carrier string\", \"flight", "\"carrier text\", \"flight"),
    ];
    check("unknown-key-and-more", "flights", &edits);
}

#[test]
fn json_has_line_and_column() {
    let sources = edited("flights", &[("null_values ", "null_value ")]);
    let problem = serde_json::to_value(&reported(&sources)[0]).unwrap();
    assert_eq!(
        (&problem["name"], &problem["line"], &problem["column"]),
        (&"unknown-key".into(), &30.into(), &1.into())
    );
    assert_eq!(problem["file"], "pipeline.toml");
}

proptest::proptest! {
    /// Whatever a file holds, it is a pipeline or a list of problems that can be shown.
    #[test]
    fn no_text_breaks_it(from in 0usize..3000, len in 0usize..400, put in "(\\PC|[\n\"={}\\[\\]'#.a-z0-9 ]){0,8}", sql in 0usize..400) {
        let mut sources = super::fixture("flights");
        let at = |text: &str, i: usize| (0..=i.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
        let (start, end) = (at(&sources.toml, from), at(&sources.toml, from + len));
        sources.toml.replace_range(start..end, &put);
        let text = sources.sql_files.get_mut("sql/normalize.sql").unwrap();
        let cut = at(text, sql);
        text.insert_str(cut, &put);
        let _ = crate::sql_files(&sources.toml);
        let problems = reported(&sources);
        let _ = shown(&problems, &sources);
    }
}
