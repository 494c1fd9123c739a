//! Queries one after another in one process: a limit cuts rows and not their count, an output appears whole, and what
//! goes wrong in one query, panics included, does not reach the next.

use spotmill_item::{Functions, query};
use spotmill_spec::query::{QueryReply, QueryRequest};
use std::path::Path;
use tempfile::TempDir;

/// 1,000 rows `n,word` in two files.
fn data() -> TempDir {
    let dir = TempDir::new().expect("a directory");
    for (name, from) in [("a.csv", 0), ("b.csv", 500)] {
        let rows: String = (from..from + 500).map(|n| format!("{n},w{n}\n")).collect();
        std::fs::write(dir.path().join(name), format!("n,word\n{rows}")).expect("written");
    }
    dir
}

fn request(dir: &Path, sql: &str) -> QueryRequest {
    let files = ["a.csv", "b.csv"].map(|name| dir.join(name));
    let request = serde_json::json!({"sql": sql, "tables": {"t": {"files": files}}});
    serde_json::from_value(request).expect("a request")
}

#[track_caller]
fn preview(request: &QueryRequest, functions: &Functions) -> (u64, Vec<String>) {
    match query::run(request, functions) {
        QueryReply::Ok(done) => {
            let text =
                |row: Vec<Option<String>>| row.into_iter().map(|c| c.unwrap_or("NULL".into())).collect::<Vec<_>>();
            (done.rows, done.preview.expect("rows").into_iter().map(|row| text(row).join(" ")).collect())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_cuts_rows_in_order_and_counts_all() {
    let (dir, functions) = (data(), Functions::default());
    let all = request(dir.path(), "SELECT n, word FROM t WHERE n >= 10");
    let few = QueryRequest { limit: Some(3), ..all.clone() };
    assert_eq!(preview(&few, &functions), (990, vec!["10 w10".into(), "11 w11".into(), "12 w12".into()]));
    assert_eq!(preview(&QueryRequest { limit: Some(0), ..all.clone() }, &functions), (990, vec![]));
    assert_eq!(preview(&all, &functions).1.len(), 990);

    let output = dir.path().join("out.csv");
    let written = QueryRequest { limit: Some(1), output: Some(output.to_string_lossy().into()), ..all };
    let reply = query::run(&written, &functions);
    assert!(matches!(&reply, QueryReply::Ok(done) if done.rows == 990 && done.preview.is_none()), "{reply:?}");
    assert_eq!(std::fs::read_to_string(&output).expect("it"), "n,word\n10,w10\n");
    assert_eq!(std::fs::read_dir(dir.path()).expect("it").count(), 3, "nothing stands beside the output");
}

#[test]
fn a_panic_is_a_reply_and_the_next_query_runs() {
    let dir = data();
    let mut functions = Functions::default();
    functions.udf("boom", |n: i64| if n == 700 { panic!("at seven hundred") } else { n });
    for _ in 0..3 {
        let reply = query::run(&request(dir.path(), "SELECT boom(n) AS n FROM t"), &functions);
        let text = serde_json::to_string(&reply).expect("JSON");
        assert!(!matches!(reply, QueryReply::Ok(_) | QueryReply::Refused(_)), "{text}");
        assert!(text.contains("at seven hundred"), "{text}");
        let fine = request(dir.path(), "SELECT SUM(boom(n)) AS s FROM t WHERE n < 3");
        assert_eq!(preview(&fine, &functions), (1, vec!["3".into()]));
    }
}

#[test]
fn what_is_refused_has_a_place_and_a_way_out() {
    let (dir, functions) = (data(), Functions::default());
    let refused = |sql: &str| match query::run(&request(dir.path(), sql), &functions) {
        QueryReply::Refused(why) => (why.message, why.line.zip(why.column), why.hint.unwrap_or_default()),
        other => panic!("{sql}: {other:?}"),
    };
    let (message, place, hint) = refused("SELECT n,\n  wrod FROM t");
    assert_eq!(
        (message.as_str(), place, hint.as_str()),
        ("there is no column `wrod`", Some((2, 3)), "did you mean `word`?")
    );
    let (message, place, hint) = refused("SELECT 1, uper(word) FROM t");
    assert_eq!((message.as_str(), place), ("there is no function `uper`", Some((1, 11))));
    assert!(hint.starts_with("did you mean `upper`?"), "{hint}");
}

#[test]
fn a_line_that_is_no_request_and_files_that_are_no_tables() {
    let functions = Functions::default();
    let failed = |line: String| match query::answer(line.as_bytes(), &functions) {
        QueryReply::Failed(why) => why.message,
        other => panic!("{line}: {other:?}"),
    };
    assert!(failed("nonsense".into()).starts_with("the request is no query"));
    let table = |files: serde_json::Value| serde_json::json!({"sql": "SELECT 1", "tables": {"t": {"files": files}}});
    assert_eq!(failed(table(serde_json::json!([])).to_string()), "the table `t` has no files");
    assert!(failed(table(serde_json::json!(["/gone.csv"])).to_string()).starts_with("cannot read /gone.csv"));
    assert!(failed(table(serde_json::json!(["/a.txt"])).to_string()).contains("a file ends in .parquet"));
    let dir = TempDir::new().expect("a directory");
    let empty = dir.path().join("empty.csv");
    std::fs::write(&empty, "").expect("written");
    assert!(failed(table(serde_json::json!([empty])).to_string()).contains("has no columns"));
}
