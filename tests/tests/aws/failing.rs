//! Items that fail, each time: they are named, to whoever asked to be notified, and everything else is kept.

use super::*;

#[test]
fn an_item_that_always_fails_is_named_and_the_others_are_kept() {
    let project = copying("failing", "copies", 3);
    project.write(&format!("data/{DAY}/1.csv"), "one,not a number\n");
    let aws = aws();
    aws.deploy_project(&project, "failing");
    let input = aws.input("failing", DAY);
    let run = aws.start_run(&input);
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
    // The cause is removed: only that item runs.
    project.write(&format!("data/{DAY}/1.csv"), row(1));
    let mended = project.path(&format!("data/{DAY}/1.csv"));
    aws.copy(&mended.to_string_lossy(), &format!("s3://{LAKE}/input/failing/{DAY}/1.csv"), false);
    let before = aws.receipts("failing");
    assert_eq!(before.len(), 2);
    succeeds(&aws, &input);
    let after = aws.receipts("failing");
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|receipt| after.contains(receipt)), "a committed item was done again");
    assert_eq!(published(&aws, &project, &format!("failing/{DAY}")), copied(3));
    page_says(&aws, "succeeded");
    aws.leaves_nothing(REAPED);
}

/// The run's page, what it says as JSON and the list of pages are there: of a failed run the reaper writes them, of another
/// Report.
fn page_says(aws: &LocalAws, state: &str) {
    let key = format!("runs/failing/{DAY}/report-page.json");
    let patience = Instant::now() + REAPED;
    let is_written = || aws.record(&key).is_some_and(|page| page["state"] == state);
    while !is_written() {
        assert!(Instant::now() < patience, "no page that says {state}");
        std::thread::sleep(Duration::from_millis(500));
    }
    let keys: Vec<String> =
        aws.objects(&format!("runs/failing/{DAY}/report")).into_iter().map(|(key, _)| key).collect();
    assert!(keys.iter().any(|key| key.ends_with("/report.html")), "{keys:?}");
    assert_eq!(aws.objects("reports/").len(), 2, "the list and its page");
    // Lineage events come before the page: by the reaper, then by Report.
    let text = aws.text(&format!("runs/failing/{DAY}/openlineage.ndjson")).expect("events");
    let end = if state == "succeeded" { "COMPLETE" } else { "FAIL" };
    assert!(text.lines().last().is_some_and(|line| line.contains(&format!("\"eventType\":\"{end}\""))), "{text}");
}

#[test]
fn an_item_that_takes_its_machines_with_it_is_poison() {
    let project = copying("poison", "kills_the_machine", 3);
    project.write(&format!("data/{DAY}/1.csv"), "1,poison\n");
    let aws = aws();
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
