//! A range of dates as a user works it off: what it would take, the calendar of what there is, only what is missing, failed
//! or stale, several at once, and an end after so many failures.

use crate::cost::napping;
use spotmill_tests::{Project, Ran, rows};
use std::time::{Duration, Instant};

fn ended(ran: &Ran) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let ended = ran.events().into_iter().filter(|e| e["event"] == "run_ended");
    ended.map(|e| (text(&e["run"]), text(&e["outcome"]))).collect()
}

fn of(runs: &[(&str, &str)]) -> Vec<(String, String)> {
    runs.iter().map(|(run, outcome)| (format!("flights/2013-01-0{run}"), (*outcome).to_owned())).collect()
}

#[test]
fn only_what_is_missing_or_failed_is_run() {
    let project = Project::flights();
    let sound = std::fs::read(project.path("data/raw/2013-01-02.csv.gz")).expect("the second day");
    project.write("data/raw/2013-01-02.csv.gz", "no gzip");
    let range = ["--json", "run", "--date", "2013-01-01..2013-01-03"];
    let with = |rest: &[&str]| project.spotmill(&[&range[..], rest].concat());

    let ran = with(&["--max-failed", "1"]);
    ran.code(1);
    assert_eq!(ended(&ran), of(&[("1", "succeeded"), ("2", "failed")]), "the third was not begun");
    let calendar = project.spotmill(&["runs", "--calendar"]);
    calendar.code(0).says("flights\n  2013-01  Mo Tu We Th Fr Sa Su\n").says("✓ 1 succeeded · ✗ 1 failed");

    let ran = with(&["--pick", "missing"]);
    ran.code(0);
    assert_eq!(ended(&ran), of(&[("3", "succeeded")]));
    project.write("data/raw/2013-01-02.csv.gz", sound);
    let ran = with(&["--pick", "failed,missing"]);
    ran.code(0);
    assert_eq!(ended(&ran), of(&[("2", "succeeded")]));
    let ran = project.spotmill(&["run", "--date", "2013-01-01..2013-01-03", "--pick", "failed"]);
    ran.code(0).says("✓ nothing to do: no date is failed");

    let days = project.spotmill(&["--json", "runs", "--calendar", "--month", "2013-01"]).events();
    let states: Vec<&str> = days.iter().filter_map(|day| day["state"].as_str()).collect();
    assert_eq!((states.len(), &states[..4]), (31, &["succeeded", "succeeded", "succeeded", "missing"][..]));
    project.spotmill(&["runs", "--calendar", "--month", "2013-13"]).code(2).says("expected YYYY-MM");
}

/// A range whose first date stands as it was made, whose second was made otherwise and whose third never was.
#[test]
fn a_range_is_previewed_and_what_is_stale_is_run_again() {
    let project = Project::flights();
    let range = ["--date", "2013-01-01..2013-01-03"];
    let with = |rest: &[&str]| project.spotmill(&[rest, &range[..]].concat());
    project.spotmill(&["run", "--date", "2013-01-02"]).code(0);
    project.edit("pipeline.toml", "decimals = 1", "decimals = 2");
    project.spotmill(&["run", "--date", "2013-01-01"]).code(0);

    let shown = with(&["explain"]);
    shown.code(0).says("3 dates: 1 done, 1 stale, 1 missing; ");
    let line =
        |date: &str| shown.stdout.lines().find(|l| l.trim_start().starts_with(date)).unwrap_or_default().to_owned();
    assert!(line("2013-01-01").contains("done") && line("2013-01-01").contains("committed"), "{}", shown.stdout);
    assert!(
        line("2013-01-02").contains("stale") && line("2013-01-02").contains("transform-changed"),
        "{}",
        shown.stdout
    );
    assert!(line("2013-01-03").contains("missing") && line("2013-01-03").contains("first-run"), "{}", shown.stdout);
    with(&["explain", "--pick", "stale"]).code(0).says("3 dates: 1 done, 1 stale, 1 missing; 1 of ");
    with(&["explain", "--items"]).code(2).says("--items and --diff are of one date");

    let stale = with(&["--json", "run", "--pick", "stale"]);
    stale.code(0);
    assert_eq!(ended(&stale), of(&[("2", "succeeded")]));
    with(&["run", "--pick", "stale"]).code(0).says("nothing to do: no date is stale");
    with(&["explain"]).code(0).says("3 dates: 2 done, 1 missing; ");
}

#[test]
fn dates_at_once_publish_what_dates_one_by_one_do() {
    let range = ["run", "--date", "2013-01-01..2013-01-04"];
    let (one, four) = (Project::flights(), Project::flights());
    one.spotmill(&range).code(0);
    let ran = four.spotmill(&[&["--json"], &range[..], &["--parallel", "2"]].concat());
    ran.code(0);
    let each = ["1", "2", "3", "4"].map(|day| (day, "succeeded"));
    let mut all = ended(&ran);
    all.sort();
    assert_eq!(all, of(&each));
    for place in ["out/by_route", "out/daily"] {
        assert_eq!(rows(&one, place), rows(&four, place), "{place}");
    }
    let (small, large) =
        ("memory     = \"1 GiB\"\nmax_memory = \"8 GiB\"", "memory = \"4 TiB\"\nmax_memory = \"4 TiB\"");
    four.edit("pipeline.toml", small, large);
    four.spotmill(&[&range[..], &["--parallel", "2"]].concat()).code(2).says("say at most --parallel 1");
}

/// While a range's first date runs, somebody starts another date under a changed pipeline.
#[test]
fn a_range_keeps_the_definition_that_it_started_with() {
    let project = napping(["nap 4000", "nap 10"]);
    for day in ["2026-01-02", "2026-01-03"] {
        project.write(&format!("data/{day}/a.csv"), "1,nap 10\n");
    }
    let mut range = project.command(&["run", "--date", "2026-01-01..2026-01-02"]).spawn().expect("spotmill starts");
    let since = Instant::now();
    while !project.path(".spotmill/runs/naps/2026-01-01").exists() {
        assert!(since.elapsed() < Duration::from_secs(60), "the first date does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    project.edit("pipeline.toml", "max_attempts = 2", "max_attempts = 3");
    project.spotmill(&["run", "--date", "2026-01-03"]).code(0);
    assert!(range.try_wait().expect("asked").is_none(), "the range was done before the other start");
    assert!(range.wait().expect("it ends").success());
    let events = project.spotmill(&["--json", "runs"]).events();
    let digest = |day: &str| {
        let run = events.iter().find(|e| e["report"]["run"] == format!("naps/{day}")).expect("a run");
        run["report"]["pipeline_digest"].as_str().expect("a digest").to_owned()
    };
    assert_eq!(digest("2026-01-01"), digest("2026-01-02"), "of one range");
    assert_ne!(digest("2026-01-02"), digest("2026-01-03"), "of two definitions");
}
