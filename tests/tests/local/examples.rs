//! The examples inside the program: each runs as it is written, by the command that `init` prints, and shows what it is
//! there to show.

use crate::messages::typed;
use spotmill_tests::{Project, Ran};

/// The example in a directory of its own, and what its printed command did.
fn tried(name: &str) -> (Project, Ran) {
    let project = Project::new("");
    std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
    let written = typed(&project, &["init", "--example", name, "it"]);
    written.code(0);
    let next = written.stdout.lines().find_map(|line| line.strip_prefix("Next: spotmill ")).expect("a command");
    let words: Vec<&str> = next.split(' ').collect();
    assert_eq!(words[..2], ["-C", "it"]);
    let ran = typed(&project, &words);
    ran.code(0);
    (project, ran)
}

#[test]
fn flights_run_on_the_stock_worker_and_give_the_known_days() {
    let (project, ran) = tried("flights");
    ran.says("2013-01-01      842          4   245           12.7").says("3 of 3 runs done");
    typed(&project, &["-C", "it", "run", "--date", "2013-01-01..2013-01-03"]).code(0).says("nothing to do");
}

#[test]
fn logs_keep_broken_lines_aside_and_make_sessions() {
    let (project, ran) = tried("logs");
    ran.says("rejected 10 rows").says("products");
    // Every line is a session's request or was rejected.
    let asked = "SELECT SUM(requests) AS requests, COUNT(*) AS sessions FROM s";
    let counted =
        typed(&project, &["-C", "it", "sql", asked, "--table", "s=out/sessions/*/*.parquet", "--format", "csv"]);
    assert_eq!(counted.code(0).stdout, "requests,sessions\n3700,1017\n");
    let gaps = "SELECT COUNT(*) AS n FROM s AS a JOIN s AS b ON a.visitor = b.visitor AND a.session + 1 = b.session
                WHERE CAST(a.began AS DATE) = CAST(b.began AS DATE) AND DATE_DIFF('second', a.ended, b.began) <= 1800";
    let counted =
        typed(&project, &["-C", "it", "sql", gaps, "--table", "s=out/sessions/*/*.parquet", "--format", "csv"]);
    assert_eq!(counted.code(0).stdout, "n\n0\n", "sessions are half an hour apart");
    typed(&project, &["-C", "it", "show", "logs/2026-03-02", "parse", "0"]).code(0).says("web1.ndjson.gz");
}

#[test]
fn tpch_joins_bucket_by_bucket_what_one_query_joins_at_once() {
    let (project, ran) = tried("tpch");
    ran.says("GERMANY    1992     22  507854.8521     1");
    let at_once = "SELECT SUM(CAST(l.price * (1 - l.discount) AS DECIMAL(18,4))) AS revenue, COUNT(*) AS lines
                   FROM l JOIN o ON o.orderkey = l.orderkey JOIN c ON c.custkey = o.custkey
                   JOIN s ON s.suppkey = l.suppkey AND s.nation = c.nation";
    // The files have an ending that says nothing.
    let data = project.files("it/data");
    for (table, place) in [("l", "lineitem/"), ("o", "orders/"), ("c", "customer."), ("s", "supplier.")] {
        let files = data.iter().filter(|(name, _)| name.starts_with(&format!("it/data/{place}")));
        let text: String = files.map(|(_, bytes)| String::from_utf8_lossy(bytes).replace('|', ",")).collect();
        project.write(&format!("it/once/{table}.csv"), text);
    }
    let once = typed(
        &project,
        &[
            "-C",
            "it",
            "sql",
            at_once,
            "--format",
            "csv",
            "--no-header",
            "l",
            "--no-header",
            "o",
            "--no-header",
            "c",
            "--no-header",
            "s",
            "--table",
            "l=once/l.csv",
            "--table",
            "o=once/o.csv",
            "--table",
            "c=once/c.csv",
            "--table",
            "s=once/s.csv",
            "--columns",
            "l=orderkey int64, partkey int64, suppkey int64, linenumber int32, quantity int32, price decimal(12,2), \
             discount decimal(4,2), tax decimal(4,2), returnflag string",
            "--columns",
            "o=orderkey int64, custkey int64, status string, ordered date",
            "--columns",
            "c=custkey int64, name string, nation int32",
            "--columns",
            "s=suppkey int64, name string, nation int32",
        ],
    );
    let by_buckets = "SELECT SUM(revenue) AS revenue, SUM(lines) AS lines FROM r";
    let bucketed =
        typed(&project, &["-C", "it", "sql", by_buckets, "--table", "r=out/by_nation/*/*.parquet", "--format", "csv"]);
    assert_eq!(once.code(0).stdout, bucketed.code(0).stdout);
    assert_eq!(bucketed.stdout, "revenue,lines\n7305907.4926,326\n");
}

#[test]
fn an_unknown_example_is_refused_with_the_others() {
    let project = Project::new("");
    typed(&project, &["init", "--example", "flight", "it"]).code(2).says("flights");
    typed(&project, &["init", "--example", "flights", "--from", "x.csv", "it"]).code(2);
}
