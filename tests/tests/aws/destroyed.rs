//! A stack is removed: never under what runs unless somebody confirms it, with every machine, and without the data.

use super::*;

#[test]
fn a_destroyed_stack_leaves_no_machine_and_keeps_the_data() {
    // A stack that no other test gets.
    let aws = LocalAws::start();
    let project = copying("destroyed", "naps", 3);
    aws.deploy_project(&project, "destroyed");
    let run = aws.start_run(&aws.input("destroyed", DAY));
    next_busy(&aws, &mut BTreeSet::new());

    let refused = aws.spotmill(&project, &["destroy", "--yes"]);
    refused.code(6).says("not ended").says("destroy --force");
    assert_eq!(aws.execution(&run).status, "RUNNING", "{}", aws.diagnosis(&run));
    assert!(aws.ec2.snapshot().living().count() > 0, "what works goes on");

    aws.spotmill(&project, &["destroy", "--yes", "--force"]).code(0).says("bucket etl-data stays");
    aws.leaves_nothing(Duration::from_secs(5));
    let gone = aws.try_aws(&["cloudformation", "describe-stacks", "--stack-name", "etl"]);
    assert!(gone.is_err() || gone.is_ok_and(|s| s["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"));
    assert!(!aws.objects("runs/destroyed/").is_empty(), "the run can go on once there is a stack again");
    aws.spotmill(&project, &["destroy", "--yes"]).code(0).says("there is no stack etl");
}
