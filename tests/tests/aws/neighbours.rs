//! Two stacks in one account and region do not touch each other, although one's name begins with the other's and both run
//! one key; and a run goes on under a deploy as it began.

use super::*;

/// Its name begins as the other's does: a prefix tells the two apart nowhere.
const NEIGHBOUR: &str = "etl-two";
const NEXT_DAY: &str = "2013-01-02";

fn living(seen: &Snapshot, stack: &str) -> usize {
    seen.living().filter(|i| i.tags.get("spotmill:stack").is_some_and(|of| of == stack)).count()
}

#[test]
fn two_stacks_of_one_account_do_not_touch_each_other() {
    let aws = aws();
    let (project, other) = (copying("both", "naps", 4), copying("both", "naps", 4));
    other.edit("pipeline.toml", "output/both", "output/neighbour");
    aws.deploy_project(&project, "both");
    let outputs = aws.deploy_neighbour(NEIGHBOUR, &other);
    let neighbour = |args: &[&str]| aws.spotmill_of(NEIGHBOUR, &other, args);

    let ours = aws.start_run(&aws.input("both", DAY));
    let machine = &outputs["PipelineStateMachine"];
    let input = aws.input("both", DAY).to_string();
    let started = aws.aws(&["stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", &input]);
    let theirs = started["executionArn"].as_str().expect("an ARN").to_owned();
    let both = |seen: &Snapshot| living(seen, "etl") > 0 && living(seen, NEIGHBOUR) > 0;
    aws.ec2.wait_for("machines of both stacks", PATIENCE, both);

    // One run is stopped, its stack looks after its machines, and removes itself: the other's work goes on.
    aws.spotmill(&project, &["stop", &format!("both/{DAY}")]).code(0);
    aws.ec2.wait_for("our machines have ended", REAPED, |seen| living(seen, "etl") == 0);
    tick(&aws);
    ends(&aws, &theirs, "SUCCEEDED", PATIENCE);
    assert_eq!(published(&aws, &other, &format!("neighbour/{DAY}")), copied(4));
    assert!(published(&aws, &project, &format!("both/{DAY}")).is_empty(), "ours was stopped");
    neighbour(&["--target", "aws", "runs"]).code(0).says("succeeded");
    aws.spotmill(&project, &["--target", "aws", "runs"]).code(0).says("stopped");
    assert_eq!(aws.execution(&ours).status, "ABORTED");

    neighbour(&["destroy", "--yes"]).code(0).says("bucket etl-two-data stays");
    succeeds(&aws, &aws.input("both", DAY));
    assert_eq!(published(&aws, &project, &format!("both/{DAY}")), copied(4));
    aws.leaves_nothing(REAPED);
}

#[test]
fn a_run_goes_on_under_a_deploy_and_the_next_one_is_of_the_new() {
    let aws = aws();
    let project = copying("upgraded", "naps", 4);
    project.write(&format!("data/{NEXT_DAY}/0.csv"), row(0));
    aws.deploy_project(&project, "upgraded");
    // The emulator has one version of a function, so the run's later states call the new ones: more than an upgrade asks for,
    // where a running execution calls the versions that its definition names.
    let seconds = || {
        let asked = ["lambda", "get-function-configuration", "--function-name", "etl-verdict"];
        aws.aws(&asked)["Environment"]["Variables"]["SPOTMILL_VISIBILITY_SECONDS"].clone()
    };
    assert_eq!(seconds(), "10");
    let run = aws.start_run(&aws.input("upgraded", DAY));
    next_busy(&aws, &mut machines(&aws));
    // Other functions, as far as CloudFormation can tell, and a pipeline that would fail.
    project.edit("pipeline.toml", "transform = \"naps\"", "transform = \"panics\"");
    aws.upgrade(&project, "VisibilitySeconds=11").code(0);
    assert_eq!(seconds(), "11", "the deploy changed the functions");
    ends(&aws, &run, "SUCCEEDED", PATIENCE);
    assert_eq!(published(&aws, &project, &format!("upgraded/{DAY}")), copied(4));
    let next = aws.start_run(&aws.input("upgraded", NEXT_DAY));
    let ended = ends(&aws, &next, "FAILED", PATIENCE);
    assert!(ended.cause.contains("the transform's own words"), "{}", ended.cause);
    aws.upgrade(&project, "VisibilitySeconds=10").code(0);
    aws.leaves_nothing(REAPED);
}
