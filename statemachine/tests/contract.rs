//! The payloads that the definitions send are the requests that the functions read, and the replies that the functions
//! give are what the definitions read; the bounds on both sides agree.

mod door;

use door::{ID, machine};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use spotmill_core::{bounds, calls};
use spotmill_statemachine::*;

const NOW: Moment = Moment { now_ms: 0, chance: 0.0 };

/// Starts a machine and plays one reply after another; `read` sees each payload with the function's name.
fn play(definition: &str, input: Value, replies: &[Value], mut read: impl FnMut(&str, Value)) -> Execution {
    let machine = machine(definition);
    let start = Event::Start { id: ID.into(), name: "n".into(), input };
    let mut stepped = step(&machine, Execution::default(), start, NOW);
    for reply in replies {
        let event = match stepped.commands.pop().expect("a command to reply to") {
            Command::Invoke { task, function, payload } => {
                read(&function, payload);
                Event::TaskSucceeded { task, payload: reply.clone() }
            }
            Command::InvokeWithToken { function, payload, token, .. } => {
                read(&function, payload);
                Event::TokenSuccess { token, output: reply.clone() }
            }
            Command::StartExecution { task, input, .. } => {
                read("Step", input);
                Event::ChildSucceeded { task, execution: "c".into(), output: reply.clone() }
            }
            other => panic!("{other:?}"),
        };
        stepped = step(&machine, stepped.execution, event, NOW);
    }
    stepped.execution
}

/// The payload, read as the request and rewritten, is the same.
fn reads<T: DeserializeOwned + Serialize>(payload: Value) {
    let request: T = serde_json::from_value(payload.clone()).unwrap_or_else(|problem| panic!("{problem}: {payload}"));
    assert_eq!(serde_json::to_value(&request).unwrap(), payload);
}

fn read(function: &str, payload: Value) {
    match function {
        "Begin" => reads::<calls::BeginRequest>(payload),
        "Report" => reads::<calls::ReportRequest>(payload),
        "AwaitInput" => reads::<calls::AwaitInputRequest>(payload),
        "PlanWork" => reads::<calls::PlanWorkRequest>(payload),
        "LaunchFleet" | "KillFleet" => reads::<calls::RoundRequest>(payload),
        "DispatchWork" => reads::<calls::DispatchRequest>(payload),
        "Verdict" => reads::<calls::VerdictRequest>(payload),
        "Publish" => reads::<calls::PublishRequest>(payload),
        "AfterPublish" => reads::<calls::AfterPublishRequest>(payload),
        "Step" => assert_eq!(payload["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"], payload["root"]),
        other => panic!("no contract for {other}"),
    }
}

/// A reply as its function writes it: what core cannot read is no reply.
fn reply<T: DeserializeOwned + Serialize>(json: Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(json).unwrap()).unwrap()
}

#[test]
fn a_pipeline_speaks_the_functions_language() {
    let begun = reply::<calls::BeginReply>(json!({"run": "flights/2024-01-05", "steps": ["normalize"], "count": 1}));
    let input = json!({"pipeline": "flights", "date": "2024-01-05", "only_steps": ["normalize"], "fresh": true});
    let done = play(PIPELINE_ASL, input, &[begun, json!({}), json!({"report": "key"})], read);
    assert_eq!(*done.status(), Status::Succeeded { output: json!({"report": "key"}) });
}

#[test]
fn a_pipeline_that_waits_for_its_input_does_too() {
    let begun = json!({"run": "flights/2024-01-05", "steps": ["normalize"], "count": 1, "awaits": true});
    let checked = reply::<calls::AwaitInputReply>(json!({"next": "go", "pause_secs": 0, "text": ""}));
    let replies = [reply::<calls::BeginReply>(begun), checked, json!({}), json!({"report": "key"})];
    let done = play(PIPELINE_ASL, json!({"pipeline": "flights"}), &replies, read);
    assert_eq!(*done.status(), Status::Succeeded { output: json!({"report": "key"}) });
    for (next, pauses) in [("wait", true), ("skip", false), ("go", false)] {
        let checked = reply::<calls::AwaitInputReply>(json!({"next": next, "pause_secs": 9, "text": ""}));
        let execution = play(PIPELINE_ASL, json!({"pipeline": "flights"}), &[replies[0].clone(), checked], read);
        assert_eq!(execution.current_state() == "Pause", pauses, "{next}");
        assert_eq!(next_deadline(&execution) == Some(9_000), pauses, "{next}");
    }
}

#[test]
fn a_step_speaks_the_functions_language() {
    let verdict = |next: &str, round: u32| {
        reply::<calls::VerdictReply>(json!({"next": next, "round": round, "rung": 1, "error": "", "cause": ""}))
    };
    let replies = [
        reply::<calls::PlanWorkReply>(json!({"epoch": 7, "generation": 3, "todo": 5, "round": 0, "rung": 0})),
        json!(null),
        json!({}),
        json!(null),
        verdict("round", 1),
        json!(null),
        json!({}),
        json!(null),
        verdict("publish", 1),
        reply::<calls::PublishReply>(json!({"more": true, "cursor": 5000, "after": false})),
        reply::<calls::PublishReply>(json!({"more": false, "cursor": 0, "after": true})),
        reply::<calls::AfterPublishReply>(json!({"notes": []})),
    ];
    let input = json!({"run": "flights/2024-01-05", "step": "normalize", "root": "x"});
    let done = play(STEP_ASL, input, &replies, read);
    assert!(matches!(done.status(), Status::Succeeded { .. }), "{:?}", done.status());
}

#[test]
fn a_failure_is_reported_to_the_verdict() {
    let machine = machine(STEP_ASL);
    let planned = json!({"epoch": 7, "generation": 3, "todo": 5, "round": 0, "rung": 0});
    let failed = |task| Event::TaskFailed { task: TaskId(task), error: "Boom".into(), cause: "why".into() };
    let ok = |task, payload| Event::TaskSucceeded { task: TaskId(task), payload };
    let input = json!({"run": "flights/2024-01-05", "step": "normalize", "root": "x"});
    let start = Event::Start { id: ID.into(), name: "n".into(), input };
    let mut execution = Execution::default();
    let mut last = None;
    for event in [start, ok(1, planned), failed(2), ok(3, json!(null))] {
        let stepped = step(&machine, execution, event, NOW);
        execution = stepped.execution;
        last = stepped.commands.last().cloned();
    }
    let Some(Command::Invoke { payload, .. }) = last else { panic!("{last:?}") };
    let request: calls::VerdictRequest = serde_json::from_value(payload).unwrap();
    assert_eq!(request.failure, Some(calls::Caught { error: "Boom".into(), cause: "why".into() }));
}

#[test]
fn the_bounds_of_both_sides_agree() {
    let step = machine(STEP_ASL);
    assert_eq!(step.task("DispatchWork").unwrap().heartbeat_secs, Some(bounds::HEARTBEAT_SECS));
}
