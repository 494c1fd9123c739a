//! Runs beside each other: those of two pipelines do not touch, those of one key exclude each other.

use super::*;

#[test]
fn one_key_is_held_by_one_and_a_stopped_run_leaves_nothing_and_goes_on() {
    let project = copying("held", "naps", 4);
    let aws = aws();
    aws.deploy_project(&project, "held");
    let mut seen = machines(&aws);
    let input = aws.input("held", DAY);
    let first = aws.start_run(&input);
    next_busy(&aws, &mut seen);
    let second = aws.start_run(&input);
    let refused = ends(&aws, &second, "FAILED", PATIENCE);
    assert_eq!(refused.error, "Spotmill.HeldByAnother");
    assert!(refused.cause.contains(&first), "{}", refused.cause);
    aws.spotmill(&project, &["start", "--date", DAY]).code(6).says(first.rsplit(':').next().expect("its name"));
    // Stopped in the middle, as from the console: the child execution too, as Step Functions does.
    let stop = |arn: &str| aws.aws(&["stepfunctions", "stop-execution", "--execution-arn", arn]);
    aws.children(&first).iter().for_each(|child| drop(stop(child)));
    stop(&first);
    aws.leaves_nothing(REAPED);
    let notice = aws.notice(REAPED, |n| n.contains("ended ABORTED") && n.contains("held"));
    assert!(notice.contains(DAY), "{notice}");
    succeeds(&aws, &input);
    assert_eq!(published(&aws, &project, &format!("held/{DAY}")), copied(4));
    aws.leaves_nothing(REAPED);
}

#[test]
fn two_pipelines_at_once_do_not_touch_each_other() {
    let (one, two) = (copying("one", "naps", 4), copying("two", "naps", 4));
    let aws = aws();
    aws.deploy_project(&one, "one");
    aws.deploy_project(&two, "two");
    let mut seen = machines(&aws);
    let second = aws.start_run(&aws.input("two", DAY));
    next_busy(&aws, &mut seen);
    let first = aws.start_run(&aws.input("one", DAY));
    let both = |s: &Snapshot| s.fleets.iter().filter(|f| f.ended_ms.is_none()).count() == 2;
    aws.ec2.wait_for("a fleet each", PATIENCE, both);
    // One is stopped; the other does not notice.
    aws.spotmill(&two, &["stop", &format!("two/{DAY}")]).code(0);
    assert_eq!(aws.execution(&second).status, "ABORTED", "{}", aws.diagnosis(&second));
    ends(&aws, &first, "SUCCEEDED", PATIENCE);
    assert_eq!(aws.receipts("one").len(), 4);
    assert_eq!(published(&aws, &one, &format!("one/{DAY}")), copied(4));
    let kept = aws.receipts("two");
    aws.spotmill(&two, &["start", "--date", DAY, "--wait"]).code(0);
    let after = aws.receipts("two");
    assert_eq!(after.len(), 4);
    assert!(kept.iter().all(|receipt| after.contains(receipt)), "a committed item was done again");
    assert_eq!(published(&aws, &two, &format!("two/{DAY}")), copied(4));
    aws.leaves_nothing(REAPED);
}
