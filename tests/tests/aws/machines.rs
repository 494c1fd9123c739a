//! Machines come and go, and nothing is done twice.

use super::*;

#[test]
fn machines_are_taken_away_and_nothing_is_done_twice() {
    let project = copying("taken", "naps", 6);
    let aws = aws();
    aws.deploy_project(&project, "taken");
    let mut seen = machines(&aws);
    let run = aws.start_run(&aws.input("taken", DAY));
    aws.ec2.notice(&next_busy(&aws, &mut seen), Duration::from_secs(14)).expect("a notice");
    aws.ec2.kill(&next_busy(&aws, &mut seen)).expect("no notice");
    ends(&aws, &run, "SUCCEEDED", 2 * PATIENCE);
    assert_eq!(published(&aws, &project, &format!("taken/{DAY}")), copied(6));
    assert_eq!(aws.receipts("taken").len(), 6);
    aws.leaves_nothing(REAPED);
}
