//! `spotmill sql` as a user types it: results on the terminal and in files, params, and queries and command lines that
//! are refused with what to do about it. And the worker's loop behind it: a reply a line, whatever the line.

use spotmill_tests::{Project, programs};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const AIRLINES: &str = "a=data/airlines.csv";

#[test]
fn a_result_is_a_table() {
    let project = Project::flights();
    let sql = "SELECT carrier, name FROM a WHERE carrier < 'AS' ORDER BY carrier";
    let ran = project.spotmill(&["sql", sql, "--table", AIRLINES]);
    ran.code(0);
    let lines: Vec<&str> = ran.stdout.lines().map(str::trim).collect();
    assert_eq!(lines, ["carrier  name", "9E       Endeavor Air Inc.", "AA       American Airlines Inc.", "2 rows"]);

    let few = project.spotmill(&["sql", "SELECT carrier FROM a ORDER BY carrier", "--table", AIRLINES, "--limit", "2"]);
    few.code(0).says("… 14 rows more (16 in all)");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let project = Project::new("");
    for args in [&["sql", "SELECT 1 AS a"][..], &["--json", "sql", "SELECT 1 AS a"]] {
        let mut command = project.command(args);
        // Whoever writes to it has no space left.
        command.stdout(std::fs::File::options().write(true).open("/dev/full").expect("/dev/full"));
        let output = command.output().expect("spotmill starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {text}");
        assert!(text.contains("cannot write to standard output"), "{args:?}: {text}");
    }
}

#[test]
fn a_day_without_a_header_is_joined_in_one_command() {
    let project = Project::flights();
    let sql = "SELECT a.name, COUNT(*) AS flights FROM f JOIN a ON a.carrier = f.carrier \
               GROUP BY a.name ORDER BY flights DESC LIMIT 1";
    let columns = "f=year int16, month int8, day int8, dep_time int16, sched_dep_time int16, dep_delay int16, \
                   arr_time int16, sched_arr_time int16, arr_delay int16, carrier string, flight int32, \
                   tailnum string, origin string, dest string, air_time int16, distance int32, hour int8, \
                   minute int8, time_hour timestamp_utc";
    let day = ["--table", "f=data/raw/2013-01-01.csv.gz", "--no-header", "f", "--null-value", "NA"];
    let args = [&["sql", sql, "--table", AIRLINES, "--columns", columns, "--json"][..], &day].concat();
    let ran = project.spotmill(&args);
    ran.code(0);
    let event = &ran.events()[0];
    assert_eq!(event["preview"], serde_json::json!([["United Air Lines Inc.", "165"]]));
    assert_eq!((&event["event"], &event["rows"]), (&"query".into(), &1.into()));
    assert_eq!(event["columns"][1], serde_json::json!({"name": "flights", "type": "int64"}));
}

#[test]
fn a_result_is_written_whole_and_replaces_nothing_unasked() {
    let project = Project::flights();
    project.write("sql/try.sql", "SELECT carrier, name\nFROM a\nWHERE carrier = $carrier\n");
    let args = ["sql", "@sql/try.sql", "--table", AIRLINES, "--param", "carrier=9E", "--output", "out.csv"];
    project.spotmill(&args).code(0).says("✓ 1 row in out.csv");
    let csv = "carrier,name\n9E,Endeavor Air Inc.\n";
    assert_eq!(project.read("out.csv"), csv);

    project.spotmill(&args).code(2).says("out.csv exists").says("--force");
    project.spotmill(&[&args[..], &["--force"]].concat()).code(0);
    let left: Vec<String> = project.files(".").into_keys().filter(|f| f.contains(".spotmill")).collect();
    assert_eq!(left, Vec::<String>::new(), "nothing is left beside the output");

    let printed = project.spotmill(&["sql", "SELECT * FROM t", "--table", "t=out.csv", "--format", "csv"]);
    printed.code(0);
    assert_eq!(printed.stdout, csv);
    project.spotmill(&["sql", "SELECT * FROM t", "--table", "t=out.csv", "--output", "out.parquet"]).code(0);
    project.spotmill(&["sql", "SELECT * FROM t", "--table", "t=out.csv", "--output", "out.tsv"]).code(0);
    assert_eq!(project.read("out.tsv"), project.read("out.csv").replace(',', "\t"));
    let ndjson = project.spotmill(&["sql", "SELECT * FROM t", "--table", "t=out.parquet", "--format", "ndjson"]);
    ndjson.code(0);
    assert_eq!(ndjson.stdout, "{\"carrier\":\"9E\",\"name\":\"Endeavor Air Inc.\"}\n");
}

#[test]
fn params_have_the_type_of_their_text() {
    let project = Project::flights();
    let sql = "SELECT $day AS day, $n + 1 AS n, $text AS text, $on AS is_on";
    let params = ["--param", "day=2024-02-29", "--param", "n=41", "--param", "text=it's; --", "--param", "on=true"];
    let ran = project.spotmill(&[&["sql", sql, "--json"][..], &params].concat());
    ran.code(0);
    let event = &ran.events()[0];
    assert_eq!(event["preview"], serde_json::json!([["2024-02-29", "42", "it's; --", "true"]]));
    let types: Vec<&str> =
        event["columns"].as_array().into_iter().flatten().filter_map(|c| c["type"].as_str()).collect();
    assert_eq!(types, ["date", "int64", "string", "bool"]);
}

#[test]
fn a_refused_query_is_pointed_into() {
    let project = Project::flights();
    let ran = project.spotmill(&["sql", "SELECT carrier\nFROM a WHERE", "--table", AIRLINES]);
    ran.code(3).says("error[bad-sql]").says("--> the query:2:8").says("^^^^^").says("nothing was run");

    // What only the engine knows is pointed into as well, through the params that were bound before it.
    let sql = "SELECT $x AS x, nam FROM a";
    let ran = project.spotmill(&["sql", sql, "--table", AIRLINES, "--param", "x=-12"]);
    ran.code(3).says("nam").says("--> the query:1:17").says("^^^");
}

#[test]
fn an_unknown_table_says_how_to_give_it() {
    let project = Project::flights();
    let ran = project.spotmill(&["sql", "SELECT * FROM airlines"]);
    ran.code(3).says("error[unknown-table]: there is no table `airlines`").says("--> the query:1:15");
    ran.says("--table airlines=FILE").says("tables of pipeline.toml are not loaded by themselves");
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let project = Project::flights();
    let check = |args: &[&str], text: &str| {
        project.spotmill(&[&["sql"], args].concat()).code(2).says(text);
    };
    check(&["SELECT 1", "--table", "data/airlines.csv"], "expected NAME=FILE");
    check(&["SELECT 1", "--table", "t=data/gone.csv"], "there is no file data/gone.csv");
    check(&["SELECT 1", "--table", "t=data/*.txt"], "no file matches data/*.txt");
    check(&["SELECT 1", "--table", "t=data/README.md"], "does not show what it holds");
    check(&["SELECT 1", "--output", "out.xlsx"], "ends in .parquet, .csv, .tsv or .ndjson");
    check(&["SELECT 1", "--param", "d=1"], "the query has no $d");
    check(&[], "required");
}

#[test]
fn a_bad_row_fails_and_is_named() {
    let project = Project::flights();
    project.write("bad.csv", "a,b\n1,2\n3\n");
    let ran = project.spotmill(&["sql", "SELECT a FROM t", "--table", "t=bad.csv"]);
    ran.code(1).says("bad.csv line 3").says("1 field");
}

#[test]
fn the_worker_answers_every_line_in_order() {
    let project = Project::flights();
    let mut worker = Command::new(&programs().stock_worker)
        .arg("sql")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the worker starts");
    let mut requests = worker.stdin.take().expect("stdin");
    let mut replies = BufReader::new(worker.stdout.take().expect("stdout")).lines();
    let mut ask = |line: &str| -> serde_json::Value {
        writeln!(requests, "{line}").expect("a request is taken");
        let reply = replies.next().expect("a reply").expect("a line");
        serde_json::from_str(&reply).expect("JSON")
    };
    let file = project.path("data/airlines.csv").to_string_lossy().into_owned();
    let request = |sql: &str| serde_json::json!({"sql": sql, "tables": {"t": {"files": [file]}}}).to_string();
    for _ in 0..20 {
        let ok = ask(&request("SELECT COUNT(*) AS n FROM t"));
        assert_eq!(ok["ok"]["preview"], serde_json::json!([["16"]]), "{ok}");
        assert!(ask("{\"sql\": 1}")["failed"]["message"].is_string());
        assert!(ask("")["failed"]["message"].is_string());
        assert!(ask(&request("SELECT nothing FROM t"))["refused"]["message"].is_string());
        let gone = serde_json::json!({"sql": "SELECT * FROM t", "tables": {"t": {"files": ["/gone.csv"]}}});
        assert!(ask(&gone.to_string())["failed"]["message"].as_str().is_some_and(|m| m.contains("/gone.csv")));
    }
    drop(requests);
    assert!(worker.wait().expect("it ends").success());
}
