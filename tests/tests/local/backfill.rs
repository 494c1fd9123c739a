//! A range of dates as a user works it off: the calendar of what there is, only what is missing or failed, and an end
//! after so many failures.

use crate::cost::napping;
use spotmill_tests::{Project, Ran};
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
