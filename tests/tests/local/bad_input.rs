//! Bad input, one kind a test: a clear message that names the file, line or key; what was committed stays; once the
//! cause is removed the same command goes on and redoes nothing else.

use spotmill_tests::{Project, Ran, Seeded, programs, rows};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// Two files a day, one item each, published by one step; `extra` goes under [step.input].
fn copying(extra: &str, more: &str) -> Project {
    let project = Project::new(&format!(
        r#"format = 1
[pipeline]
name = "copying"
[params]
date = {{ type = "date" }}
[[step]]
name = "copy"
sql = "SELECT id, amount, note FROM input"
[step.input]
path = "data/{{date}}/*"
format = "csv"
header = false
item_bytes = "1 B"
columns = ["id int32", "amount float64", "note string"]
{extra}
[step.output]
destination = "out/{{date}}"
[resources]
vcpus = 1
memory = "256 MiB"
max_memory = "256 MiB"
max_attempts = 1
{more}
"#
    ));
    project.write("data/2026-01-01/a.csv", "1,1.5,one\n2,2.5,two\n");
    project.write("data/2026-01-01/b.csv", "3,3.5,three\n");
    project
}

const RUN: [&str; 3] = ["run", "--date", "2026-01-01"];

#[test]
fn a_name_that_smoke_tests_have_is_refused_by_whatever_would_make_something_of_it() {
    let project = copying("", "");
    project.edit("pipeline.toml", "name = \"copying\"", "name = \"spotmill_smoke_mine\"");
    let date = ["--date", "2026-01-01"];
    for command in ["validate", "run", "start", "deploy"] {
        let dated = if command == "deploy" { &[][..] } else { &date[..] };
        let refused = project.spotmill(&[&[command], dated].concat());
        refused.code(3).says("names that begin with `spotmill_smoke_` are reserved").says("pipeline.toml");
    }
    assert!(!project.path(".spotmill").exists() && rows(&project, "out").is_empty(), "nothing was made");
    // Also one that was deployed before the name was reserved.
    project.edit("pipeline.toml", "name = \"spotmill_smoke_mine\"", "name = \"copying\"");
    let started = project.spotmill(&["start", "--pipeline", "spotmill_smoke_mine", "--date", "2026-01-01"]);
    started.code(2).says("`spotmill_smoke_mine` is not started").says("another name");
}

/// The run fails, reports `texts`, publishes nothing; after `mend` only what was missing runs, and all is published.
#[track_caller]
fn fails_then_resumes(project: &Project, texts: &[&str], mend: impl FnOnce(&Project), expected: usize) {
    let failed = project.spotmill(&RUN);
    failed.code(1);
    texts.iter().for_each(|text| {
        failed.says(text);
    });
    assert!(rows(project, "out").is_empty(), "a failed run published");
    let shown = project.spotmill(&["show", "copying/2026-01-01"]);
    shown.code(0);
    texts.iter().for_each(|text| {
        shown.says(text);
    });
    mend(project);
    let replay = project.spotmill(&["run", "--date", "2026-01-01", "--json"]);
    replay.code(0);
    let started = replay.events().iter().filter(|e| e["event"] == "item_started").count();
    assert_eq!(started, 1, "only the failed item runs again: {}", replay.stdout);
    assert_eq!(rows(project, "out").len(), expected);
}

#[test]
fn a_row_with_too_few_fields() {
    let project = copying("", "");
    project.write("data/2026-01-01/b.csv", "3,3.5,three\n4,4.5\n");
    let mend = |p: &Project| p.write("data/2026-01-01/b.csv", "3,3.5,three\n4,4.5,four\n");
    fails_then_resumes(&project, &["b.csv", "line 2", "2 fields", "3"], mend, 4);
}

#[test]
fn a_row_with_too_many_fields() {
    let project = copying("", "");
    project.write("data/2026-01-01/b.csv", "3,3.5,three,OOPS\n");
    let mend = |p: &Project| p.write("data/2026-01-01/b.csv", "3,3.5,three\n");
    fails_then_resumes(&project, &["b.csv", "line 1", "4 fields"], mend, 3);
}

#[test]
fn text_in_a_number_column() {
    let project = copying("", "");
    project.write("data/2026-01-01/b.csv", "3,3.5,three\nfour,4.5,four\n");
    let mend = |p: &Project| p.write("data/2026-01-01/b.csv", "3,3.5,three\n4,4.5,four\n");
    fails_then_resumes(&project, &["b.csv", "line 2", "`id`", "four"], mend, 4);
}

#[test]
fn invalid_utf8() {
    let project = copying("", "");
    project.write("data/2026-01-01/b.csv", b"3,3.5,thr\xff\xfee\n");
    let mend = |p: &Project| p.write("data/2026-01-01/b.csv", "3,3.5,three\n");
    fails_then_resumes(&project, &["b.csv", "line 1", "UTF-8"], mend, 3);
}

#[test]
fn a_corrupt_gzip() {
    let project = copying("", "");
    let gz = gzip("3,3.5,three\n".repeat(5000).as_bytes());
    std::fs::remove_file(project.path("data/2026-01-01/b.csv")).expect("remove");
    project.write("data/2026-01-01/b.csv.gz", &gz[..gz.len() / 2]);
    let mend = |p: &Project| p.write("data/2026-01-01/b.csv.gz", &gz);
    fails_then_resumes(&project, &["b.csv.gz"], mend, 5002);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("gzip");
    child.stdin.take().expect("stdin").write_all(bytes).expect("write");
    child.wait_with_output().expect("gzip").stdout
}

#[test]
fn bad_rows_are_kept_aside_when_asked() {
    let project = copying("on_bad_rows = \"reject\"\nmax_bad_rows = \"50%\"", "");
    project.write("data/2026-01-01/b.csv", "3,3.5,three\nx,4.5,four\n5,5.5\n6,6.5,six\n");
    let ran = project.spotmill(&["run", "--date", "2026-01-01", "--json"]);
    ran.code(0);
    assert_eq!(ran.ended()["steps"][0]["rows_rejected"], 2);
    assert_eq!(rows(&project, "out").len(), 4);
    let rejects = project.files(".spotmill/scratch").into_iter().find(|(path, _)| path.contains("/rejects/"));
    let text = String::from_utf8(rejects.expect("a rejects file").1).expect("UTF-8");
    let kept: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!((kept[0]["line"].as_u64(), kept[0]["column"].as_str()), (Some(2), Some("id")));
    assert_eq!((kept[0]["raw"].as_str(), kept[1]["line"].as_u64()), (Some("x,4.5,four"), Some(3)));

    project.edit("pipeline.toml", "50%", "10%");
    project.spotmill(&["run", "--date", "2026-01-01", "--fresh", "--yes"]).code(4).says("2").says("10");
    // Who asks later gets the same report, with the rows that are committed.
    project.spotmill(&["runs"]).code(0).says("failed").says("2/2");
    let shown = project.spotmill(&["show", "copying/2026-01-01"]);
    shown.code(0).says("✗ copying/2026-01-01 failed").says("Cause").says("10").says("Again");
    let shown = project.spotmill(&["show", "copying/2026-01-01", "--json"]).events().remove(0);
    let step = &shown["report"]["steps"][0];
    assert_eq!((step["rows_raw"].as_u64(), step["rows_rejected"].as_u64()), (Some(6), Some(2)));
    assert_eq!(shown["report"]["end"]["error"], "Spotmill.ExpectationFailed");
}

#[test]
fn an_empty_file_is_zero_rows() {
    let project = copying("", "");
    project.write("data/2026-01-01/b.csv", "");
    project.spotmill(&RUN).code(0);
    assert_eq!(rows(&project, "out").len(), 2);
}

#[test]
fn no_files_for_the_date() {
    let project = copying("", "");
    let ran = project.spotmill(&["run", "--date", "2026-01-02"]);
    ran.code(1).says("data/2026-01-02");
    project.edit("pipeline.toml", "header = false", "header = false\non_empty = \"skip\"");
    project.spotmill(&["run", "--date", "2026-01-02"]).code(0);
}

#[test]
fn a_missing_column() {
    let project = copying("", "");
    project.edit("pipeline.toml", "header = false", "header = true");
    project.write("data/2026-01-01/a.csv", "id,amount,note\n1,1.5,one\n");
    project.write("data/2026-01-01/b.csv", "id,note\n3,three\n");
    let mend = |p: &Project| p.write("data/2026-01-01/b.csv", "id,amount,note\n3,3.5,three\n");
    fails_then_resumes(&project, &["b.csv", "amount"], mend, 2);
}

#[test]
fn a_truncated_parquet() {
    let maker = copying("", "");
    maker.spotmill(&RUN).code(0);
    let whole = maker.files("out").into_iter().find(|(p, _)| p.ends_with(".parquet")).expect("Parquet").1;
    let project = Project::new(
        r#"format = 1
[pipeline]
name = "copying"
[params]
date = { type = "date" }
[[step]]
name = "copy"
sql = "SELECT id, amount, note FROM input"
input = { path = "data/{date}/*.parquet", item_bytes = "1 B" }
output = { destination = "out/{date}" }
[resources]
max_attempts = 1
"#,
    );
    project.write("data/2026-01-01/a.parquet", &whole);
    project.write("data/2026-01-01/b.parquet", &whole[..whole.len() - 20]);
    let mend = |p: &Project| p.write("data/2026-01-01/b.parquet", &whole);
    let rows_each = rows(&maker, "out").len();
    fails_then_resumes(&project, &["b.parquet"], mend, if rows_each == 3 { 4 } else { rows_each });
}

fn misbehaving(transform: &str, more: &str) -> Project {
    let project = copying("", more).with_worker(programs().misbehaving_worker.clone());
    project.edit(
        "pipeline.toml",
        "sql = \"SELECT id, amount, note FROM input\"",
        &format!("transform = \"{transform}\""),
    );
    project
}

#[test]
fn a_transform_that_panics() {
    let project = misbehaving("panics", "");
    let ran = project.spotmill(&RUN);
    ran.code(1).says("the transform's own words").says("item 0");
    project.edit("pipeline.toml", "panics", "copies");
    project.spotmill(&RUN).code(0);
}

#[test]
fn a_transform_that_loops_for_ever() {
    let project = misbehaving("loops", "timeout = \"2s\"");
    let started = Instant::now();
    project.spotmill(&RUN).code(1).says("time-out");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_transform_that_eats_all_memory() {
    let project = misbehaving("eats_memory", "");
    let ran = project.spotmill(&RUN);
    ran.code(1).says("memory").says("max_memory");
}

#[test]
fn more_memory_is_tried_before_giving_up() {
    let project = misbehaving("eats_memory", "");
    project.edit("pipeline.toml", "max_memory = \"256 MiB\"", "max_memory = \"512 MiB\"");
    let ran: Ran = project.spotmill(&RUN);
    ran.code(1).says("512").says("max_memory");
}

#[test]
fn a_full_disk() {
    let project = copying("", "");
    let mut seeded = Seeded(1);
    let row = |_| format!("1,1.5,{:016x}{:016x}\n", seeded.below(u64::MAX), seeded.below(u64::MAX));
    project.write("data/2026-01-01/a.csv", (0..200_000).map(row).collect::<String>());
    // A file system of its own, 3 MB small, in a mount namespace of its own.
    let script = format!(
        "mkdir -p {state} && mount -t tmpfs -o size=3m none {state} && timeout 20 {spotmill} -C {dir} run --date 2026-01-01",
        state = project.path(".spotmill").display(),
        dir = project.path("").display(),
        spotmill = programs().spotmill.display(),
    );
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .env("SPOTMILL_WORKER", &programs().stock_worker)
        .output()
        .expect("unshare");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("No space left") || text.contains("no space left"), "{text}");
    // With room, the same command finishes.
    project.spotmill(&RUN).code(0);
    assert_eq!(rows(&project, "out").len(), 200_001);
}

#[test]
fn two_runs_of_one_key_at_once() {
    let project = misbehaving("loops", "timeout = \"20s\"");
    let mut first = project.command(&RUN).spawn().expect("spotmill starts");
    let patience = Instant::now() + Duration::from_secs(30);
    while project.files(".spotmill/runs").is_empty() {
        assert!(Instant::now() < patience, "the first run does not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
    let second = project.spotmill(&RUN);
    second.code(6).says(&first.id().to_string());
    // Another key is free.
    project.write("data/2026-01-02/a.csv", "1,1.5,one\n");
    let other = project.spotmill(&["plan", "--date", "2026-01-02"]);
    other.code(0);
    Command::new("kill").args(["-INT", &first.id().to_string()]).status().expect("kill");
    let ended = first.wait().expect("wait");
    assert_eq!(ended.code(), Some(130), "Ctrl-C ends with 130");
    // Nobody failed: it was stopped, and goes on.
    project.spotmill(&["runs"]).code(0).says("‖ stopped");
    let shown = project.spotmill(&["show", "copying/2026-01-01"]);
    shown.code(0).says("‖ copying/2026-01-01 stopped").says("Again").says("run --date 2026-01-01");
    assert!(!shown.stdout.contains('✗'), "{}", shown.stdout);
}

#[test]
fn a_worker_of_another_version_in_the_middle_of_a_run() {
    let project = copying("", "");
    project.spotmill(&RUN).code(0);
    // The next start meets another worker: what it made would differ, so a new generation begins and states the reason.
    let project = project.with_worker(programs().misbehaving_worker.clone());
    let ran = project.spotmill(&["run", "--date", "2026-01-01", "--json"]);
    ran.code(0);
    let planned = ran.events().into_iter().find(|e| e["event"] == "step_planned").expect("planned");
    assert_eq!((planned["generation"].as_u64(), planned["todo"].as_u64()), (Some(2), Some(2)));
    project.spotmill(&["show", "copying/2026-01-01"]).code(0).says("worker");
    assert_eq!(rows(&project, "out").len(), 3, "the first generation's files are gone");
}

#[test]
fn a_worker_that_is_replaced_while_the_run_goes_on() {
    let project = copying("", "processes = \"item\"");
    // A program that is this worker for one item, and another from then on.
    let (one, other) = (programs().stock_worker.display(), programs().misbehaving_worker.display());
    let done = project.path("done").display().to_string();
    project.write(
        "worker.sh",
        format!(
            "#!/bin/sh\n[ \"$1\" = item ] || exec {one} \"$@\"\n[ -e {done} ] && exec {other} \"$@\"\ntouch {done}\nexec {one} \"$@\"\n"
        ),
    );
    let script = project.path("worker.sh");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let project = project.with_worker(script);
    let failed = project.spotmill(&["run", "--date", "2026-01-01", "--workers", "1"]);
    failed.code(1).says("misbehaving-1").says("version");
    assert!(rows(&project, "out").is_empty(), "rows of two programs were published together");
    // The worker that began finishes it, and redoes nothing.
    let project = project.with_worker(programs().stock_worker.clone());
    let ran = project.spotmill(&["run", "--date", "2026-01-01", "--json"]);
    ran.code(0);
    assert_eq!(ran.events().iter().filter(|e| e["event"] == "item_started").count(), 1, "{}", ran.stdout);
    assert_eq!(rows(&project, "out").len(), 3);
}

#[test]
fn invalid_pipelines_are_refused_before_anything_runs() {
    let cases: [(&str, &str, &[&str]); 5] = [
        ("null_value = [\"NA\"]", "", &["unknown-key", "null_values"]),
        ("", "[steps.x]", &["unknown-key"]),
        ("on_bad_rows = \"ignore\"", "", &["on_bad_rows", "reject"]),
        ("max_bad_rows = \"much\"", "", &["max_bad_rows"]),
        ("", "[budget]\nusd = 1", &["unknown-key", "usd_per_run"]),
    ];
    for (extra, more, texts) in cases {
        let project = copying(extra, more);
        let ran = project.spotmill(&RUN);
        ran.code(3).says("pipeline.toml:");
        texts.iter().for_each(|text| {
            ran.says(text);
        });
        assert!(project.files(".spotmill").is_empty());
    }
    for (sql, word) in [
        ("SELEC id FROM input", "bad-sql"),
        ("SELECT * FROM read_csv('/etc/passwd')", "undeclared-read"),
        ("DELETE FROM input", "undeclared-read"),
        ("SELECT nothing_such FROM input", "unknown-column"),
        ("SELECT id > note AS x FROM input", "type-mismatch"),
        ("SELECT id, amount AS \\\"ID\\\" FROM input", "`ID`, which Athena, Hive and Spark do not tell apart"),
        ("SELECT id AS \\\" \\\" FROM input", "has no name: give it one with AS"),
    ] {
        let project = copying("", "");
        project.edit("pipeline.toml", "SELECT id, amount, note FROM input", sql);
        project.spotmill(&RUN).code(3).says(word);
        assert!(project.files(".spotmill/runs").is_empty());
    }
}
