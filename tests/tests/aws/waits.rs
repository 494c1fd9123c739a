//! A run whose input comes later, and one whose input never comes: no machine is asked for while it waits, and a late run is
//! told apart from a failed one.

use super::*;

/// A `copying` pipeline that waits for so many files, for so long.
fn waiting(name: &str, items: usize, wait: &str) -> Project {
    let project = copying(name, "copies", items);
    project.edit("pipeline.toml", "[step.output]", &format!("[step.input.wait_for]\n{wait}\n[step.output]"));
    project
}

#[test]
fn a_run_waits_without_a_machine_and_a_late_one_ends_by_its_own_name() {
    let project = waiting("waits", 2, "files = { exactly = 3 }\nup_to = \"4m\"");
    let aws = aws();
    aws.deploy_project(&project, "waits");
    let before = machines(&aws);
    let run = aws.start_run(&aws.input("waits", DAY));
    let key = format!("runs/waits/{DAY}/waiting.json");
    let record = until("the first check", PATIENCE, || aws.record(&key));
    assert_eq!((&record["next"], &record["steps"][0]["state"]), (&json!("wait"), &json!("waiting")), "{record}");
    let message = "waiting for input: copy: 2 of 3 files, last ";
    aws.spotmill(&project, &["status", &format!("waits/{DAY}")]).code(0).says(message);
    aws.spotmill(&project, &["--target", "aws", "show", &format!("waits/{DAY}")]).code(0).says(message);
    aws.spotmill(&project, &["--target", "aws", "runs"]).code(0).says("input");
    assert_eq!(machines(&aws), before, "a machine was asked for");
    assert!(aws.objects(&format!("runs/waits/{DAY}/copy/")).is_empty(), "the step was planned");
    project.write(&format!("data/{DAY}/2.csv"), row(2));
    let third = project.path(&format!("data/{DAY}/2.csv"));
    aws.copy(&third.to_string_lossy(), &format!("s3://{LAKE}/input/waits/{DAY}/2.csv"), false);
    ends(&aws, &run, "SUCCEEDED", PATIENCE);
    assert_eq!(published(&aws, &project, &format!("waits/{DAY}")), copied(3));
    let states = aws.all_states(&run);
    let paused = ["Begin", "MustWait", "AwaitInput", "IsThere", "Pause", "AwaitInput"].map(str::to_owned);
    assert!(states.iter().any(|states| states.starts_with(&paused)), "{states:?}");

    // Another day never comes.
    let late = "2013-01-02";
    project.edit("pipeline.toml", "up_to = \"4m\"", "up_to = \"3s\"");
    aws.deploy_project(&project, "waits");
    let before = machines(&aws);
    let ran = aws.spotmill(&project, &["--json", "start", "--date", late, "--wait"]);
    ran.code(8);
    assert_eq!((&ran.ended()["outcome"], &ran.ended()["error"]), (&json!("late"), &json!("Spotmill.InputLate")));
    let notice = aws.notice(REAPED, |n| n.contains("is late; nothing was launched"));
    for text in ["Spotmill.InputLate", "copy: 0 of 3 files", "spotmill --stack etl start"] {
        assert!(notice.contains(text), "`{text}` is not in the notice {notice}");
    }
    aws.spotmill(&project, &["--target", "aws", "runs"]).code(0).says("○ late");
    until("the page of the late run", REAPED, || {
        aws.record(&format!("runs/waits/{late}/report-page.json")).filter(|page| page["state"] == "late")
    });
    assert_eq!(machines(&aws), before, "a machine was asked for");
    // And one that is not to run without it is skipped, which is no failure.
    project.edit("pipeline.toml", "up_to = \"3s\"", "up_to = \"3s\"\non_late = \"skip\"");
    aws.deploy_project(&project, "waits");
    let run = aws.start_run(&aws.input("waits", "2013-01-03"));
    ends(&aws, &run, "SUCCEEDED", PATIENCE);
    aws.spotmill(&project, &["--target", "aws", "show", "waits/2013-01-03"])
        .code(0)
        .says("nothing was run or published");
    assert_eq!(machines(&aws), before, "a machine was asked for");
    aws.leaves_nothing(REAPED);
}
