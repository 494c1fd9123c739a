//! What a newcomer and a person on call read: a cause is reported once,
//! names that nothing has get the nearest one, `--json` is JSON, and a reader that goes away ends nothing.

use spotmill_tests::{Project, Ran, programs};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub const DAY: &str = "2026-01-01";
/// A directory that a shell takes apart unless it is quoted.
pub const SHOP: &str = "my shop's";

/// The pipeline that `spotmill init` writes, in a directory below `project`.
fn shop(project: &Project) {
    std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
    typed(project, &["init", SHOP]).code(0);
}

pub fn empty() -> Project {
    Project::new("")
}

/// As typed in the project's directory, without -C.
pub fn command(project: &Project, args: &[&str]) -> Command {
    let mut command = Command::new(&programs().spotmill);
    command.args(args).current_dir(project.path("")).env("SPOTMILL_WORKER", project.worker());
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "SPOTMILL_STACK"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn typed(project: &Project, args: &[&str]) -> Ran {
    command(project, args).output().expect("spotmill starts").into()
}
#[test]
fn what_moved_is_found_where_it_is_now() {
    let project = empty();
    shop(&project);
    typed(&project, &["-C", SHOP, "run", "--date", DAY]).code(0);
    std::fs::rename(project.path(SHOP), project.path("elsewhere")).expect("moved");
    let old = project.path(SHOP).display().to_string();
    let show = |args: &[&str]| {
        let ran = typed(&project, &[&["-C", "elsewhere", "show"], args].concat());
        ran.code(0);
        let lines: Vec<&str> = ran.stdout.lines().filter(|l| !l.contains("note") && !l.contains("rejected:")).collect();
        assert!(!lines.iter().any(|l| l.contains(&old)), "{}", ran.stdout);
        ran
    };
    show(&[]).says("is published at out/by_country");
    show(&[DAY, "clean", "0"]).says("reads  data/orders-2026-01-01.csv").says("wrote  .spotmill/scratch");
    for (step, item) in [("clean", "0"), ("by_country", "1")] {
        typed(&project, &["-C", "elsewhere", "item", DAY, step, item]).code(0).says("nothing was committed");
    }
    // Its result is shown from where it is.
    typed(&project, &["-C", "elsewhere", "run", "--date", DAY]).code(0).says("174.108");
}

#[test]
fn an_item_of_no_run_empties_nothing() {
    let project = empty();
    shop(&project);
    typed(&project, &["-C", SHOP, "run", "--date", DAY]).code(0);
    let before = project.files("");
    // `.spotmill/item/../../x` would be the project itself.
    for (run, step) in [("../..", "data"), (DAY, "../../../../data"), ("shop/2026-01-01/../..", "sql")] {
        typed(&project, &["-C", SHOP, "item", run, step, "0"]).code(2);
    }
    assert!(project.files("") == before, "files are gone");
}

/// A cargo that takes a while and makes nothing.
fn slow_cargo(project: &Project) -> PathBuf {
    project.write("cargo.sh", "#!/bin/sh\nsleep 2\necho no such crate >&2\nexit 101\n");
    let path = project.path("cargo.sh");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    path
}

#[test]
fn a_worker_that_has_to_be_built_is_reported_and_one_that_is_built_can_be_named() {
    let project = empty();
    shop(&project);
    let toml = format!("{SHOP}/pipeline.toml");
    project.edit(&toml, "[[step]]\nname = \"clean\"", "[worker]\ncrate = \"worker\"\n\n[[step]]\nname = \"clean\"");
    let validate = |more: &[&str]| {
        let mut command = command(&project, &[&["-C", SHOP, "validate"], more].concat());
        command.env_remove("SPOTMILL_WORKER").env("CARGO", slow_cargo(&project));
        Ran::from(command.output().expect("spotmill starts"))
    };
    validate(&[]).code(3).says("there is no worker/Cargo.toml");
    project.write(&format!("{SHOP}/worker/Cargo.toml"), "[package]\nname = \"w\"\n");
    validate(&[])
        .code(3)
        .says("building the worker")
        .says("cargo build in worker")
        .says("does not build")
        .says("--worker FILE");
    let quiet = validate(&["-q"]);
    assert!(!quiet.stderr.contains("building"), "{}", quiet.stderr);
    // Relative to where it is typed, not to -C.
    std::os::unix::fs::symlink(project.worker(), project.path("built")).expect("a link");
    validate(&["--worker", "built"]).code(0);
    validate(&["--worker", "no-such"]).code(2).says("--worker names").says("there is no such file");
}

#[test]
fn a_cause_is_reported_once_however_often_it_was_tried() {
    let project = empty();
    shop(&project);
    let toml = format!("{SHOP}/pipeline.toml");
    project.edit(&toml, "on_bad_rows  = \"reject\"", "on_bad_rows = \"fail\"");
    project.edit(&toml, "max_bad_rows = \"10%\"", "");
    let ran = typed(&project, &["-C", SHOP, "run", "--date", "2026-01-01..2026-01-01"]);
    ran.code(1);
    let times = |text: &str, what: &str| text.matches(what).count();
    assert_eq!(times(&ran.stderr, "line 7"), 1, "as it happens:\n{}", ran.stderr);
    assert_eq!(times(&ran.stdout, "line 7"), 1, "as the result:\n{}", ran.stdout);
    assert_eq!((times(&ran.stdout, " show "), times(&ran.stdout, " run --date ")), (1, 1), "{}", ran.stdout);
    let shown = typed(&project, &["-C", SHOP, "show"]);
    assert_eq!(times(&shown.stdout, "line 7"), 1, "{}", shown.stdout);
    assert_eq!(times(&shown.stdout, "on_bad_rows"), 1, "{}", shown.stdout);
    shown.says("bad data");
}

#[test]
fn names_of_the_interface_are_those_of_the_command_line() {
    let project = empty();
    shop(&project);
    typed(&project, &["-C", SHOP, "run", "--date", DAY]).code(0);
    typed(&project, &["-C", SHOP, "run", "--date", DAY, "--only", "claen"])
        .code(2)
        .says("--only claen")
        .says("did you mean `clean`");
    typed(&project, &["-C", SHOP, "run", "--date", DAY, "--from-step", "x"])
        .code(2)
        .says("--from-step x")
        .says("steps: clean, by_country");
    typed(&project, &["-C", SHOP, "run", "--date", DAY, "--param", "vat=0.5"]).code(2).says("--fresh");
    typed(&project, &["-C", SHOP, "run", "--date", DAY, "--fresh", "--yes"]).code(0);
    typed(&project, &["-C", SHOP, "show", DAY, "clean"]).code(0).says("--fresh was asked for");
    typed(&project, &["-C", SHOP, "show", DAY, "claen"]).code(2).says("did you mean `clean`");
    typed(&project, &["-C", SHOP, "item", DAY, "claen", "0"]).code(2).says("did you mean `clean`");
    typed(&project, &["-C", SHOP, "item", DAY, "clean", "9"]).code(2).says("has 1 item, numbered from 0");
    typed(&project, &["-C", SHOP, "show", "shop/2026-01-11"]).code(2).says("did you mean `shop/2026-01-01`");
    typed(&project, &["schema", "nofile.csv"]).code(2).says("there is no file nofile.csv");
    let near = format!("did you mean data/orders-{DAY}.csv");
    typed(&project, &["-C", SHOP, "schema", "data/orders-2026-01-02.csv"]).code(2).says(&near);
    typed(&project, &["-C", SHOP, "schema", "claen"]).code(2).says("did you mean `clean`");
    typed(&project, &["-C", SHOP, "schema", "data"]).code(2).says("data is no file");
}

#[test]
fn without_a_command_it_shows_what_to_do_next() {
    let project = empty();
    typed(&project, &[]).code(0).says("spotmill validate");
    shop(&project);
    typed(&project, &[]).code(0).says("there is no pipeline.toml").says("spotmill init");
    typed(&project, &["runs"]).code(0).says("no runs yet").says("spotmill init");
    let in_shop = |args: &[&str]| typed(&project, &[&["-C", SHOP], args].concat());
    let first = format!("run --date {DAY}");
    in_shop(&[]).code(0).says("no runs yet").says(&first);
    in_shop(&["runs"]).code(0).says(&first);
    in_shop(&["show"]).code(2).says("no runs yet").says(&first);
    in_shop(&["run", "--date", DAY]).code(0);
    in_shop(&[]).code(0).says("✓ shop/2026-01-01 succeeded").says("show");
    in_shop(&["run", "--date", "2026-01-02"]).code(1);
    in_shop(&[]).code(0).says("✗ shop/2026-01-02 failed").says("run --date 2026-01-02");
    in_shop(&["show"]).code(0).says("✗ shop/2026-01-02");
    typed(&project, &["status"]).code(5).says("runs of this machine: spotmill show");
}

#[test]
fn a_plan_shows_what_a_run_would_do_again() {
    let project = empty();
    shop(&project);
    let in_shop = |args: &[&str]| typed(&project, &[&["-C", SHOP], args].concat());
    in_shop(&["run", "--date", DAY]).code(0);
    let data = format!("{SHOP}/data/orders-{DAY}.csv");
    let text = project.read(&data);
    project.write(&data, format!("{text}11,de,1.00,paid\n"));
    let planned = |args: &[&str]| {
        let ran = in_shop(&[&["plan", "--date", DAY, "--json"], args].concat());
        ran.code(0);
        ran.events()
            .iter()
            .map(|e| (e["step"].to_string(), e["generation"].as_u64(), e["todo"].as_u64()))
            .collect::<Vec<_>>()
    };
    assert_eq!(planned(&[])[0], ("\"clean\"".to_owned(), Some(1), Some(0)));
    assert_eq!(planned(&["--changed"])[0], ("\"clean\"".to_owned(), Some(2), Some(1)));
    let ran = in_shop(&["run", "--date", DAY, "--changed", "--json"]);
    let did = ran.events().into_iter().find(|e| e["event"] == "step_planned").expect("planned");
    assert_eq!((did["generation"].as_u64(), did["todo"].as_u64()), (Some(2), Some(1)), "as it was shown");
}

#[test]
fn a_first_pipeline_for_a_file_runs_as_it_is() {
    let project = empty();
    shop(&project);
    let csv = project.read(&format!("{SHOP}/data/orders-{DAY}.csv"));
    project.write("one/in/sales-20260131.csv", csv);
    typed(&project, &["init", "one", "--from", "one/in/sales-20260131.csv"])
        .code(0)
        .says("-C one run --date 2026-01-31");
    assert!(project.read("one/pipeline.toml").contains("path = \"in/sales-{date:%Y%m%d}.csv\""));
    typed(&project, &["-C", "one", "run", "--date", "2026-01-31"]).code(0).says("✓ sales/2026-01-31 succeeded");
    // Names that SQL and TOML would take for something else.
    project.write(
        "odd.ndjson",
        "{\"Order Id\": 3, \"group\": \"a\", \"x\\\"y\": 1.5}\n{\"Order Id\": 4, \"group\": \"a\", \"x\\\"y\": 2.5}\n",
    );
    typed(&project, &["init", "two", "--from", "odd.ndjson"]).code(0);
    typed(&project, &["-C", "two", "run", "--date", "2026-02-02"]).code(0).says("4.0");
    let parquet = project.files("one/out").into_iter().find(|(name, _)| name.ends_with(".parquet")).expect("Parquet").1;
    project.write("three.parquet", parquet);
    typed(&project, &["init", "three", "--from", "three.parquet"]).code(0);
    typed(&project, &["-C", "three", "run", "--date", "2026-02-02"]).code(0);
    typed(&project, &["init", "four", "--from", "no.csv"]).code(2).says("no.csv");
}

#[test]
fn an_init_that_was_killed_can_be_repeated_and_touches_nothing_of_others() {
    let project = empty();
    shop(&project);
    let ignored = project.read(&format!("{SHOP}/.gitignore"));
    assert!(ignored.contains(".spotmill/") && ignored.contains("out/"), "{ignored}");
    let whole = project.files(SHOP);
    std::fs::remove_file(project.path(&format!("{SHOP}/pipeline.toml"))).expect("removed");
    std::fs::remove_file(project.path(&format!("{SHOP}/sql/clean.sql"))).expect("removed");
    project.write(&format!("{SHOP}/sql/clean.sql.tmp"), "SELECT");
    typed(&project, &["init", SHOP]).code(0);
    assert!(project.files(SHOP) == whole);
    for theirs in [&b"mine"[..], b"\xff\xfe"] {
        project.write("theirs/sql/clean.sql", theirs);
        typed(&project, &["init", "theirs"]).code(2).says("is not ours");
        assert_eq!(project.files("theirs/sql").into_values().next().as_deref(), Some(theirs));
    }
    project.write("git/.gitignore", "target\n");
    typed(&project, &["init", "git"]).code(0).says("add /.spotmill/ and /out/ to it");
    assert_eq!(project.read("git/.gitignore"), "target\n");
}

#[test]
fn json_is_json_and_a_reader_that_goes_away_ends_nothing() {
    let project = empty();
    shop(&project);
    typed(&project, &["-C", SHOP, "run", "--date", DAY]).code(0);
    let data = format!("data/orders-{DAY}.csv");
    let all: [&[&str]; 18] = [
        &[],
        &["validate"],
        &["schema", &data],
        &["schema", "clean"],
        &["schema", "--pipeline"],
        &["functions"],
        &["functions", "lower"],
        &["plan", "--date", DAY],
        &["plan", "--date", DAY, "--fleet"],
        &["run", "--date", DAY],
        &["item", DAY, "clean", "0"],
        &["gc"],
        &["runs"],
        &["show"],
        &["show", DAY, "clean"],
        &["show", DAY, "clean", "0"],
        &["show", "nothing"],
        &["sql", "SELECT COUNT(*) AS n FROM t", "--table", "t=data/orders-2026-01-01.csv"],
    ];
    for args in all {
        let args = [&["-C", SHOP], args].concat();
        let ran = typed(&project, &[&args[..], &["--json"]].concat());
        let lines = ran.stdout.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        assert!(lines || serde_json::from_str::<serde_json::Value>(&ran.stdout).is_ok(), "{args:?}: {}", ran.stdout);
        assert!(!ran.stdout.is_empty() || args.contains(&"gc"), "{args:?} says nothing");
    }
    let help: [&[&str]; 4] = [&["--help"], &["run", "--help"], &["completions", "bash"], &["man", "run"]];
    for args in all.iter().chain(&help) {
        let args = [&["-C", SHOP], *args].concat();
        let read = typed(&project, &args);
        let mut child = command(&project, &args).spawn().expect("spotmill starts");
        drop(child.stdout.take());
        let unread = Ran::from(child.wait_with_output().expect("ended"));
        assert_eq!(unread.status.code(), read.status.code(), "{args:?}: {}", unread.stderr);
        assert!(!unread.stderr.contains("panicked") && !unread.stderr.contains("pipe"), "{args:?}: {}", unread.stderr);
    }
}
