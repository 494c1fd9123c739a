//! What is decided when the types of columns are resolved.

use crate::{Sources, check_problems, parse};
use spotmill_core::item::{CheckReply, CheckedStep, ITEM_VERSION};
use spotmill_core::types::Column;
use std::collections::BTreeMap;

fn columns(list: &[(&str, &str)]) -> Vec<Column> {
    list.iter().map(|(n, t)| Column { name: (*n).into(), ty: t.parse().expect("a type"), parse: None }).collect()
}

fn ok(output: &[(&str, &str)], origins: &[(&str, &str)]) -> CheckedStep {
    let origins = origins.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    CheckedStep::Ok { input: Vec::new(), tables: BTreeMap::new(), output: columns(output), origins, lineage: None }
}

/// Names and labels of what is wrong with steps of these types.
fn check(toml: &str, steps: Vec<CheckedStep>) -> Vec<String> {
    let sources = Sources { path: "pipeline.toml".into(), toml: toml.to_owned(), sql_files: BTreeMap::new() };
    let parsed = parse(&sources).unwrap_or_else(|p| panic!("{}", super::shown(&p, &sources)));
    let problems = check_problems(&parsed, &CheckReply { v: ITEM_VERSION, steps });
    problems.iter().map(|p| format!("{}: {}", p.name, p.title)).collect()
}

const HEAD: &str = "format = 1\n[pipeline]\nname = \"p\"\n[params]\ndate = { type = \"date\" }\n";

#[test]
fn unique_follows_from_lineage() {
    let toml = HEAD.to_owned()
        + r#"
[[step]]
name = "a"
sql = "SELECT k, v FROM input"
input = { path = "a-{date}.csv", columns = ["k int64", "v int64"] }
output = { bucket_by = ["k"], buckets = 4 }
[[step]]
name = "b"
sql = "SELECT v AS k, COUNT(*) AS n FROM input GROUP BY v"
input = { step = "a", by = "partition" }
output = { destination = "out/{date}" }
[step.expect]
unique = ["k"]
"#;
    let a = || ok(&[("k", "int64"), ("v", "int64")], &[("k", "k"), ("v", "v")]);
    let b = |origin: &str| ok(&[("k", "int64"), ("n", "int64")], &[("k", origin)]);
    // The name is that of the key, the values are another column's.
    let problems = check(&toml, vec![a(), b("v")]);
    assert_eq!(problems, ["unique-unprovable: `unique` cannot be checked: two items of `b` may make the same row"]);
    assert_eq!(check(&toml, vec![a(), b("k")]), [""; 0]);
}

#[test]
fn keys_of_a_join_by_partition_have_one_type() {
    let toml = HEAD.to_owned()
        + r#"
[[step]]
name = "a"
sql = "SELECT k FROM input"
input = { path = "a-{date}.csv", columns = ["k int64"] }
output = { bucket_by = ["k"], buckets = 4 }
[[step]]
name = "b"
sql = "SELECT k FROM input"
input = { path = "b-{date}.csv", columns = ["k string"] }
output = { bucket_by = ["k"], buckets = 4 }
[[step]]
name = "c"
sql = "SELECT x.k FROM x JOIN y ON x.k = CAST(y.k AS BIGINT)"
input = { step = "a", by = "partition", as = "x" }
output = { destination = "out/{date}" }
[step.tables.y]
step = "b"
by = "partition"
"#;
    let of = |ty: &str| ok(&[("k", ty)], &[("k", "k")]);
    let problems = check(&toml, vec![of("int64"), of("string"), of("int64")]);
    assert_eq!(
        problems,
        ["bucket-types-differ: `k` of `a` is int64, `k` of `b` is string: equal keys are not in one bucket"]
    );
    // Integers of every width hash alike.
    assert_eq!(check(&toml, vec![of("int64"), of("int32"), of("int64")]), [""; 0]);
}
