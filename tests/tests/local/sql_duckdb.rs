//! SQL compared with DuckDB, through the worker: the kinds of answers that were once wrong, every function, TPC-H and
//! TPC-DS, and random queries. The scripts and what they compare are in `tests/verify/sql`.

use spotmill_tests::{programs, python, repository};
use std::process::Command;

/// Runs a script of `tests/verify/sql`; its last lines are the table of outcomes.
fn verified(script: &str, args: &[&str]) {
    let ran = Command::new(python())
        .arg(repository().join("tests/verify/sql").join(script))
        .arg("--worker")
        .arg(&programs().stock_worker)
        .args(args)
        .output()
        .expect("python starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    println!("{out}");
    assert!(ran.status.success(), "{script}: {out}{err}");
}

#[test]
fn every_kind_of_wrong_answer_stays_right() {
    verified("replay.py", &["--refused"]);
}

/// What users of other engines write: right or refused, and every refusal has a place, a reason and a way out.
#[test]
fn constructs_of_other_engines_are_right_or_refused_with_a_way_out() {
    verified("constructs.py", &[]);
}

/// The examples of the reference, and every function over NULL, no rows and extreme values.
#[test]
fn every_function_is_as_documented_and_equals_duckdb() {
    verified("functions.py", &[]);
}

#[test]
fn tpc_h_and_tpc_ds_equal_duckdb() {
    verified("tpc.py", &["--suite", "both", "--timeout", "60", "--need", "h=22,ds=99"]);
}

#[test]
fn random_queries_equal_duckdb() {
    let seed = std::env::var("SPOTMILL_SEED").unwrap_or_else(|_| state());
    println!("SPOTMILL_SEED={seed}");
    verified("fuzz.py", &["--count", "300", "--seed", &seed, "--timeout", "60"]);
}

/// Other queries for every state of the repository, and the same ones whenever that state is tested again.
fn state() -> String {
    let tree = Command::new("git").args(["rev-parse", "HEAD^{tree}"]).current_dir(repository()).output();
    let tree =
        tree.ok().filter(|out| out.status.success()).map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    let seconds =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |since| since.as_secs());
    tree.map_or_else(|| seconds().to_string(), |tree| tree.trim().to_owned())
}
