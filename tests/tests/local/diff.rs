//! `spotmill diff` as a user types it: runs, directories and files of other programs, by a key and by whole rows; what
//! differs is named, and what cannot be compared is refused.

use crate::docs;
use serde_json::{Value, json};
use spotmill_tests::{Project, Ran};

const A: &str = "id,name,amount,ratio,day\n1,ann,10.50,0.1,2024-01-01\n2,bob,20.00,0.2,2024-01-02\n3,,30.25,0.3,\n4,dan,40.00,0.4,2024-01-04\n";
const B: &str = "id,name,amount,ratio,day\n4,dan,40.00,0.4,2024-01-04\n2,bob,20.50,0.2,2024-01-02\n3,cid,30.25,0.30000000000000004,\n5,eve,50.00,0.5,2024-01-05\n";

fn two(a: &str, b: &str) -> Project {
    let project = Project::new("");
    std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
    project.write("a.csv", a);
    project.write("b.csv", b);
    project
}

fn event(ran: &Ran) -> Value {
    ran.events().into_iter().find(|e| e["event"] == "diff").unwrap_or_else(|| panic!("{}\n{}", ran.stdout, ran.stderr))
}

#[test]
fn rows_of_one_key_are_held_against_each_other() {
    let project = two(A, B);
    let ran = project.spotmill(&["--json", "diff", "a.csv", "b.csv", "--key", "id"]);
    ran.code(1);
    let found = event(&ran);
    let counts =
        ["rows_a", "rows_b", "rows_same", "rows_changed", "rows_only_a", "rows_only_b"].map(|n| found[n].clone());
    assert_eq!(counts, [4, 4, 1, 2, 1, 1].map(Value::from), "{found:#}");
    let column = |name: &str| found["columns"].as_array().expect("a list").iter().find(|c| c["name"] == name).cloned();
    assert_eq!(
        column("amount"),
        Some(json!({"name": "amount", "changed": 1, "largest": 0.5, "nulls_a": 0, "nulls_b": 0}))
    );
    assert_eq!(column("name"), Some(json!({"name": "name", "changed": 1, "nulls_a": 1, "nulls_b": 0})));
    assert_eq!(column("ratio").map(|c| c["changed"].clone()), Some(json!(1)));
    assert_eq!(column("day"), Some(json!({"name": "day", "changed": 0, "nulls_a": 1, "nulls_b": 1})));
    let examples = found["examples"].as_array().expect("a list");
    let bob = json!({"kind": "changed", "row": [{"name": "id", "value": "2"}],
        "changed": [{"name": "amount", "a": "20.0", "b": "20.5"}]});
    assert!(examples.contains(&bob), "{examples:#?}");
    let kinds: Vec<&str> = examples.iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds, ["changed", "changed", "only_a", "only_b"]);

    // What somebody reads.
    let ran = project.spotmill(&["diff", "a.csv", "b.csv", "--key", "id", "--tolerance", "1e-9", "--ignore", "name"]);
    ran.code(1).says("✗ different: rows by id, 4 columns").says("2 the same · 1 changed · 1 only in A · 1 only in B");
    ran.says("only in A  id=1").says("changed    id=2: amount 20.0 → 20.5");
    let ran = project.spotmill(&["diff", "a.csv", "b.csv", "--key", "id", "--where", "id = 4"]);
    ran.code(0).says("✓ the same: rows by id, 5 columns").says("a.csv, 1 row");
}

#[test]
fn whole_rows_are_counted() {
    let project = two("x,y\n1,a\n1,a\n2,\n3,c\n", "y,x\na,1\n,2\n,2\nd,4\n");
    let ran = project.spotmill(&["--json", "diff", "a.csv", "b.csv"]);
    ran.code(1);
    let found = event(&ran);
    let counts =
        ["rows_a", "rows_b", "rows_same", "rows_changed", "rows_only_a", "rows_only_b"].map(|n| found[n].clone());
    assert_eq!(counts, [4, 4, 2, 0, 2, 2].map(Value::from), "{found:#}");
    let twice =
        json!({"kind": "only_a", "times": [2, 1], "row": [{"name": "x", "value": "1"}, {"name": "y", "value": "a"}]});
    assert!(found["examples"].as_array().expect("a list").contains(&twice), "{found:#}");
    project.spotmill(&["diff", "a.csv", "a.csv"]).code(0).says("✓ the same: whole rows, 2 columns");
}

#[test]
fn a_side_without_rows_is_a_side() {
    let project = two("x,y\n1,a\n2,b\n", "x,y\n");
    for key in [&["--key", "x"][..], &[]] {
        for (a, b, counts) in
            [("a.csv", "b.csv", [2, 0, 2, 0]), ("b.csv", "a.csv", [0, 2, 0, 2]), ("b.csv", "b.csv", [0; 4])]
        {
            let ran = project.spotmill(&[&["--json", "diff", a, b], key].concat());
            let found = event(&ran);
            let is = ["rows_a", "rows_b", "rows_only_a", "rows_only_b"].map(|n| found[n].clone());
            assert_eq!(is, counts.map(Value::from), "{a} {b}: {found:#}");
            ran.code(i32::from(a != b));
        }
    }
}

#[test]
fn columns_and_types_are_part_of_it() {
    let project = two("id,n,old\n1,2,x\n", "id,n,new\n1,2.0,y\n");
    project
        .spotmill(&["sql", "SELECT CAST(id AS INT) AS id, n FROM t", "--table", "t=a.csv", "--output", "a.parquet"])
        .code(0);
    project.spotmill(&["sql", "SELECT id, n FROM t", "--table", "t=a.csv", "--output", "b.parquet"]).code(0);
    let ran = project.spotmill(&["diff", "a.parquet", "b.parquet", "--key", "id"]);
    ran.code(1).says("columns  id is int32 in A and int64 in B; compared as int64").says("1 the same · 0 changed");
    let ran = project.spotmill(&["diff", "a.csv", "b.csv", "--key", "id"]);
    ran.code(1).says("only in A: old string").says("only in B: new string").says("changed    id=1: n 2 → 2.0");
    // Text takes the types of the other side.
    project.spotmill(&["diff", "a.parquet", "a.csv", "--key", "id", "--ignore", "old"]).code(0).says("✓ the same");
    let ran = project.spotmill(&["diff", "b.csv", "a.parquet", "--key", "id", "--ignore", "new"]);
    ran.code(2).says("the two cannot be compared").says("b.csv line 2, column `n`: `2.0` is not a whole number");
    project
        .spotmill(&["sql", "SELECT id, CAST(n AS DOUBLE) AS n FROM t", "--table", "t=b.csv", "--output", "c.parquet"])
        .code(0);
    let ran = project.spotmill(&["diff", "a.parquet", "c.parquet", "--key", "id"]);
    ran.code(1).says("n is int64 in A and float64 in B; not compared");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let project = two("k,v\n1,2\n1,3\n", "k,v\n1,2\n");
    let refused = |args: &[&str], text: &str| {
        let ran = project.spotmill(&[&["diff"], args].concat());
        ran.code(2).says(text);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    };
    refused(
        &["a.csv", "b.csv", "--key", "k"],
        "k does not identify a row: 1 values of it stand in more than one row of A",
    );
    refused(&["b.csv", "a.csv", "--key", "k"], "more than one row of B");
    refused(&["a.csv", "b.csv", "--key", "kk"], "there is no column `kk`; did you mean `k`?");
    refused(&["a.csv", "c.csv"], "c.csv is neither a file or directory nor a run");
    refused(&["a.csv", "b.csv", "--tolerance", "2"], "expected a share from 0 to 1");
    refused(&["a.csv", "b.csv", "--where", "nothing = 1"], "nothing");
    project.write("d/x.csv", "k,v\n1,2\n");
    project.write("d/y.parquet", "PAR1");
    refused(&["d", "b.csv"], "x.csv and y.parquet are of different kinds");
    project.write("e/_SUCCESS", "");
    refused(&["e", "b.csv"], "e has no files");
}

/// Runs every command of the page's examples, in the order in which they stand: flights of two days, and what another
/// program wrote of one.
#[test]
fn the_commands_of_the_page_run() {
    let (_, commands) = docs::commands("docs/diff.md", "diff.rs::the_commands_of_the_page_run");
    let project = Project::flights();
    for command in &commands {
        command.run(&project);
    }
    let ran = project.spotmill(&["diff", "2013-01-01", "old.csv", "--step", "by_route"]);
    ran.code(1).says("✗ different: rows by carrier, origin, dest").says("only in A");
}
