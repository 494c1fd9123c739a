use spotmill_core::bounds::NOT_FOUND_SECS;
use spotmill_core::calls::{Caught, RunInput};
use spotmill_core::claim::ExecutionState::{self, *};
use spotmill_core::reap::{EndedExecution, Fate, ended, fate};

#[track_caller]
fn check(state: ExecutionState, asked_secs: Option<u64>, ends: bool) {
    let fate = fate(&"arn:e".into(), state, asked_secs);
    assert_eq!(matches!(fate, Fate::End { .. }), ends, "{fate:?}");
}

#[test]
fn only_the_end_of_its_own_execution_ends_a_fleet() {
    for asked in [None, Some(0), Some(1_000_000)] {
        check(Running, asked, false);
        check(Ended, asked, true);
    }
}

#[test]
fn an_execution_that_cannot_be_found_has_ended_after_a_while() {
    check(NotFound, Some(0), false);
    check(NotFound, Some(NOT_FOUND_SECS - 1), false);
    check(NotFound, Some(NOT_FOUND_SECS), true);
    check(NotFound, None, true);
}

fn event(status: &str, input: &str) -> serde_json::Value {
    serde_json::json!({
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": "arn:e", "status": status, "input": input},
    })
}

#[test]
fn an_event_names_the_execution_that_ended_and_its_step() {
    let step = r#"{"run": "p/1", "step": "a", "root": "r"}"#;
    let caught = |error: &str, cause: &str| Some(Caught { error: error.into(), cause: cause.into() });
    let of_step = EndedExecution {
        execution: "arn:e".into(),
        of: Some(("p/1".into(), "a".into())),
        start: None,
        failure: caught("Spotmill.Stopped", "somebody stopped the execution"),
    };
    assert_eq!(ended(&event("ABORTED", step)), Some(of_step));
    let start = RunInput { pipeline: "p".into(), date: Some("2013-01-01".into()), ..RunInput::default() };
    let failure = caught("States.Timeout", "the execution passed its time-out");
    let of_pipeline = EndedExecution { execution: "arn:e".into(), of: None, start: Some(start), failure };
    assert_eq!(ended(&event("TIMED_OUT", r#"{"pipeline": "p", "date": "2013-01-01"}"#)), Some(of_pipeline.clone()));
    let mut failed = event("FAILED", "{}");
    let inside = serde_json::json!({"Error": "Spotmill.NoCapacity", "Cause": "none"}).to_string();
    (failed["detail"]["error"], failed["detail"]["cause"]) = ("States.TaskFailed".into(), inside.into());
    assert_eq!(ended(&failed).unwrap().failure, caught("Spotmill.NoCapacity", "none"));
    assert_eq!(ended(&event("SUCCEEDED", "{}")).unwrap().failure, None);
    // The input of a large execution is left out of its event.
    let nameless = EndedExecution { start: None, failure: caught("", ""), ..of_pipeline };
    assert_eq!(ended(&event("FAILED", "")), Some(nameless));
}

#[test]
fn what_is_no_end_is_ignored() {
    assert_eq!(ended(&event("RUNNING", "{}")), None);
    assert_eq!(ended(&event("PENDING_REDRIVE", "{}")), None);
    for tick in
        ["null", "[]", r#"{"detail-type": "Scheduled Event", "detail": {}}"#, r#"{"detail": {"status": "FAILED"}}"#]
    {
        assert_eq!(ended(&serde_json::from_str(tick).unwrap()), None, "{tick}");
    }
}
