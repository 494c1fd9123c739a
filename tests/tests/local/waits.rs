//! Runs that wait for their input, through the real program: one that checks once, one that waits, one that is late, and a
//! range of dates.

use crate::docs::commands;
use spotmill_tests::{Project, Ran, repository, rows};
use std::time::{Duration, Instant};

/// A pipeline whose input waits for so many files of a day, and what else.
fn waiting(wait: &str) -> Project {
    Project::new(&format!(
        r#"format = 1
[pipeline]
name = "orders"
[params]
date = {{ type = "date" }}
[[step]]
name = "read"
sql  = "SELECT id FROM input"
[step.input]
path    = "in/{{date}}/*.csv"
columns = ["id int64"]
[step.input.wait_for]
{wait}
[step.output]
destination = "out/{{date}}"
"#
    ))
}

fn file(project: &Project, day: u32, name: &str) {
    project.write(&format!("in/2026-01-0{day}/{name}.csv"), "id\n1\n");
}

fn outcomes(ran: &Ran) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let ended = ran.events().into_iter().filter(|e| e["event"] == "run_ended");
    ended.map(|e| (text(&e["run"])[7..].to_owned(), text(&e["outcome"]))).collect()
}

const DAY: [&str; 3] = ["run", "--date", "2026-01-01"];

#[test]
fn a_run_waits_for_its_input_and_goes_on_when_it_is_there() {
    let project = waiting("files = { min = 2 }\nexists = \"in/{date}/_DONE\"\nup_to = \"1m\"");
    file(&project, 1, "a");
    let plan = project.spotmill(&["plan", "--date", "2026-01-01"]);
    plan.code(0).says("waits for input: 1 of 2 files, last ").says("_DONE is not there; up to 1 min, then `fail`");
    project.spotmill(&["explain", "--date", "2026-01-01"]).code(0).says("read: waits for input: 1 of 2 files");
    let once = project.spotmill(&DAY);
    once.code(8).says("○ orders/2026-01-01 waits for its input; nothing was launched").says("1 of 2 files, last ");
    once.says("Again  ").says("It is late at ");
    assert!(
        !once.stdout.contains("Nothing was launched. Again: `"),
        "its command follows on a line of its own: {}",
        once.stdout
    );
    project.spotmill(&["runs"]).code(0).says("○ waiting").says("input");
    project.spotmill(&["show"]).code(0).says("waiting for input: read: 1 of 2 files");
    assert!(project.files(".spotmill/scratch").is_empty() && project.files("out").is_empty(), "something ran");
    let page = project.read(".spotmill/runs/orders/2026-01-01/report-page.json");
    assert!(page.contains("\"state\":\"waiting\"") && page.contains("Waiting for input: read: 1 of 2 files"), "{page}");

    let mut run = project.command(&["run", "--date", "2026-01-01", "--wait"]).spawn().expect("spotmill starts");
    std::thread::sleep(Duration::from_secs(3));
    assert!(run.try_wait().expect("asked").is_none(), "it did not wait");
    file(&project, 1, "b");
    project.write("in/2026-01-01/_DONE", "");
    let ended: Ran = run.wait_with_output().expect("it ends").into();
    ended.code(0).says("waiting for input: read: 1 of 2 files").says("✓ orders/2026-01-01 succeeded");
    assert_eq!(rows(&project, "out/2026-01-01").len(), 2);
    // Nothing is waited for any more, whatever became of it.
    std::fs::remove_dir_all(project.path("in")).expect("removed");
    project.spotmill(&DAY).code(0).says("nothing to do");
}

#[test]
fn what_is_late_fails_runs_or_is_skipped_as_stated() {
    for (on_late, code, outcome) in [("fail", 8, "late"), ("run", 0, "succeeded"), ("skip", 0, "skipped")] {
        let project = waiting(&format!("files = {{ min = 2 }}\nup_to = \"2s\"\non_late = \"{on_late}\""));
        file(&project, 1, "a");
        let began = Instant::now();
        let ran = project.spotmill(&["--json", "run", "--date", "2026-01-01", "--wait"]);
        ran.code(code);
        assert!(began.elapsed() > Duration::from_secs(2));
        assert_eq!(outcomes(&ran), [("2026-01-01".to_owned(), outcome.to_owned())], "{on_late}");
        let published = rows(&project, "out/2026-01-01");
        assert_eq!(published.len(), usize::from(on_late == "run"), "{on_late}: {published:?}");
        let shown = project.spotmill(&["show"]);
        shown.code(0).says("1 of 2 files, last ");
        match on_late {
            "fail" => drop(shown.says("input is late, nothing was launched").says("Again  ")),
            "run" => drop(shown.says("! read: its input was late, and it went on with what was there: 1 of 2 files")),
            _ => drop(shown.says("input was late, nothing was run or published")),
        }
        assert_eq!(ran.ended()["error"].as_str(), (on_late == "fail").then_some("Spotmill.InputLate"));
        project.spotmill(&["runs", "--calendar"]).code(0).says(&format!("1 {outcome}"));
    }
}

/// The time that passed counts, whoever was there: a kill, and starts that check once.
#[test]
fn a_deadline_outlives_a_kill_and_starts_that_check_once() {
    let project = waiting("files = { min = 2 }\nup_to = \"20s\"");
    file(&project, 1, "a");
    let mut run = project.command(&["run", "--date", "2026-01-01", "--wait"]).spawn().expect("spotmill starts");
    let record = project.path(".spotmill/runs/orders/2026-01-01/waiting.json");
    let since = Instant::now();
    while !record.exists() {
        assert!(since.elapsed() < Duration::from_secs(60), "the first check is not made");
        std::thread::sleep(Duration::from_millis(50));
    }
    run.kill().expect("killed");
    run.wait().expect("it is gone");
    project.spotmill(&DAY).code(8).says("waits for its input");
    std::thread::sleep(Duration::from_secs(20));
    project.spotmill(&DAY).code(8).says("is late: its input was not there in time");
    // It was said; whoever starts it again waits again.
    project.spotmill(&DAY).code(8).says("waits for its input");
}

#[test]
fn of_a_range_what_is_there_comes_first() {
    let project = waiting("files = { min = 1 }\nup_to = \"20s\"");
    file(&project, 2, "a");
    let range = ["--json", "run", "--date", "2026-01-01..2026-01-03"];
    let of =
        |all: [(&str, &str); 3]| all.map(|(day, outcome)| (format!("2026-01-0{day}"), outcome.to_owned())).to_vec();
    let once = project.spotmill(&range);
    once.code(8);
    assert_eq!(outcomes(&once), of([("1", "waiting"), ("2", "succeeded"), ("3", "waiting")]));
    file(&project, 3, "a");
    let waits = project.spotmill(&[&range[..], &["--wait"]].concat());
    waits.code(8);
    let ends = outcomes(&waits);
    let last = &ends[ends.len() - 3..];
    assert_eq!(last, of([("2", "succeeded"), ("3", "succeeded"), ("1", "late")]), "{ends:?}");
}

#[test]
fn columns_that_are_not_known_yet_are_said_not_to_be() {
    let project = waiting("files = { min = 1 }\nup_to = \"1h\"");
    project.edit("pipeline.toml", "columns = [\"id int64\"]\n", "");
    project.spotmill(&DAY).code(8).says("`read`: its input is not there and its columns are not declared");
    file(&project, 1, "a");
    project.spotmill(&DAY).code(0);
}

#[test]
fn the_commands_of_the_page_run() {
    let (text, all) = commands("docs/waiting.md", "waits.rs::the_commands_of_the_page_run");
    let pipeline =
        text.split("<!-- file: pipeline.toml -->\n```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let project = Project::new(pipeline.expect("a pipeline"));
    for name in ["a", "b"] {
        project.write(&format!("in/2026-01-01/{name}.csv"), "id,amount\n1,2.50\n");
    }
    for printed in &all {
        if printed.has("--wait") {
            project.write("in/2026-01-01/c.csv", "id,amount\n2,3.50\n");
            project.write("in/2026-01-01/_SUCCESS", "");
        }
        let ran = printed.run(&project);
        match (printed.has("plan"), printed.code) {
            (true, _) => drop(ran.says("waits for input: 2 of 3 files, last ").says("up to 2 h, then `fail`")),
            (_, 8) => drop(ran.says("_SUCCESS is not there; ").says("no earlier run to compare its bytes with")),
            _ => {}
        }
    }
    assert_eq!(rows(&project, "out/2026-01-01").len(), 3);
    // What is refused, as the page shows it.
    let shown = text.split("<!-- file: problem.txt -->\n```text\n").nth(1).and_then(|rest| rest.split("```").next());
    project.edit(
        "pipeline.toml",
        "bytes   = { min = \"70% of median(7)\" }   # or a size: \"10 GB\"",
        "bytes   = { min = \"70% of median(30)\" }",
    );
    let refused = project.spotmill(&["validate"]);
    refused.code(3).says(shown.expect("a problem").trim_end());
    assert!(repository().join("docs/waiting.md").exists());
}
