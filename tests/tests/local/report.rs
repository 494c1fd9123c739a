//! `spotmill report` on runs of this machine: every end leaves a page, what it says is what other commands say, and
//! docs/report.md is true.

use crate::cost::{RUN, await_receipt, napping};
use crate::docs;
use serde_json::Value;
use spotmill_tests::Project;

const PAGE: &str = ".spotmill/runs/naps/2026-01-01/report.html";

#[track_caller]
fn page(project: &Project, path: &str) -> String {
    std::fs::read_to_string(project.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[track_caller]
fn report(project: &Project, args: &[&str]) -> Value {
    let ran = project.spotmill(&[&["report", "--json"], args].concat());
    ran.code(0);
    let event = ran.events().remove(0);
    assert_eq!(event["event"], "report", "{event}");
    event["report"].clone()
}

#[test]
fn every_end_leaves_a_page() {
    let project = napping(["nap 10", "nap 20"]);
    project.spotmill(&RUN).code(0);
    let good = page(&project, PAGE);
    assert!(good.contains("<title>✓ naps/2026-01-01 succeeded</title>"), "{good}");
    assert!(page(&project, ".spotmill/reports/index.html").contains("../runs/naps/2026-01-01/report.html"));

    // A note that is no number fails each attempt.
    let project = napping(["nap x", "nap 10"]);
    project.spotmill(&RUN).code(1);
    let failed = page(&project, PAGE);
    assert!(failed.contains("<title>✗ naps/2026-01-01 failed</title>"), "{failed}");
    assert!(failed.contains("Not published: nap.") && failed.contains("<article class=\"dossier\">"), "{failed}");
    // The worker that was named on the command line stands in both.
    assert!(failed.contains(" run --date 2026-01-01</code>"), "{failed}");
    assert!(failed.contains(" item naps/2026-01-01 nap 0</code>"), "{failed}");

    let project = napping(["nap 10", "nap 60000"]);
    let run = project.command(&RUN).spawn().expect("spotmill starts");
    await_receipt(&project);
    std::process::Command::new("kill").args(["-INT", &run.id().to_string()]).status().expect("kill");
    assert_eq!(run.wait_with_output().expect("an end").status.code(), Some(130));
    let stopped = page(&project, PAGE);
    assert!(stopped.contains("<title>✗ naps/2026-01-01 stopped</title>"), "{stopped}");
    assert!(stopped.contains("1 of 2 planned items are kept"), "{stopped}");
}

/// A process that is killed writes no page; the command says what the records show.
#[test]
fn a_killed_run_is_called_interrupted() {
    let project = napping(["nap 10", "nap 60000"]);
    let mut run = project.command(&RUN).spawn().expect("spotmill starts");
    await_receipt(&project);
    let running = report(&project, &[]);
    assert_eq!((&running["state"], &running["ended_ms"]), (&Value::from("running"), &Value::Null));
    run.kill().expect("SIGKILL");
    run.wait().expect("reaped");
    assert!(!project.path(PAGE).exists());
    let killed = report(&project, &[]);
    assert_eq!((&killed["state"], &killed["ended_ms"]), (&Value::from("interrupted"), &Value::Null));
    assert!(
        killed["headline"]["cause"].as_str().is_some_and(|cause| cause.contains("gone without a word")),
        "{killed}"
    );
}

#[test]
fn the_page_says_what_cost_and_show_say() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01..2013-01-02", "--parallel", "1"]).code(0);
    let rate = ["--rate", "vcpu_hour=0.05"];
    let data = report(&project, &[&["flights/2013-01-01"], &rate[..]].concat());
    let cost = project.spotmill(&[&["cost", "--json", "flights/2013-01-01"], &rate[..]].concat()).events().remove(0);
    for name in ["usd_nanos", "machine_ms", "useful_ms", "boot_ms", "idle_ms", "bytes_in", "usd_nanos_per_tb"] {
        assert_eq!(data["money"][name], cost["total"][name], "{name}");
    }
    assert!(data["money"]["usd_nanos"].as_u64() > Some(0), "{data}");
    let steps: u64 =
        data["steps"].as_array().expect("steps").iter().filter_map(|step| step["usd_nanos"].as_u64()).sum();
    assert_eq!(Some(steps), data["money"]["usd_nanos"].as_u64(), "the steps sum to the run");
    let shown = project.spotmill(&["show", "--json", "flights/2013-01-01"]).events().remove(0);
    for (ours, theirs) in
        data["steps"].as_array().expect("steps").iter().zip(shown["report"]["steps"].as_array().expect("steps"))
    {
        for name in ["step", "items", "committed", "rows_raw", "rows_rejected", "rows_written", "peak_bytes"] {
            assert_eq!(ours[name], theirs[name], "{name} of {ours}");
        }
    }
    let items: u64 = data["steps"].as_array().expect("steps").iter().filter_map(|step| step["items"].as_u64()).sum();
    assert_eq!(data["attempts"].as_array().map(|all| all.len() as u64), Some(items), "an attempt for each item");
    // Without a rate no dollars are made up.
    let unpriced = report(&project, &["flights/2013-01-01"]);
    assert_eq!(unpriced["steps"][0]["usd_nanos"], Value::Null);
    assert_eq!(
        report(&project, &[])["changes"]["since"],
        "flights/2013-01-01",
        "the second is compared with the first"
    );

    let ran = project.spotmill(&["report", "2013-01-02"]);
    ran.code(0);
    assert_eq!(ran.stdout.trim(), ".spotmill/reports/flights/2013-01-02.html");
    assert!(page(&project, ran.stdout.trim()).contains("unknown"));
    project.spotmill(&["report", "flights/2013-01-09"]).code(2).says("did you mean");
    project.spotmill(&["report", "--rate", "vcpu_hours=1"]).code(2).says("did you mean `vcpu_hour`?");
}

/// Runs every command of the page's examples, in the order in which they stand.
#[test]
fn the_commands_of_the_page_run() {
    let (_, commands) = docs::commands("docs/report.md", "report.rs::the_commands_of_the_page_run");
    let project = docs::empty();
    for command in &commands {
        let ran = command.run(&project);
        if command.has("sql") {
            ran.says("by_route").says("normalize");
        }
        if command.file.is_some() {
            assert!(ran.stdout.starts_with("{\"v\":1,\"event\":\"report\""), "{}", ran.stdout);
        }
    }
    assert!(project.path("it/items.parquet").is_file());
    let first = std::fs::read_to_string(project.path("it/first.html")).expect("where -o says");
    assert!(first.contains("flights/2013-01-01 succeeded"), "{first}");
    assert!(project.path("it/.spotmill/reports/flights/2013-01-03.html").is_file(), "the latest");
}
