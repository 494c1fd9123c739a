//! What the interpreter does, as tables: retries and their times, catchers, time-outs, tokens, children, ends and
//! refusals.

mod door;

use door::{check, check_with, one_task};
use spotmill_statemachine::*;

const LAMBDA: &str = "lambda:invoke";
const TOKEN: &str = "lambda:invoke.waitForTaskToken";
const CHILD: &str = "states:startExecution.sync:2";

fn lambda(extra: &str) -> String {
    one_task(LAMBDA, &format!(r#", "TimeoutSeconds": 100 {extra}"#))
}

#[test]
fn happy_path() {
    let done = check(
        &lambda(""),
        r#"0 start {} => invoke 1 F 1 @100
           3 ok 1 {"a":[1]} => succeeded {"ExecutedVersion":"$LATEST","Payload":{"a":[1]},"StatusCode":200}
           4 tick => -
           4 ok 1 {} => !AlreadyEnded"#,
    );
    assert_eq!(done.states_visited(), ["A", "Done"]);
    assert!(done.has_ended());
}

#[test]
fn retries_wait_longer_each_time_up_to_their_cap_then_fail() {
    let retry = r#", "Retry": [{"ErrorEquals": ["Boom"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 3,
                                "MaxDelaySeconds": 10 JITTER}]"#;
    check(
        &lambda(&retry.replace("JITTER", "")),
        "0 start {} => invoke 1 F 1 @100
         1 fail 1 Boom => - @3
         2.5 tick => - @3
         3 tick => invoke 2 F 1 @103
         4 fail 2 Boom => - @10
         10 tick => invoke 3 F 1 @110
         11 fail 1 Boom => !StaleTask @110
         11 fail 3 Boom => - @21
         21 tick => invoke 4 F 1 @121
         22 fail 4 Boom last => failed Boom: last",
    );
    check_with(
        0.25,
        &lambda(&retry.replace("JITTER", r#", "JitterStrategy": "FULL""#)),
        "0 start {} => invoke 1 F 1 @100
         1 fail 1 Boom => - @1.5
         2 tick => invoke 2 F 1 @102
         3 fail 2 Boom => - @4.5",
    );
}

#[test]
fn each_retrier_counts_by_itself_and_a_used_up_one_gives_way_to_the_catchers() {
    let done = check(
        &lambda(
            r#", "Retry": [{"ErrorEquals": ["A", "B"], "MaxAttempts": 2}, {"ErrorEquals": ["C"], "IntervalSeconds": 5},
                           {"ErrorEquals": ["States.ALL"]}],
                 "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]"#,
        ),
        r#"0 start {} => invoke 1 F 1 @100
           0 fail 1 A => - @1
           1 tick => invoke 2 F 1 @101
           1 fail 2 B => - @3
           3 tick => invoke 3 F 1 @103
           3 fail 3 C => - @8
           8 tick => invoke 4 F 1 @108
           8 fail 4 B why => succeeded {"Error":"B","Cause":"why"}"#,
    );
    assert_eq!(done.states_visited(), ["A", "Done"]);
    assert!(done.history().iter().any(|record| record.what == Happened::Caught { error: "B".into() }));
}

#[test]
fn wildcards_match_what_they_match_on_aws() {
    // error, States.ALL, States.TaskFailed, States.Timeout
    let table = [
        ("Spotmill.Fenced", true, true, false),
        ("Lambda.Unknown", true, true, false),
        ("States.QueryEvaluationError", true, true, false),
        ("States.TaskFailed", true, true, false),
        ("States.Timeout", true, false, true),
        ("States.HeartbeatTimeout", true, false, true),
        ("States.DataLimitExceeded", false, false, false),
        ("States.Runtime", false, false, false),
    ];
    for (error, all, task_failed, timeout) in table {
        for (pattern, caught) in [("States.ALL", all), ("States.TaskFailed", task_failed), ("States.Timeout", timeout)]
        {
            let catch = format!(r#", "Catch": [{{"ErrorEquals": ["{pattern}"], "Next": "Done", "Output": 0}}]"#);
            let wanted = if caught { "succeeded 0".into() } else { format!("failed {error}: because") };
            check(&lambda(&catch), &format!("0 start {{}} => invoke 1 F 1 @100\n1 fail 1 {error} => {wanted}"));
        }
    }
    // By its own name a data limit is caught, a runtime error never.
    for (error, wanted) in
        [("States.DataLimitExceeded", "succeeded 0"), ("States.Runtime", "failed States.Runtime: because")]
    {
        let catch = format!(r#", "Catch": [{{"ErrorEquals": ["{error}"], "Next": "Done", "Output": 0}}]"#);
        check(&lambda(&catch), &format!("0 start {{}} => invoke 1 F 1 @100\n1 fail 1 {error} => {wanted}"));
    }
}

#[test]
fn a_task_times_out_and_its_late_answer_is_stale() {
    check(
        &lambda(r#", "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}]"#),
        "0 start {} => invoke 1 F 1 @100
         99.9 tick => - @100
         100 tick => - @101
         100.5 ok 1 {} => !StaleTask @101
         101 tick => invoke 2 F 1 @201
         300 ok 2 {} => failed States.Timeout:; !AlreadyEnded",
    );
}

fn token(extra: &str) -> String {
    one_task(TOKEN, &format!(r#", "TimeoutSeconds": 100, "HeartbeatSeconds": 20 {extra}"#))
}

#[test]
fn a_token_ends_its_task_and_the_function_that_got_it_does_not() {
    check(
        &token(""),
        r#"0 start {} => invoke-with-token 1 F @20
           1 ok 1 {"ignored":true} => - @20
           2 token 2 {} => !TaskDoesNotExist @20
           2 forged => !InvalidToken @20
           3 token 1 {"rows":1} => succeeded {"rows":1}
           4 token 1 {} => !TaskTimedOut"#,
    );
    // The function may answer after its token did.
    check(
        &token(""),
        "0 start {} => invoke-with-token 1 F @20\n1 token 1 7 => succeeded 7\n2 ok 1 {} => !AlreadyEnded",
    );
    check(&token(""), "0 start {} => invoke-with-token 1 F @20\n1 token-fail 1 Boom why => failed Boom: why");
    // The function's own error ends the task at once, as on AWS.
    check(&token(""), "0 start {} => invoke-with-token 1 F @20\n1 fail 1 Boom why => failed Boom: why");
}

#[test]
fn a_missed_heartbeat_is_retried_with_a_new_token() {
    check(
        &token(r#", "Retry": [{"ErrorEquals": ["States.HeartbeatTimeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]"#),
        "0 start {} => invoke-with-token 1 F @20
         15 beat 1 => - @35
         35 tick => - @36
         35.5 token 1 {} => !TaskTimedOut @36
         36 tick => invoke-with-token 2 F @56
         37 token 1 {} => !TaskTimedOut @56
         37 beat 1 => !TaskTimedOut @56
         50 beat 2 => - @70
         69 beat 2 => - @89
         88 beat 2 => - @108
         107 beat 2 => - @127
         126 beat 2 => - @136
         136 tick => failed States.Timeout:",
    );
    check(
        &token(
            r#", "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Cause & '' %}", "Next": "Done"}]"#,
        ),
        r#"0 start {} => invoke-with-token 1 F @20
           20 tick => succeeded """#,
    );
}

#[test]
fn a_child_ends_its_task() {
    let child = |extra: &str| one_task(CHILD, &format!(r#", "TimeoutSeconds": 100 {extra}"#));
    check(
        &child(""),
        r#"0 start {} => start 1 M 1 @100
           1 ok 1 {} => !WrongKind @100
           2 child-ok 1 {"a":1} => succeeded {"ExecutionArn":"c","Output":{"a":1},"Status":"SUCCEEDED"}"#,
    );
    check(
        &child(r#", "Retry": [{"ErrorEquals": ["StepFunctions.ThrottlingException"]}]"#),
        r#"0 start {} => start 1 M 1 @100
           1 fail 1 StepFunctions.ThrottlingException => - @2
           2 tick => start 2 M 1 @102
           3 child-fail 2 Boom why => failed States.TaskFailed: {"Cause":"why","Error":"Boom","ExecutionArn":"c","Status":"FAILED"}"#,
    );
    check(&child(""), "0 start {} => start 1 M 1 @100\n100 tick => stop-child 1; failed States.Timeout:");
    check(
        &child(""),
        "0 start {} => start 1 M 1 @100\n9 abort => stop-child 1; aborted Stop\n9 abort => !AlreadyEnded",
    );
    check(&lambda(""), "0 start {} => invoke 1 F 1 @100\n1 child-ok 1 {} => !WrongKind @100");
}

#[test]
fn the_machine_itself_times_out_past_every_catcher() {
    let machine =
        one_task(CHILD, r#", "TimeoutSeconds": 100, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]"#);
    let machine = machine.replacen("\"StartAt\"", "\"TimeoutSeconds\": 50, \"StartAt\"", 1);
    let done =
        check(&machine, "7 start {} => start 1 M 1 @57\n57 child-ok 1 {} => stop-child 1; timed-out; !AlreadyEnded");
    assert_eq!(*done.status(), Status::TimedOut);
}

#[test]
fn every_event_has_an_answer_before_the_start_and_a_second_start_is_refused() {
    check(&lambda(""), "0 tick => -");
    for event in ["ok 1 {}", "fail 1 E", "child-ok 1 {}", "child-fail 1 E", "token 1 {}", "beat 1", "abort"] {
        check(&lambda(""), &format!("0 {event} => !NotStarted"));
    }
    check(&lambda(""), "0 start {} => invoke 1 F 1 @100\n1 start {} => !AlreadyStarted @100");
    let large = format!("0 start \"{}\" => !InvalidInput", "x".repeat(PAYLOAD_BYTES));
    check(&lambda(""), &large);
}

#[test]
fn what_is_too_large_or_cannot_be_evaluated_fails_the_task_by_name() {
    let large = "x".repeat(PAYLOAD_BYTES);
    check(
        &lambda(r#", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]"#),
        &format!(
            "0 start {{}} => invoke 1 F 1 @100\n1 ok 1 \"{large}\" => failed States.DataLimitExceeded: more than 262144 bytes"
        ),
    );
    let missing = lambda(
        r#", "Assign": {"v": "{% $states.result.Payload.nothing %}"},
             "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Done", "Output": "{% $states.errorOutput.Cause %}"}]"#,
    );
    check(
        &missing,
        r#"0 start {} => invoke 1 F 1 @100
           1 ok 1 {} => succeeded "the expression `$states.result.Payload.nothing` returned nothing, or something that JSON cannot hold""#,
    );
    check(
        &lambda("").replace("\"Payload\": 1", r#""Payload": "{% $states.input.a / 0 %}""#),
        concat!(
            r#"0 start {"a":1} => failed States.QueryEvaluationError: the expression `$states.input.a / 0` returned nothing, "#,
            "or something that JSON cannot hold"
        ),
    );
}

#[test]
fn choices_take_the_first_rule_that_holds() {
    let machine = r#"{"QueryLanguage": "JSONata", "StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n = 1 %}", "Next": "One"},
                                            {"Condition": "{% $states.input.n < 9 %}", "Next": "Few"}]},
        "One": {"Type": "Succeed", "Output": {"name": "{% $states.context.Execution.Name %}"}},
        "Few": {"Type": "Fail", "Error": "TooFew", "Cause": "{% 'only ' & $states.input.n %}"}}}"#;
    check(machine, r#"0 start {"n":1} => succeeded {"name":"n"}"#);
    check(machine, r#"0 start {"n":2} => failed TooFew: only 2"#);
    check(machine, r#"0 start {"n":9} => failed States.NoChoiceMatched: no rule holds, and there is no Default"#);
    let done = check(
        &machine.replace("$states.input.n < 9", "$states.input.n"),
        r#"0 start {"n":9} => failed States.QueryEvaluationError: the value must be true or false, and is 9"#,
    );
    assert_eq!(done.states_visited(), ["C"]);
}

#[test]
fn variables_change_together_and_only_afterwards() {
    let machine = r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "F", "Payload": 0},
              "TimeoutSeconds": 9, "Assign": {"a": 1, "b": 2}, "Next": "B"},
        "B": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "F", "Payload": 0},
              "TimeoutSeconds": 9, "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Output": "{% $a %}", "Next": "C"},
        "C": {"Type": "Succeed", "Output": "{% [$states.input, $a, $b] %}"}}}"#;
    check(machine, "0 start 0 => invoke 1 F 0 @9\n0 ok 1 0 => invoke 2 F 0 @9\n0 ok 2 0 => succeeded [1,2,1]");
}

#[test]
fn a_machine_that_runs_in_circles_ends_at_the_history_bound() {
    let machine = r#"{"QueryLanguage": "JSONata", "StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% 1 = 2 %}", "Next": "D"}], "Default": "C"},
        "D": {"Type": "Succeed"}}}"#;
    let done = check(
        machine,
        "0 start {} => failed States.Runtime: The execution reached the maximum number of history events (25000).",
    );
    assert!(done.history().len() <= HISTORY_RECORDS + 1);
}
