//! An ordinary day: the schedule fires, and everything is as on one machine.

use super::*;
use serde_json::json;

#[test]
fn a_scheduled_day_of_flights_as_on_one_machine() {
    let project = Project::flights().on_aws("flights");
    let local = project.spotmill(&["-vv", "run", "--date", DAY]);
    local.code(0);
    let aws = aws();
    aws.deploy_project(&project, "flights");
    let run = fired(&aws);
    ends(&aws, &run, "SUCCEEDED", PATIENCE);
    aws.leaves_nothing(REAPED);
    for step in ["by_route", "daily"] {
        let local = rows(&project, &format!("out/{step}"));
        assert_eq!(published(&aws, &project, &format!("flights/{step}")), local, "{step}");
    }
    assert_eq!(aws.all_states(&run), states_of_local(&local.stderr), "the same machines went another way");
    // Again, by a person: everything is committed, so no machine is asked for.
    let before = machines(&aws);
    let replay = aws.spotmill(&project, &["--json", "start", "--date", DAY, "--wait"]);
    replay.code(0);
    assert_eq!(replay.ended()["outcome"], "succeeded", "{}", replay.stdout);
    assert_eq!(machines(&aws), before);
    aws.spotmill(&project, &["status", "flights/2013-01-01"]).code(0).says("flights/2013-01-01");
    aws.spotmill(&project, &["--target", "aws", "show", "flights/2013-01-01"]).code(0).says("by_route");
}

/// Has EventBridge Scheduler fire what the stack has scheduled, once, in a moment; the execution that it starts.
fn fired(aws: &LocalAws) -> String {
    let machine = aws.output("PipelineStateMachine").to_owned();
    let list = || aws.aws(&["stepfunctions", "list-executions", "--state-machine-arn", &machine])["executions"].clone();
    let arns = |listed: &Value| -> BTreeSet<String> {
        let all = listed.as_array().into_iter().flatten();
        all.filter_map(|e| e["executionArn"].as_str().map(str::to_owned)).collect()
    };
    let old = arns(&list());
    let now = aws.aws(&["scheduler", "get-schedule", "--name", "etl-daily"]);
    assert_eq!(now["ScheduleExpression"], "cron(30 5 * * ? *)", "the pipeline's own");
    let input: Value = serde_json::from_str(now["Target"]["Input"].as_str().expect("an input")).expect("JSON");
    assert_eq!(input, json!({"pipeline": "flights", "date": DAY}));
    let (target, window) = (now["Target"].to_string(), now["FlexibleTimeWindow"].to_string());
    let change = |expression: &str, state: &str| {
        let what = ["scheduler", "update-schedule", "--name", "etl-daily", "--target", &target];
        let when = ["--flexible-time-window", &window, "--schedule-expression", expression, "--state", state];
        aws.aws(&[&what[..], &when[..]].concat());
    };
    change("at(2013-01-02T05:30:00)", "ENABLED");
    let run = until("the schedule starts a run", PATIENCE, || arns(&list()).difference(&old).next().cloned());
    change("cron(30 5 * * ? *)", "DISABLED");
    run
}

/// Of every execution of a local run, as it ended: `… ended states=["Begin", …]`.
fn states_of_local(log: &str) -> Vec<Vec<String>> {
    let lists = log.lines().filter_map(|line| Some(format!("[{}", line.split_once("ended states=[")?.1)));
    lists.map(|list| serde_json::from_str(&list).expect("a list of states")).collect()
}
