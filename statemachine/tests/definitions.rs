//! The two definitions: what their graphs promise, what they refuse to contain, and how they run.

mod door;

use std::collections::BTreeSet;

use door::{check, machine};
use serde_json::{Value, json};
use spotmill_core::calls::errors::{self, Reaction};
use spotmill_statemachine::*;

/// The function errors that no retry can mend.
fn finals() -> Vec<&'static str> {
    errors::ALL.iter().filter(|(_, reaction)| *reaction == Reaction::Final).map(|(name, _)| *name).collect()
}

const LAMBDA_SERVICE: [&str; 4] = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
];

fn tasks(definition: &str) -> Vec<(String, Task)> {
    let machine = machine(definition);
    let tasks = machine.states().filter_map(|(name, state)| match state {
        State::Task(task) => Some((name.to_owned(), task.clone())),
        _ => None,
    });
    tasks.collect()
}

/// The ends that can be reached from a state without passing another.
fn ends_without(machine: &Machine, from: &str, avoided: &str) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(name) = open.pop() {
        if name != avoided && seen.insert(name.clone()) {
            open.extend(machine.successors(&name).into_iter().map(|(_, target)| target.to_owned()));
        }
    }
    seen.retain(|name| !matches!(machine.state(name), Some(State::Choice(_))) && machine.successors(name).is_empty());
    seen
}

#[test]
fn every_way_from_launch_fleet_passes_kill_fleet() {
    let step = machine(STEP_ASL);
    for state in ["LaunchFleet", "DispatchWork"] {
        assert_eq!(ends_without(&step, state, "KillFleet"), BTreeSet::new(), "from {state}");
        let catch = &step.task(state).unwrap().catch;
        assert!(catch.len() == 1 && catch[0].error_equals == ["States.ALL"] && catch[0].next == "KillFleet", "{state}");
    }
    // Nothing else in between: whatever is reached before the kill has the same catcher.
    assert_eq!(step.task("LaunchFleet").unwrap().next.as_deref(), Some("DispatchWork"));
    assert_eq!(step.task("DispatchWork").unwrap().next.as_deref(), Some("KillFleet"));
    // The walk itself can find a way.
    assert_eq!(ends_without(&step, "KillFleet", "Verdict"), BTreeSet::from(["Failed".to_owned()]));
}

#[test]
fn run_step_has_no_catch_so_that_a_redrive_starts_a_new_child() {
    let pipeline = machine(PIPELINE_ASL);
    let run_step = pipeline.task("RunStep").unwrap();
    assert_eq!(run_step.integration, Integration::Child);
    assert_eq!(run_step.catch, []);
    for retrier in &run_step.retry {
        assert!(retrier.error_equals.iter().all(|name| name.starts_with("StepFunctions.")), "{retrier:?}");
    }
    // The child ends first, and reports it itself.
    let step: Value = serde_json::from_str(STEP_ASL).unwrap();
    assert!(run_step.timeout_secs > step["TimeoutSeconds"].as_u64().unwrap());
}

#[test]
fn every_task_has_a_literal_timeout_and_only_dispatch_work_holds_a_token() {
    for definition in [PIPELINE_ASL, STEP_ASL] {
        let json: Value = serde_json::from_str(definition).unwrap();
        for (name, task) in tasks(definition) {
            assert!(json["States"][&name]["TimeoutSeconds"].is_u64(), "{name}");
            let is_dispatch = name == "DispatchWork";
            assert_eq!(task.integration == Integration::LambdaWithToken, is_dispatch, "{name}");
            assert_eq!(task.heartbeat_secs.is_some_and(|secs| secs < task.timeout_secs), is_dispatch, "{name}");
            if task.integration == Integration::Lambda {
                assert!(task.timeout_secs > 900, "{name}: Lambda's own time-out is heard first");
            }
        }
    }
}

/// Seconds until a state gives up on an error that does not pass.
fn patience_secs(task: &Task, error: &str) -> f64 {
    let matching = |r: &&Retrier| r.error_equals.iter().any(|name| name == error || name == "States.ALL");
    let Some(retrier) = task.retry.iter().find(matching) else { return 0.0 };
    assert_eq!(retrier.jitter, Jitter::None, "chance may end it at once");
    let delay = |n: u64| retrier.interval_secs as f64 * retrier.backoff_rate.powi(n as i32);
    (0..retrier.max_attempts).map(|n| delay(n).min(retrier.max_delay_secs.unwrap_or(u64::MAX) as f64)).sum()
}

#[test]
fn every_function_outlasts_ten_minutes_without_a_store() {
    for (name, task) in [tasks(PIPELINE_ASL), tasks(STEP_ASL)].concat() {
        if task.integration != Integration::Child {
            let patience = patience_secs(&task, "Spotmill.Transient");
            assert!((600.0..1_200.0).contains(&patience), "{name}: {patience} s");
        }
    }
}

#[test]
fn every_function_is_retried_for_lambdas_errors_and_never_for_a_final_one() {
    for (name, task) in [tasks(PIPELINE_ASL), tasks(STEP_ASL)].concat() {
        let attempts = |error: &str| {
            let matching =
                |retrier: &&Retrier| retrier.error_equals.iter().any(|name| name == error || name == "States.ALL");
            task.retry.iter().find(matching).map_or(0, |retrier| retrier.max_attempts)
        };
        for error in finals() {
            assert_eq!(attempts(error), 0, "{name} retries {error}");
        }
        let is_child = task.integration == Integration::Child;
        for error in LAMBDA_SERVICE.iter().chain(["Spotmill.Transient", "Sandbox.Timedout"].iter()) {
            assert_eq!(attempts(error) > 0, !is_child, "{name} and {error}");
        }
        assert_eq!(
            attempts("States.HeartbeatTimeout"),
            match name.as_str() {
                "DispatchWork" => 1,
                "KillFleet" => 8,
                _ => 0,
            }
        );
    }
}

const PLANNED: &str = r#"0 start {"run":"p/d","step":"s","root":"r","AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID":"r"} => invoke 1 PlanWork {"run":"p/d","step":"s","root":"r","execution":"x"} @960"#;
const IDS: &str = r#""run":"p/d","step":"s","root":"r","generation":3,"epoch":7,"#;

fn step_with(todo: u64, rest: &str) -> Execution {
    let planned = format!(r#"1 ok 1 {{"generation":3,"epoch":7,"todo":{todo},"round":0,"rung":1}}"#);
    check(STEP_ASL, &format!("{PLANNED}\n{planned} {}", rest.replace("IDS", IDS)))
}

#[test]
fn a_pipeline_runs_its_steps_in_order() {
    let child = |task: u64, step: &str| {
        format!(
            r#"start {task} Step {{"run":"p/d","step":"{step}","root":"x","AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID":"x"}}"#
        )
    };
    let script = format!(
        r#"0 start {{"pipeline":"p","params":{{"a":["b"]}}}} => invoke 1 Begin {{"input":{{"params":{{"a":["b"]}},"pipeline":"p"}},"root":"x"}} @960
           0 ok 1 {{"run":"p/d","steps":["map","reduce"],"count":2,"awaits":false}} => {} @1213200
           5 child-ok 2 {{}} => {} @1213205
           9 child-ok 3 {{}} => invoke 4 Report {{"run":"p/d","root":"x"}} @969
           10 ok 4 {{"report":"key"}} => succeeded {{"report":"key"}}"#,
        child(2, "map"),
        child(3, "reduce"),
    );
    let done = check(PIPELINE_ASL, &script);
    assert_eq!(done.states_visited(), ["Begin", "MustWait", "More", "RunStep", "More", "RunStep", "More", "Report"]);
}

#[test]
fn a_pipeline_of_one_step_or_none_runs_too_and_a_failed_child_fails_it() {
    let begun = r#"0 start {} => invoke 1 Begin {"input":{},"root":"x"} @960"#;
    check(
        PIPELINE_ASL,
        &format!(
            "{begun}\n{}",
            r#"0 ok 1 {"run":"r","steps":[],"count":0,"awaits":false} => invoke 2 Report {"run":"r","root":"x"} @960"#
        ),
    );
    let done = check(
        PIPELINE_ASL,
        &format!(
            "{begun}\n{}",
            r#"0 ok 1 {"run":"r","steps":["only"],"count":1,"awaits":false} => start 2 Step {"run":"r","step":"only","root":"x","AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID":"x"} @1213200
               5 child-fail 2 Spotmill.Fenced higher epoch => failed States.TaskFailed: {"Cause":"higher epoch","Error":"Spotmill.Fenced","ExecutionArn":"c","Status":"FAILED"}"#
        ),
    );
    assert_eq!(done.current_state(), "RunStep");
}

const AWAITS: &str = r#"0 start {} => invoke 1 Begin {"input":{},"root":"x"} @960
           0 ok 1 {"run":"r","steps":["only"],"count":1,"awaits":true} => invoke 2 AwaitInput {"run":"r","root":"x"} @960"#;
const STEP: &str = r#"Step {"run":"r","step":"only","root":"x","AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID":"x"}"#;

#[test]
fn nothing_is_started_before_the_input_is_there() {
    let script = format!(
        r#"{AWAITS}
           5 ok 2 {{"next":"wait","pause_secs":300,"text":"t"}} => - @305
           304 tick => - @305
           305 tick => invoke 3 AwaitInput {{"run":"r","root":"x"}} @1265
           306 ok 3 {{"next":"wait","pause_secs":1,"text":"t"}} => - @307
           400 tick => invoke 4 AwaitInput {{"run":"r","root":"x"}} @1360
           401 ok 4 {{"next":"go","pause_secs":0,"text":""}} => start 5 {STEP} @1213601
           402 child-ok 5 {{}} => invoke 6 Report {{"run":"r","root":"x"}} @1362
           403 ok 6 {{}} => succeeded {{}}"#
    );
    let done = check(PIPELINE_ASL, &script);
    let (round, end) =
        (["AwaitInput", "IsThere", "Pause"], ["AwaitInput", "IsThere", "More", "RunStep", "More", "Report"]);
    assert_eq!(done.states_visited(), [&["Begin", "MustWait"][..], &round, &round, &end].concat());
}

#[test]
fn a_late_input_fails_by_a_name_of_its_own_where_a_redrive_checks_again_and_a_skipped_run_is_reported() {
    let late = format!("{AWAITS}\n900 fail 2 Spotmill.InputLate late => failed Spotmill.InputLate: late");
    let late = check(PIPELINE_ASL, &late);
    assert_eq!(late.current_state(), "AwaitInput");
    let skipped = format!(
        r#"{AWAITS}
           5 ok 2 {{"next":"skip","pause_secs":0,"text":"t"}} => invoke 3 Report {{"run":"r","root":"x"}} @965
           6 ok 3 {{"outcome":"skipped"}} => succeeded {{"outcome":"skipped"}}"#
    );
    let skipped = check(PIPELINE_ASL, &skipped);
    assert_eq!(skipped.states_visited(), ["Begin", "MustWait", "AwaitInput", "IsThere", "Report"]);
}

#[test]
fn a_wait_is_aborted_and_a_pause_that_is_none_is_an_error() {
    let awaits = format!("{AWAITS}\n5 ok 2 {{\"next\":\"wait\",\"pause_secs\":300,\"text\":\"t\"}} => - @305");
    check(PIPELINE_ASL, &format!("{awaits}\n6 abort => aborted Stop"));
    for pause in ["-1", "\"5\"", "1.5"] {
        let none = format!("{AWAITS}\n5 ok 2 {{\"next\":\"wait\",\"pause_secs\":{pause},\"text\":\"\"}} => failed");
        let shown = pause.to_owned();
        check(
            PIPELINE_ASL,
            &format!("{none} States.QueryEvaluationError: the value must be a whole number of seconds, and is {shown}"),
        );
    }
}

#[test]
fn a_step_goes_round_by_round_then_publishes() {
    let done = step_with(
        5,
        r#"=> invoke 2 LaunchFleet {IDS"round":0,"rung":1} @961
           2 ok 2 {} => invoke-with-token 3 DispatchWork @1202
           3 ok 3 {} => - @1202
           1000 beat 3 => - @2200
           1500 token 3 {} => invoke 4 KillFleet {IDS"round":0,"rung":1} @2460
           1501 ok 4 {} => invoke 5 Verdict {IDS"round":0,"rung":1,"failure":null} @2461
           1502 ok 5 {"next":"round","round":1,"rung":2,"error":null,"cause":null} => invoke 6 LaunchFleet {IDS"round":1,"rung":2} @2462
           1503 ok 6 {} => invoke-with-token 7 DispatchWork @2703
           1504 token 7 {} => invoke 8 KillFleet {IDS"round":1,"rung":2} @2464
           1505 ok 8 {} => invoke 9 Verdict {IDS"round":1,"rung":2,"failure":null} @2465
           1506 ok 9 {"next":"publish","round":1,"rung":2} => invoke 10 Publish {IDS"cursor":null} @2466
           1507 ok 10 {"more":true,"cursor":"k","after":false} => invoke 11 Publish {IDS"cursor":"k"} @2467
           1508 ok 11 {"more":false,"cursor":null,"after":true} => invoke 12 AfterPublish {"run":"p/d","step":"s","root":"r","generation":3,"epoch":7} @2468
           1509 ok 12 {} => succeeded {"run":"p/d","step":"s","generation":3,"epoch":7}"#,
    );
    let round = ["LaunchFleet", "DispatchWork", "KillFleet", "Verdict", "WhatNext"];
    let publish = ["Publish", "HasMore", "Publish", "HasMore", "AfterPublish", "Done"];
    assert_eq!(done.states_visited(), [&["PlanWork", "HasWork"][..], &round, &round, &publish].concat());
}

#[test]
fn a_step_without_work_asks_for_the_verdict_at_once() {
    let done = step_with(
        0,
        r#"=> invoke 2 Verdict {IDS"round":0,"rung":1,"failure":null} @961
           2 ok 2 {"next":"done","round":0,"rung":1} => succeeded {"run":"p/d","step":"s","generation":3,"epoch":7}"#,
    );
    assert_eq!(done.states_visited(), ["PlanWork", "HasWork", "Verdict", "WhatNext", "Done"]);
}

#[test]
fn a_failed_launch_is_killed_judged_and_forgotten_by_the_next_round() {
    step_with(
        5,
        r#"=> invoke 2 LaunchFleet {IDS"round":0,"rung":1} @961
           2 fail 2 Spotmill.Quota spot quota is 5 => invoke 3 KillFleet {IDS"round":0,"rung":1} @962
           3 ok 3 {} => invoke 4 Verdict {IDS"round":0,"rung":1,"failure":{"cause":"spot quota is 5","error":"Spotmill.Quota"}} @963
           4 ok 4 {"next":"round","round":1,"rung":1} => invoke 5 LaunchFleet {IDS"round":1,"rung":1} @964
           5 ok 5 {} => invoke-with-token 6 DispatchWork @1205
           6 token 6 {} => invoke 7 KillFleet {IDS"round":1,"rung":1} @966
           7 ok 7 {} => invoke 8 Verdict {IDS"round":1,"rung":1,"failure":null} @967
           8 ok 8 {"next":"failed","round":1,"rung":1,"error":"Spotmill.ItemsFailed","cause":"2 items"} => failed Spotmill.ItemsFailed: 2 items"#,
    );
}

#[test]
fn a_silent_round_is_dispatched_once_more_then_killed_and_judged() {
    let done = step_with(
        5,
        r#"=> invoke 2 LaunchFleet {IDS"round":0,"rung":1} @961
           2 ok 2 {} => invoke-with-token 3 DispatchWork @1202
           1202 tick => - @1203
           1203 tick => invoke-with-token 4 DispatchWork @2403
           1300 token 3 {} => !TaskTimedOut @2403
           2403 tick => invoke 5 KillFleet {IDS"round":0,"rung":1} @3363
           2404 ok 5 {} => invoke 6 Verdict {IDS"round":0,"rung":1,"failure":{"cause":"","error":"States.HeartbeatTimeout"}} @3364
           2405 fail 6 Spotmill.Fenced epoch 8 => failed Spotmill.Fenced: epoch 8"#,
    );
    assert_eq!(done.current_state(), "Failed");
}

#[test]
fn kill_fleet_is_tried_nine_times_unless_the_error_is_final() {
    let killing = r#"=> invoke 2 LaunchFleet {IDS"round":0,"rung":1} @961
           2 fail 2 Boom => invoke 3 KillFleet {IDS"round":0,"rung":1} @962"#;
    step_with(5, &format!("{killing}\n3 fail 3 Spotmill.Fenced epoch 8 => failed Spotmill.Fenced: epoch 8"));
    let mut script = killing.to_owned();
    let mut now = 3;
    for (at, wait) in [5, 10, 20, 40, 80, 160, 300, 300].into_iter().enumerate() {
        let (task, next) = (3 + at, 4 + at);
        script += &format!("\n{now} fail {task} Ec2.Down => - @{}", now + wait);
        now += wait;
        script += &format!("\n{now} tick => invoke {next} KillFleet {{IDS\"round\":0,\"rung\":1}} @{}", now + 960);
    }
    step_with(5, &format!("{script}\n{now} fail 11 Ec2.Down for good => failed Ec2.Down: for good"));
}

#[test]
fn a_step_that_cannot_be_planned_fails_with_the_planners_message() {
    check(STEP_ASL, &format!("{PLANNED}\n1 fail 1 Spotmill.HeldByAnother by x => failed Spotmill.HeldByAnother: by x"));
    // A reply without a field it owes is an error of the same kind as on AWS.
    let done = check(
        STEP_ASL,
        &format!(
            "{PLANNED}\n{}",
            r#"1 ok 1 {"epoch":7} => failed States.QueryEvaluationError: the expression `$states.result.Payload.generation` returned nothing, or something that JSON cannot hold"#
        ),
    );
    assert_eq!(done.states_visited(), ["PlanWork", "Failed"]);
}

#[test]
fn a_step_ends_with_its_machines_timeout() {
    step_with(
        5,
        r#"=> invoke 2 LaunchFleet {IDS"round":0,"rung":1} @961
           1209600 tick => timed-out"#,
    );
}

fn refused(change: &dyn Fn(&mut Value)) -> String {
    let mut definition: Value = serde_json::from_str(STEP_ASL).unwrap();
    change(&mut definition);
    let names = ["PlanWork", "LaunchFleet", "DispatchWork", "KillFleet", "Verdict", "Publish", "AfterPublish"];
    let substitutions = names.iter().map(|name| (format!("{name}Function"), (*name).to_owned())).collect();
    match Machine::parse(&definition.to_string(), &substitutions) {
        Ok(_) => "accepted".into(),
        Err(problem) => problem.to_string(),
    }
}

#[test]
fn what_is_outside_the_subset_is_refused_with_state_and_field() {
    assert_eq!(refused(&|_| {}), "accepted");
    let table: [(&str, Value, &str); 22] = [
        ("/States/KillFleet/Next", json!("Verdikt"), "state `KillFleet`: field `Next` names no state: `Verdikt`"),
        ("/States/WhatNext/Default", json!("Faild"), "state `WhatNext`: field `Default` names no state: `Faild`"),
        ("/States/KillFleet/Catch/0/Next", json!("X"), "state `KillFleet`: field `Catch[0].Next` names no state: `X`"),
        ("/StartAt", json!("X"), "the machine: field `StartAt` names no state: `X`"),
        ("/States/PlanWork/Next", json!("Failed"), "state `AfterPublish`: is never reached"),
        (
            "/States/PlanWork/ResultPath",
            json!("$"),
            "state `PlanWork`: field `ResultPath` is unknown, or outside the subset",
        ),
        ("/Version", json!("1.0"), "the machine: field `Version` is unknown, or outside the subset"),
        ("/QueryLanguage", json!("JSONPath"), "the machine: field `QueryLanguage` must be JSONata"),
        ("/States/Done/Type", json!("Pass"), "state `Done`: field `Type` names a type outside the subset: `Pass`"),
        (
            "/States/PlanWork/Resource",
            json!("arn:aws:states:::sqs:sendMessage"),
            "state `PlanWork`: field `Resource` is outside the subset: `arn:aws:states:::sqs:sendMessage`",
        ),
        (
            "/States/PlanWork/TimeoutSeconds",
            json!("{% $t %}"),
            "state `PlanWork`: field `TimeoutSeconds` invalid type: string \"{% $t %}\", expected u64",
        ),
        (
            "/States/PlanWork/TimeoutSeconds",
            json!(0),
            "state `PlanWork`: field `TimeoutSeconds` must be within 1 and 99999999",
        ),
        (
            "/States/PlanWork/HeartbeatSeconds",
            json!(9),
            "state `PlanWork`: field `HeartbeatSeconds` needs a task with a token",
        ),
        (
            "/States/DispatchWork/HeartbeatSeconds",
            json!(129_600),
            "state `DispatchWork`: field `HeartbeatSeconds` must be less than TimeoutSeconds",
        ),
        (
            "/States/PlanWork/Arguments/Qualifier",
            json!("1"),
            "state `PlanWork`: field `Arguments.Qualifier` is unknown, or outside the subset",
        ),
        (
            "/States/PlanWork/Retry/0/ErrorEquals",
            json!(["States.ALL"]),
            "state `PlanWork`: field `Retry[0].ErrorEquals` must hold States.ALL alone, and come last",
        ),
        (
            "/States/PlanWork/Retry/0/JitterStrategy",
            json!("HALF"),
            "state `PlanWork`: field `Retry[0].JitterStrategy` must be FULL or NONE, not `HALF`",
        ),
        (
            "/States/PlanWork/Arguments/Payload/run",
            json!("{% $now() %}"),
            "state `PlanWork`: field `Payload` `$now()` uses `$now`, outside the subset: no functions, no bare `$`",
        ),
        (
            "/States/PlanWork/Arguments/Payload/run",
            json!("{% $states.result.x %}"),
            "state `PlanWork`: field `Payload` `$states.result.x` reads `$states.result.x`, which is not offered here",
        ),
        (
            "/States/KillFleet/Arguments/Payload/run",
            json!("{% $more %}"),
            "state `KillFleet`: field `Arguments` reads `$more`, which some way to it leaves unassigned",
        ),
        (
            "/States/Verdict/Assign/round",
            json!(1),
            "state `Verdict`: field `Assign.round` is also the name of a JSONata function",
        ),
        (
            "/States/PlanWork/Arguments/FunctionName",
            json!("${Nobody}"),
            "the definition: field `States.PlanWork.Arguments.FunctionName` holds a name without substitution: `${Nobody}`",
        ),
    ];
    for (pointer, value, wanted) in table {
        let message = refused(&|definition| {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            definition.pointer_mut(parent).unwrap()[field] = value.clone();
        });
        let message = message.replace("`Arguments.Payload`", "`Payload`");
        assert_eq!(message, wanted, "{pointer}");
    }
    let message = refused(&|definition| {
        definition.pointer_mut("/States/Publish").unwrap().as_object_mut().unwrap().remove("TimeoutSeconds");
    });
    assert_eq!(message, "state `Publish`: field `TimeoutSeconds` is missing: a task without one waits for years");
}
