//! `spotmill cost` on runs of this machine: every second of it has a class, the rows sum to every total to the
//! nano-dollar, attempts that failed, died or were killed are told apart, and docs/cost.md is true.

use crate::bills::billing;
use crate::chaos::items_of;
use crate::docs;
use serde_json::Value;
use spotmill_tests::{Project, Ran, programs};
use std::process::Command;
use std::time::{Duration, Instant};

pub const RUN: [&str; 3] = ["run", "--date", "2026-01-01"];
const CLASSES: [&str; 6] = ["useful_ms", "boot_ms", "idle_ms", "lost_ms", "retried_ms", "failed_ms"];

/// Two items that take as long as their rows say.
pub fn napping(notes: [&str; 2]) -> Project {
    let project = Project::new(
        r#"format = 1
[pipeline]
name = "naps"
[params]
date = { type = "date" }
[[step]]
name = "nap"
transform = "follows_notes"
[step.input]
path = "data/{date}/*"
format = "csv"
header = false
item_bytes = "1 B"
columns = ["id int32", "note string"]
[step.output]
destination = "out/{date}"
[resources]
vcpus = 1
memory = "256 MiB"
max_memory = "256 MiB"
max_attempts = 2
"#,
    )
    .with_worker(programs().misbehaving_worker.clone());
    for (name, note) in ["a", "b"].iter().zip(notes) {
        project.write(&format!("data/2026-01-01/{name}.csv"), format!("1,{note}\n"));
    }
    project
}

#[track_caller]
fn cost(project: &Project, args: &[&str]) -> Value {
    let ran = project.spotmill(&[&["cost", "--json"], args].concat());
    ran.code(0);
    let event = ran.events().remove(0);
    assert_eq!(event["event"], "cost", "{event}");
    adds_up(&event);
    event
}

fn number(line: &Value, name: &str) -> u64 {
    line[name].as_u64().unwrap_or_else(|| panic!("no {name} in {line}"))
}

/// The lines sum to the total in all they hold, and the classes to the time.
#[track_caller]
fn adds_up(event: &Value) {
    let lines = event["lines"].as_array().expect("lines");
    let names = [&CLASSES[..], &["machine_ms", "usd_nanos", "machine_usd_nanos", "unpriced_ms"]].concat();
    for name in names {
        let sum: u64 = lines.iter().map(|line| number(line, name)).sum();
        assert_eq!(sum, number(&event["total"], name), "{name} of {event}");
    }
    for line in lines {
        let sum: u64 = CLASSES.iter().map(|class| number(line, class)).sum();
        assert_eq!(sum, number(line, "machine_ms"), "{line}");
    }
}

/// Nano-dollars of all rows of `cost --csv`.
fn csv_nanos(ran: &Ran) -> u64 {
    let mut lines = ran.code(0).stdout.lines();
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    let at = head.iter().position(|name| *name == "EffectiveCost").expect("a column");
    lines
        .map(|line| {
            let (whole, nanos) = line.split(',').nth(at).and_then(|cost| cost.split_once('.')).expect("nine digits");
            whole.parse::<u64>().expect("dollars") * 1_000_000_000 + nanos.parse::<u64>().expect("nano-dollars")
        })
        .sum()
}

#[test]
fn every_view_of_a_run_sums_to_the_same() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01..2013-01-02"]).code(0);
    let whole = cost(&project, &["flights/2013-01-01"]);
    let time = number(&whole["total"], "machine_ms");
    assert!(time > 0 && number(&whole["total"], "useful_ms") > 0, "{whole}");
    assert_eq!(number(&whole["total"], "unpriced_ms"), time, "this machine has no price of its own");
    let names: Vec<&str> =
        whole["lines"].as_array().expect("lines").iter().filter_map(|l| l["name"].as_str()).collect();
    assert_eq!(names, ["normalize", "by_route", "daily"], "as they run");
    let read = std::fs::metadata(project.path("data/raw/2013-01-01.csv.gz")).expect("the input").len();
    assert_eq!(number(&whole["total"], "bytes_in"), read, "what steps hand to each other is no input");

    let rate = ["--rate", "vcpu_hour=0.05"];
    for by in ["run", "step", "item", "pool", "class"] {
        let priced = cost(&project, &[&["flights/2013-01-01", "--by", by], &rate[..]].concat());
        assert_eq!(number(&priced["total"], "machine_ms"), time, "{by}");
        assert!(number(&priced["total"], "usd_nanos") > 0 && priced["total"]["usd_nanos_per_tb"].is_u64(), "{by}");
    }
    let first = cost(&project, &[&["flights/2013-01-01"], &rate[..]].concat());
    let rows = project.spotmill(&[&["cost", "flights/2013-01-01", "--csv"], &rate[..]].concat());
    assert_eq!(csv_nanos(&rows), number(&first["total"], "usd_nanos"));
    let month = cost(&project, &[&["--month"], &rate[..]].concat());
    let second = cost(&project, &[&["flights/2013-01-02"], &rate[..]].concat());
    let both = number(&first["total"], "usd_nanos") + number(&second["total"], "usd_nanos");
    assert_eq!(number(&month["total"], "usd_nanos"), both, "{month}");
    assert_eq!(number(&cost(&project, &["--month", "2013-01"])["total"], "machine_ms"), 0, "it ran today");

    project.spotmill(&["cost", "--rate", "vcpu_hours=1"]).code(2).says("did you mean `vcpu_hour`?");
    project.spotmill(&["cost", "--month", "2013"]).code(2).says("YYYY-MM");
    project.spotmill(&["cost", "flights/2013-01-09"]).code(2).says("did you mean");
}

/// A later generation is paid on top of the ones before it, and what it carries over is not paid twice.
#[test]
fn what_is_done_again_is_paid_again_and_what_is_kept_is_not() {
    let project = napping(["nap 300", "nap 300"]);
    project.spotmill(&RUN).code(0);
    let once = cost(&project, &[]);
    project.spotmill(&RUN).code(0).says("nothing to do");
    assert_eq!(cost(&project, &[])["total"], once["total"]);
    project.write("data/2026-01-01/b.csv", "1,nap 301\n");
    project.spotmill(&["run", "--date", "2026-01-01", "--changed"]).code(0);
    let again = cost(&project, &["--by", "item"]);
    let names: Vec<&str> =
        again["lines"].as_array().expect("lines").iter().filter_map(|l| l["name"].as_str()).collect();
    assert_eq!(names, ["nap shared", "nap 0", "nap 1", "nap shared (g2)", "nap 1 (g2)"], "item 0 was kept");
    assert!(number(&again["total"], "useful_ms") > number(&once["total"], "useful_ms"));
}

#[test]
fn attempts_are_told_apart_by_how_they_and_their_items_ended() {
    // A child that is killed is tried again.
    let project = napping(["nap 1500", "nap 1500"]);
    let run = project.command(&RUN).spawn().expect("spotmill starts");
    let child = await_child(run.id());
    std::thread::sleep(Duration::from_millis(300));
    Command::new("kill").args(["-9", &child.to_string()]).status().expect("kill");
    assert!(run.wait_with_output().expect("an end").status.success());
    let retried = cost(&project, &[]);
    let total = &retried["total"];
    assert!(number(total, "retried_ms") > 0 && number(total, "failed_ms") == 0, "{retried}");
    assert!(number(total, "useful_ms") > number(total, "retried_ms"), "{retried}");

    // A note that is no number fails each attempt.
    let project = napping(["nap x", "nap 10"]);
    project.spotmill(&RUN).code(1);
    let failed = cost(&project, &[]);
    assert!(number(&failed["total"], "failed_ms") > 0 && number(&failed["total"], "useful_ms") > 0, "{failed}");

    // A process that is killed leaves no end: it counts until the last thing on record.
    let project = napping(["nap 10", "nap 60000"]);
    let mut run = project.command(&RUN).spawn().expect("spotmill starts");
    await_receipt(&project);
    run.kill().expect("SIGKILL");
    run.wait().expect("reaped");
    let killed = cost(&project, &[]);
    assert!(number(&killed["total"], "useful_ms") > 0, "{killed}");
    project.write("data/2026-01-01/b.csv", "1,nap 10\n");
    project.spotmill(&RUN).code(0);
    assert!(number(&cost(&project, &[])["total"], "useful_ms") > number(&killed["total"], "useful_ms"));
}

/// The records of this run as a fleet on AWS leaves them: the same program prices them by their machines.
#[test]
fn records_of_a_fleet_are_priced_by_their_machines() {
    let project = napping(["nap 200", "nap 200"]);
    project.spotmill(&RUN).code(0);
    let worker = "i-0a r7g.2xlarge use1-az4";
    let mut launched_ms = 0;
    for (path, bytes) in project.files(".spotmill/runs") {
        let mut record: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if path.contains("/receipts/") {
            record["worker"] = worker.into();
            project.write(&path, record.to_string());
        }
        let Some((epoch, _)) = path.split_once("/instances/") else { continue };
        std::fs::remove_file(project.path(&path)).expect("removed");
        launched_ms = number(&record, "booted_ms") - 60_000;
        for (name, value) in [("id", "i-0a"), ("worker", worker), ("kind", "r7g.2xlarge"), ("zone", "use1-az4")] {
            record[name] = value.into();
        }
        project.write(&format!("{epoch}/instances/i-0a.json"), record.to_string());
        let shown = |ended_ms: u64| {
            serde_json::json!({"kind": "r7g.2xlarge", "zone": "us-east-1a", "vcpus": 8, "usd_per_hour": 0.16,
                "launched_ms": launched_ms, "ended_ms": ended_ms})
        };
        // One took the items; nothing was ever heard of the other.
        let machines = serde_json::json!({"i-0a": shown(launched_ms + 1_840_000), "i-0b": shown(launched_ms + 90_000)});
        let round = serde_json::json!({"v": 1, "machines": machines, "ended_ms": launched_ms + 1_840_000});
        project.write(&format!("{epoch}/machines-0.json"), round.to_string());
    }
    assert!(launched_ms > 0, "this machine recorded its life");
    let found = cost(&project, &["--by", "pool"]);
    let line = &found["lines"][0];
    assert_eq!(line["name"], "r7g.2xlarge us-east-1a spot", "{found}");
    // $0.16 an hour for 1,840 s and for 90 s.
    assert_eq!(number(line, "machine_usd_nanos"), 81_777_778 + 4_000_000, "{found}");
    assert_eq!((number(line, "machine_ms"), number(line, "unpriced_ms")), (1_930_000, 0));
    assert!(number(line, "boot_ms") >= 60_000 + 90_000 && number(line, "useful_ms") > 0, "{found}");
    assert!(number(line, "idle_ms") > 1_500_000, "it idled until its round ended: {found}");
    let compared = cost(&project, &["--compare"]);
    let on_demand = compared["elsewhere"][0]["terms"]["list_usd"].as_f64().expect("a price");
    assert!((on_demand - 8.0 * 0.05355 * 1_930.0 / 3_600.0).abs() < 1e-6, "{compared}");
}

fn await_child(pid: u32) -> u32 {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(child) = items_of(pid).first() {
            return *child;
        }
        assert!(Instant::now() < patience, "no child began");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn await_receipt(project: &Project) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !project.files(".spotmill/runs").keys().any(|file| file.contains("/receipts/") && file.ends_with(".json")) {
        assert!(Instant::now() < patience, "nothing was committed");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs every command of the page's examples, in the order in which they stand.
#[test]
fn the_commands_of_the_page_run() {
    let (_, commands) = docs::commands("docs/cost.md", "cost.rs::the_commands_of_the_page_run");
    let project = docs::empty();
    for command in &commands {
        let ran = command.run(&project);
        if command.file.is_some() {
            assert!(ran.stdout.starts_with("ChargePeriodStart,"), "{}", ran.stdout);
        }
        if command.has("--compare") {
            ran.says("EMR Serverless Flex").says("not known").says("engine_factor 1");
        }
    }
}

/// Runs the commands that compare with bills, and holds the page to what the second prints.
#[test]
fn the_bills_of_the_page_are_compared() {
    let (page, commands) = docs::commands("docs/cost.md", "cost.rs::the_bills_of_the_page_are_compared");
    let project = billing();
    let printed: Vec<Ran> = commands.iter().map(|command| command.run(&project)).collect();
    printed[0].says("against a spot data feed").says("1 machine on demand");
    assert!(page.contains(&format!("```text\n{}```", printed[1].stdout)), "{}", printed[1].stdout);
    assert!(printed[2].stdout.contains(",not_on_record,"), "{}", printed[2].stdout);
}

/// The price is set once; every command has dollars then, and the page says where it was set.
#[test]
fn a_price_in_the_pipeline_file_is_used_everywhere() {
    let project = napping(["nap 200", "nap 200"]);
    project.spotmill(&RUN).code(0);
    assert!(!project.spotmill(&["runs"]).code(0).stdout.contains("COST"));
    let generations = project.read(".spotmill/runs/naps/2026-01-01/lease.json").matches("\"generation\":2").count();
    project.edit("pipeline.toml", "[params]", "[rates]\nvcpu_hour = 0.05\n[params]");
    // The file as it is now is stronger than what the run began with.
    let priced = cost(&project, &[]);
    assert!(number(&priced["total"], "usd_nanos") > 0 && number(&priced["total"], "unpriced_ms") == 0, "{priced}");
    let same = cost(&project, &["--rate", "vcpu_hour=0.05"]);
    assert_eq!(number(&same["total"], "usd_nanos"), number(&priced["total"], "usd_nanos"));
    let twice = cost(&project, &["--rate", "vcpu_hour=0.1"]);
    assert!(
        number(&twice["total"], "usd_nanos") > number(&priced["total"], "usd_nanos"),
        "the command line is stronger"
    );
    project.spotmill(&["cost", "--csv"]).code(0).says(",pipeline\n");
    project.write("data/2026-01-02/a.csv", "1,nap 1\n");
    let explained = project.spotmill(&["explain", "--date", "2026-01-02"]);
    assert!(explained.code(0).stdout.contains(" of slots, $"), "{}", explained.stdout);
    // A rate is no reason to do anything again; the page at the end of the next run has it.
    project.spotmill(&RUN).code(0).says("nothing to do");
    assert_eq!(generations, 0);
    project.spotmill(&["run", "--date", "2026-01-01", "--fresh", "--yes"]).code(0);
    let page = project.read(".spotmill/runs/naps/2026-01-01/report.html");
    assert!(page.contains("the rate vcpu_hour, set in [rates] of pipeline.toml"), "{page}");
    assert!(!page.contains("<p class=\"big\">unknown</p>"), "{page}");
    project.spotmill(&["runs"]).code(0).says("COST").says("$0.0");
    project.edit("pipeline.toml", "vcpu_hour = 0.05", "vcpu_hours = 0.05");
    project.spotmill(&["validate"]).code(3).says("there is no rate `vcpu_hours`; did you mean `vcpu_hour`?");
}
