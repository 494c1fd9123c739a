//! What stands in the way of one part of `smoke` is that part's result, and the next is tried all the same; a redrive is followed
//! to its own end, however late it shows.

use super::front::{Front, ask};
use super::smoke::{HERE, deployed, leaves_no_trace, says};
use super::*;
use spotmill_tests::Ran;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// As many looks as are tried again, and the one after them.
const LOOKS: u32 = 21;

/// `smoke` of these parts, with answers of our own before the emulator's.
fn answered(
    aws: &LocalAws,
    project: &Project,
    parts: &str,
    answer: impl Fn(&str, &[u8]) -> Option<(u16, String)> + Send + Sync + 'static,
) -> Ran {
    let front = Front::before(aws.emulator.port(), answer);
    project.spotmill_with(&["smoke", "--yes", "--only", parts], &front.env(aws.env()))
}

/// Whether a request is this call of Step Functions.
fn is(head: &str, call: &str) -> bool {
    head.contains(&format!("AWSStepFunctions.{call}"))
}

#[test]
fn a_part_that_cannot_be_watched_ends_with_its_run_and_the_next_is_tried() {
    let aws = aws();
    let project = deployed(&aws, "smoked_blind");
    let asked = AtomicU32::new(0);
    let ran = answered(&aws, &project, &format!("{HERE},redrive"), move |head, _| {
        let refused = is(head, "DescribeExecution") && asked.fetch_add(1, Ordering::Relaxed) < LOOKS;
        refused.then(|| (400, r#"{"__type":"ValidationException","message":"not now"}"#.to_owned()))
    });
    ran.code(5);
    says(&ran, HERE, "could not be tried", "could not be watched, and was ended");
    says(&ran, "redrive", "could not be tried", "first FAILED: Spotmill.ItemsFailed");
    ran.says("nothing is left");
    leaves_no_trace(&aws);
}

#[test]
fn a_redrive_is_followed_although_it_shows_late() {
    let aws = aws();
    let project = deployed(&aws, "smoked_redriven");
    let port = aws.emulator.port();
    // The emulator has no redrive: a second execution of the same input stands for it, and shows after some looks.
    let (second, looks) = (Arc::new(Mutex::new(None::<(String, String)>)), AtomicU32::new(0));
    let ran = answered(&aws, &project, "redrive", move |head, body| {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let first = asked["executionArn"].as_str()?.to_owned();
        let mut second = second.lock().expect("nobody panicked");
        if is(head, "RedriveExecution") {
            let was = states(port, head, "DescribeExecution", &json!({"executionArn": first}));
            let again = json!({"stateMachineArn": was["stateMachineArn"], "input": was["input"]});
            let started = states(port, head, "StartExecution", &again);
            *second = Some((first, started["executionArn"].as_str()?.to_owned()));
            return Some((200, r#"{"redriveDate": 1.0}"#.to_owned()));
        }
        let (_, again) = second.as_ref().filter(|(of, _)| is(head, "DescribeExecution") && *of == first)?;
        if looks.fetch_add(1, Ordering::Relaxed) < 3 {
            return None;
        }
        let mut now = states(port, head, "DescribeExecution", &json!({"executionArn": again}));
        (now["executionArn"], now["redriveCount"]) = (json!(first), json!(1));
        Some((200, now.to_string()))
    });
    ran.code(0);
    says(&ran, "redrive", "ok", "then SUCCEEDED");
    says(&ran, "redrive", "ok", "receipts kept, 1 new");
    leaves_no_trace(&aws);
}

/// A call of Step Functions at the emulator, by whom `head` is.
fn states(port: u16, head: &str, call: &str, body: &Value) -> Value {
    let sent = body.to_string();
    let signed =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:")).unwrap_or("X-Is: test");
    let (length, kind) = (sent.len(), "application/x-amz-json-1.0");
    let head = format!(
        "POST / HTTP/1.1\r\nHost: states\r\nX-Amz-Target: AWSStepFunctions.{call}\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n{signed}\r\n\r\n"
    );
    let (status, answer) = ask(port, &head, sent.as_bytes());
    assert_eq!(status, 200, "{call}: {answer}");
    serde_json::from_str(&answer).expect("JSON")
}
