//! What can be made to go wrong: lost replies, throttling, refusals, no capacity, quotas; by the handle and by HTTP.

use crate::harness::{Harness, IDLE, code, message};
use aws_sdk_ec2::primitives::DateTime;
use spotmill_local_ec2::{Capacity, Fault, Snapshot};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_made_the_fleet_all_the_same() {
    let at = Harness::start().await;
    let ask = at.fleet("lost", IDLE, 2).await.client_token("t1");
    at.local.fault(Fault::drop_reply("CreateFleet", 3));
    let lost = ask.clone().send().await.expect_err("no reply to any of the three tries");
    assert!(lost.as_service_error().is_none(), "the outcome is unknown, not an answer: {lost:?}");
    let seen = at.local.snapshot();
    assert_eq!(seen.fleets.len(), 1);
    assert_eq!(ask.clone().send().await.unwrap().fleet_id(), Some(seen.fleets[0].id.as_str()));

    at.local.fault(Fault::drop_reply("CreateFleet", 1));
    let retried = ask.client_token("t2").send().await.expect("the SDK asks again by itself");
    assert_ne!(retried.fleet_id(), Some(seen.fleets[0].id.as_str()));
    assert_eq!(at.local.snapshot().fleets.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_calls_are_retried_until_the_client_gives_up() {
    let at = Harness::start().await;
    at.local.fault(Fault::throttle(2));
    at.ec2.describe_fleets().send().await.expect("the third try is answered");
    at.local.fault(Fault::throttle(3));
    assert_eq!(code(at.ec2.describe_fleets().send().await), "RequestLimitExceeded");
    at.ec2.describe_fleets().send().await.expect("all three are used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_once_and_always() {
    let at = Harness::start().await;
    let ask = at.fleet("refused", IDLE, 2).await;
    at.local.fault(Fault::refuse("CreateFleet", Some(1), "UnauthorizedOperation", "You may not."));
    assert_eq!(message(ask.clone().send().await), "UnauthorizedOperation: You may not.");
    ask.clone().client_token("t1").send().await.expect("once only");
    at.local.fault(Fault::refuse("CreateFleet", None, "InvalidParameterValue", "Never."));
    for _ in 0..3 {
        assert_eq!(message(ask.clone().send().await), "InvalidParameterValue: Never.");
    }
    at.ec2.describe_fleets().send().await.expect("other actions are not hit");
    at.local.clear_faults();
    ask.client_token("t2").send().await.expect("the fault is gone");
}

async fn history(at: &Harness, fleet: &str) -> Vec<(String, String)> {
    let since = DateTime::from(SystemTime::now() - Duration::from_secs(600));
    let ask = at.ec2.describe_fleet_history().fleet_id(fleet).start_time(since);
    let reply = ask.event_type("service-error".into()).send().await.unwrap();
    let of = |r: &aws_sdk_ec2::types::HistoryRecordEntry| {
        let information = r.event_information().unwrap();
        let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
        (text(information.event_sub_type()), text(information.event_description()))
    };
    reply.history_records().iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_capacity_a_fleet_gets_nothing_and_its_history_gives_the_reason() {
    let at = Harness::start().await;
    at.local.set_capacity(Capacity::None);
    let fleet = at.fleet("nothing", IDLE, 4).await.send().await.unwrap().fleet_id().unwrap().to_owned();
    at.wait_for("the error is recorded", |seen| seen.fleets[0].history.iter().any(|e| e.kind == "service-error"));
    let events = history(&at, &fleet).await;
    assert_eq!(events[0].0, "allLaunchSpecsTemporarilyBlacklisted");
    assert!(events[0].1.starts_with("InsufficientInstanceCapacity"), "{events:?}");
    let described = at.ec2.describe_fleets().fleet_ids(&fleet).send().await.unwrap();
    assert_eq!(described.fleets()[0].activity_status().map(|s| s.as_str()), Some("error"));
    assert_eq!(described.fleets()[0].fulfilled_capacity(), Some(0.0));
    at.local.set_capacity(Capacity::Plenty);
    at.wait_for("capacity came back", |seen| seen.running().len() == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_small_machines_are_left_a_fleet_has_more_of_them() {
    let at = Harness::start().await;
    at.local.set_capacity(Capacity::UpTo(2));
    at.fleet("small", IDLE, 8).await.send().await.unwrap();
    let seen = at.wait_for("four of two vCPUs", |seen| seen.running().len() == 4);
    assert!(seen.instances.iter().all(|i| i.vcpus == 2), "{seen:#?}");
    let (status, _) = local(&at, "POST", "/_local/capacity", r#"{"capacity": {"up_to": 1}}"#);
    assert_eq!(status, 200);
    at.fleet("none", IDLE, 2).await.send().await.unwrap();
    at.wait_for("none is that small", |seen| seen.fleets[1].history.iter().any(|e| e.kind == "service-error"));
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_quota_a_fleet_stays_incomplete() {
    let at = Harness::start().await;
    at.local.set_quota(Some(5));
    let fleet = at.fleet("quota", IDLE, 8).await.send().await.unwrap().fleet_id().unwrap().to_owned();
    at.wait_for("two of four", |seen| seen.running().len() == 2);
    assert_eq!(history(&at, &fleet).await[0].0, "spotInstanceCountLimitExceeded");
    assert_eq!(at.local.snapshot().instances.len(), 2);
}

/// The control paths, with nothing but a socket.
fn local(at: &Harness, method: &str, path: &str, body: &str) -> (u16, String) {
    let address = at.local.endpoint().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_done_by_http_too() {
    let at = Harness::start().await;
    let (_, seen) = at.running(IDLE, 4).await;
    let (status, state) = local(&at, "GET", "/_local/state", "");
    let state: Snapshot = serde_json::from_str(&state).unwrap();
    assert_eq!((status, state.running().len()), (200, 2));
    let (first, second) = (&seen.instances[0].id, &seen.instances[1].id);
    assert_eq!(local(&at, "POST", "/_local/kill", &format!(r#"{{"instance":"{first}"}}"#)).0, 200);
    assert_eq!(local(&at, "POST", "/_local/rebalance", &format!(r#"{{"instance":"{second}"}}"#)).0, 200);
    let notice = format!(r#"{{"instance":"{second}","seconds":0.1}}"#);
    assert_eq!(local(&at, "POST", "/_local/notice", &notice).0, 200);
    at.wait_for("both replaced", |seen| seen.instances.len() == 4 && seen.running().len() == 2);
    let (status, reply) = local(&at, "POST", "/_local/kill", r#"{"instance":"i-none"}"#);
    assert_eq!(status, 400);
    assert!(reply.contains("The instance ID 'i-none' does not exist"), "{reply}");

    let fault = r#"{"action":"DescribeFleets","times":1,"effect":"refuse","code":"AuthFailure","message":"Who?"}"#;
    assert_eq!(local(&at, "POST", "/_local/faults", fault).0, 200);
    assert_eq!(code(at.ec2.describe_fleets().send().await), "AuthFailure");
    assert_eq!(local(&at, "POST", "/_local/faults", r#"{"effect":"throttle"}"#).0, 200);
    assert_eq!(local(&at, "DELETE", "/_local/faults", "").0, 200);
    at.ec2.describe_fleets().send().await.expect("no fault is left");
    assert_eq!(local(&at, "POST", "/_local/quota", r#"{"vcpus":0}"#).0, 200);
    assert_eq!(local(&at, "POST", "/_local/capacity", r#"{"capacity":"none"}"#).0, 200);
    assert_eq!(local(&at, "POST", "/_local/capacity", r#"{"capacity":"some"}"#).0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn launches_fail_with_the_message_that_a_test_gives() {
    let at = Harness::start().await;
    let error = r#"{"sub_kind":"iamFleetRoleInvalid","message":"no permission"}"#;
    assert_eq!(local(&at, "POST", "/_local/launch_error", error).0, 200);
    let fleet = at.fleet("refused", IDLE, 2).await.send().await.unwrap().fleet_id().unwrap().to_owned();
    at.wait_for("the error is recorded", |seen| seen.fleets[0].history.iter().any(|e| e.kind == "service-error"));
    assert_eq!(history(&at, &fleet).await[0], ("iamFleetRoleInvalid".into(), "no permission".into()));
    assert_eq!(local(&at, "DELETE", "/_local/launch_error", "").0, 200);
    at.wait_for("it launches", |seen| seen.running().len() == 1);
}
