use crate::runtime::{Answer, run};
use serde_json::{Value, json};
use spotmill_core::calls::errors;
use spotmill_lambdas::FUNCTIONS;

const BEGIN: &str = "begin";
const TALLY: &str = "tally";
const DEAD_LETTERS: &str = "dead-letters";

/// The error's type and message. Step Functions takes both from the body; the header only says that it is an error.
#[track_caller]
fn error(answer: &Answer) -> (&str, &str) {
    let Answer::Error(body, header) = answer else { panic!("{answer:?}") };
    assert_eq!(header, "unhandled");
    (body["errorType"].as_str().unwrap(), body["errorMessage"].as_str().unwrap())
}

#[tokio::test]
async fn an_errors_type_on_the_wire_is_its_constant_name() {
    let start = json!({"input": {"pipeline": "p", "date": "2013-01-01"}, "root": "arn:r"});
    let misspelt = json!({"input": {"pipeline": "p", "dat": "2013-01-01"}, "root": "arn:r"});
    let (answers, log) = run(BEGIN, &[], &[misspelt, start, json!({"input": {"pipeline": "a/b"}, "root": "r"})]).await;
    let (error_type, message) = error(&answers[0]);
    assert_eq!(error_type, errors::INVALID_INPUT);
    assert!(message.contains("unknown field `dat`, expected one of `pipeline`, `date`"), "{message}");
    let (error_type, message) = error(&answers[1]);
    assert_eq!(error_type, errors::REFUSED);
    assert!(message.contains("no permission for s3://bucket/pipelines/p.json"), "{message}");
    assert_eq!(error(&answers[2]), (errors::INVALID_INPUT, "`a/b` is no name of a pipeline"));

    let failed: Vec<&Value> = log.iter().filter(|line| line["message"] == "failed").collect();
    assert_eq!(failed.len(), 3, "{log:?}");
    assert_eq!((&failed[1]["error"], &failed[1]["level"]), (&json!(errors::REFUSED), &json!("ERROR")));
    let span = &failed[1]["span"];
    let fields = ["function", "version", "request", "pipeline", "root"].map(|name| span[name].as_str().unwrap_or(""));
    assert_eq!(fields, ["begin", "7", "request-1", "p", "arn:r"], "{span}");
}

#[tokio::test]
async fn a_log_line_names_run_step_and_round() {
    let round = json!({"run": "p/1", "step": "a", "root": "r", "generation": 1, "epoch": 4, "round": 2, "rung": 0});
    let (answers, log) = run("kill-fleet", &[], &[round]).await;
    assert_eq!(error(&answers[0]).0, errors::REFUSED);
    let span = &log.iter().find(|line| line["message"] == "failed").unwrap()["span"];
    assert_eq!(
        (&span["run"], &span["step"], &span["epoch"], &span["round"]),
        (&json!("p/1"), &json!("a"), &json!(4), &json!(2))
    );
}

#[tokio::test]
async fn a_stack_that_is_wrong_is_reported_to_every_caller() {
    for event in [json!({"input": {"pipeline": "p"}, "root": "r"}), json!({})] {
        let (answers, _) = run(BEGIN, &[("SPOTMILL_ROOT", "")], &[event.clone(), event]).await;
        for answer in &answers {
            let lacks = "the function's environment lacks SPOTMILL_ROOT: deploy the stack again";
            assert_eq!(error(answer), (errors::MISCONFIGURED, lacks));
        }
    }
}

fn queue_event(bodies: &[&str]) -> Value {
    let records = bodies.iter().enumerate();
    let records: Vec<Value> = records.map(|(i, body)| json!({"messageId": format!("m{i}"), "body": body})).collect();
    json!({"Records": records})
}

#[tokio::test]
async fn a_batch_is_answered_with_the_messages_to_deliver_again() {
    let callback = r#"{"v":1,"run":"p/1","step":"a","generation":1,"epoch":1,"round":0,"item":0,"attempt":"x",
        "kind":"done","worker":"w"}"#;
    let (answers, _) = run(TALLY, &[], &[queue_event(&["?", callback, "{}"]), queue_event(&["?"])]).await;
    // S3 refuses: the callback is kept for later; what is no callback never gets better.
    assert_eq!(answers[0], Answer::Response(json!({"batchItemFailures": [{"itemIdentifier": "m1"}]})));
    assert_eq!(answers[1], Answer::Response(json!({"batchItemFailures": []})));

    let letter = r#"{"v":1,"run":"p/1","step":"s","generation":2,"epoch":7,"round":0,"rung":0,"item":3,
        "work_digest":"d","from":0,"to":9}"#;
    let (answers, _) = run(DEAD_LETTERS, &[], &[queue_event(&[letter, callback]), json!({"records": []})]).await;
    assert_eq!(answers[0], Answer::Response(json!({"batchItemFailures": [{"itemIdentifier": "m0"}]})));
    assert_eq!(error(&answers[1]).0, errors::INVALID_INPUT);
}

#[tokio::test]
async fn every_handler_serves_its_function() {
    for function in FUNCTIONS {
        let warning = "EC2 Spot Instance Interruption Warning";
        let (event, expected) = match function.name {
            "reap" => (json!({}), errors::REFUSED),
            "fleet_events" => (
                json!({"source": "aws.ec2", "detail-type": warning, "time": "2013-01-01T00:00:00Z",
                    "detail": {"instance-id": "i-1"}}),
                errors::REFUSED,
            ),
            _ => (json!({"no": "input"}), errors::INVALID_INPUT),
        };
        let (answers, _) = run(function.handler, &[], &[event]).await;
        assert_eq!(error(&answers[0]).0, expected, "{}", function.name);
    }
    let (answers, _) = run("fleet-events", &[], &[json!({"source": "aws.s3"})]).await;
    assert_eq!(answers[0], Answer::Response(json!({"fleet": null})), "an event of another service");
    let (answers, _) = run("plan_work", &[], &[json!({})]).await;
    let unknown = "there is no function of the handler `plan_work`: deploy the stack again";
    assert_eq!(error(&answers[0]), (errors::MISCONFIGURED, unknown));
}
