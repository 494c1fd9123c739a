//! Items that fail, each time: they are named, to whoever asked to be notified, and everything else is kept.

use super::*;
use spotmill_tests::Ran;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn an_item_that_always_fails_is_named_and_the_others_are_kept() {
    let project = copying("failing", "copies", 3);
    project.write(&format!("data/{DAY}/1.csv"), "one,not a number\n");
    let aws = aws();
    aws.deploy_project(&project, "failing");
    let run = aws.start_run(&aws.input("failing", DAY));
    let ended = ends(&aws, &run, "FAILED", PATIENCE);
    let expected =
        ["failing/2013-01-01", "`copy`", "Item 1", "1.csv", "not a number", "spotmill --stack etl start", DAY];
    for text in expected {
        assert!(ended.cause.contains(text), "`{text}` is not in {}", ended.cause);
    }
    let notice = aws.notice(REAPED, |n| n.contains("ended FAILED") && n.contains("failing"));
    for text in expected.iter().chain(&["Spotmill.ItemsFailed"]) {
        assert!(notice.contains(text), "`{text}` is not in the notice {notice}");
    }
    aws.leaves_nothing(REAPED);
    page_says(&aws, "failed");
    // Its machine made it a user of its own, where it could.
    let failure = aws.objects("runs/failing/").into_iter().map(|(key, _)| key).find(|key| key.contains("/failures/"));
    let log = aws.record(&failure.expect("a failure")).expect("a record")["log_tail"].to_string();
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    assert!(log.contains(if root { " as user 7000" } else { " as user " }) && log.contains("has no network"), "{log}");
    // By pasting what is printed, in an empty directory: what the notice has, the run, then the item on this machine.
    let reader = tempfile::tempdir().expect("a directory");
    let paste = |command: &str| pasted(&aws, &project, reader.path(), command);
    let of_notice = commands(&notice);
    let shown = paste(of_notice.iter().find(|c| c.contains(" show ")).expect("a command that shows the run"));
    let local = shown.code(0).stdout.lines().find_map(|line| line.trim().strip_prefix("Here "));
    paste(local.expect("a command that runs the item on this machine")).code(1).says("not a number");
    // The cause is removed: only that item runs.
    project.write(&format!("data/{DAY}/1.csv"), row(1));
    let mended = project.path(&format!("data/{DAY}/1.csv"));
    aws.copy(&mended.to_string_lossy(), &format!("s3://{LAKE}/input/failing/{DAY}/1.csv"), false);
    let before = aws.receipts("failing");
    assert_eq!(before.len(), 2);
    paste(of_notice.iter().find(|c| c.contains(" start ")).expect("a command that resumes the run")).code(0);
    until("the run has succeeded", PATIENCE, || page(&aws).filter(|page| page["state"] == "succeeded"));
    let after = aws.receipts("failing");
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|receipt| after.contains(receipt)), "a committed item was done again");
    assert_eq!(published(&aws, &project, &format!("failing/{DAY}")), copied(3));
    page_says(&aws, "succeeded");
    aws.leaves_nothing(REAPED);
}

/// What the run's page says, as JSON.
fn page(aws: &LocalAws) -> Option<Value> {
    aws.record(&format!("runs/failing/{DAY}/report-page.json"))
}

/// The run's page, what it says as JSON and the list of pages are there: of a failed run the reaper writes them, of another
/// Report.
fn page_says(aws: &LocalAws, state: &str) {
    until("a page that says how the run ended", REAPED, || page(aws).filter(|page| page["state"] == state));
    let keys: Vec<String> =
        aws.objects(&format!("runs/failing/{DAY}/report")).into_iter().map(|(key, _)| key).collect();
    assert!(keys.iter().any(|key| key.ends_with("/report.html")), "{keys:?}");
    assert_eq!(aws.objects("reports/").len(), 2, "the list and its page");
    // Lineage events come before the page: by the reaper, then by Report.
    let text = aws.text(&format!("runs/failing/{DAY}/openlineage.ndjson")).expect("events");
    let end = if state == "succeeded" { "COMPLETE" } else { "FAIL" };
    assert!(text.lines().last().is_some_and(|line| line.contains(&format!("\"eventType\":\"{end}\""))), "{text}");
}

/// The commands of ours that stand between backticks.
fn commands(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|quoted| quoted.starts_with("spotmill ")).collect()
}

/// A command as somebody pastes it in a shell of `directory`, with this AWS as theirs.
fn pasted(aws: &LocalAws, project: &Project, directory: &Path, command: &str) -> Ran {
    let bin = programs().spotmill.parent().expect("a directory").display().to_string();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(directory).stdin(Stdio::null());
    shell.envs(aws.env()).env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap_or_default()));
    Ran::from(shell.env("SPOTMILL_WORKER", project.worker()).output().expect("sh"))
}

#[test]
fn an_item_that_takes_its_machines_with_it_is_poison() {
    let project = copying("poison", "kills_the_machine", 3);
    project.write(&format!("data/{DAY}/1.csv"), "1,poison\n");
    let aws = LocalAws::of_one_user();
    aws.deploy_project(&project, "poison");
    let run = aws.start_run(&aws.input("poison", DAY));
    let ended = ends(&aws, &run, "FAILED", 3 * PATIENCE);
    for word in ["poison/2013-01-01", "`copy`", "Item 1", "breaks its machine", "spotmill --stack etl start"] {
        assert!(ended.cause.contains(word), "`{word}` is not in {}", ended.cause);
    }
    assert!(!ended.cause.contains("Item 0") && !ended.cause.contains("Item 2"), "{}", ended.cause);
    let done: Vec<_> = aws.receipts("poison").into_iter().map(|(key, _)| key).collect();
    assert_eq!(done.len(), 2, "its neighbours were done: {done:?}");
    let failures = aws.objects("runs/poison/");
    let (failure, _) = failures.iter().find(|(key, _)| key.contains("/failures/")).expect("a failure on record");
    assert_eq!(aws.record(failure).expect("a record")["class"], "poison");
    aws.leaves_nothing(REAPED);
}
