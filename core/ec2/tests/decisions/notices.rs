use serde_json::{Value, json};
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::notice::{MAX_NOTICES, add};
use spotmill_core::fleet::remarks::remarks;
use spotmill_core::fleet::{Notice, Subject};
use spotmill_ec2::notice::notice;

/// As EC2's user guide shows them.
fn error(sub_type: &str, description: &str) -> Value {
    json!({
        "version": "0", "id": "9bb27bf1-cd85-4e07-b19e-0b4c0c6e0c5f", "detail-type": "EC2 Fleet Error",
        "source": "aws.ec2fleet", "account": "123456789012", "time": "2024-03-10T09:00:05Z", "region": "us-east-1",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:fleet/fleet-9bb27bf1-cd85-4e07-b19e-0b4c0c6e0c5f"],
        "detail": {"description": description, "sub-type": sub_type}
    })
}

fn warning(machine: &str) -> Value {
    json!({
        "version": "0", "id": "1e5527d7-bb36-4607-3370-4164db56a40e", "source": "aws.ec2",
        "detail-type": "EC2 Spot Instance Interruption Warning", "account": "123456789012",
        "time": "2024-03-10T09:00:06Z", "region": "us-east-1",
        "resources": [format!("arn:aws:ec2:us-east-1b:instance/{machine}")],
        "detail": {"instance-id": machine, "instance-action": "terminate"}
    })
}

fn failed(at_ms: u64, sub_kind: &str, text: &str) -> Notice {
    Notice::Error { at_ms, sub_kind: sub_kind.into(), text: text.into() }
}

const AT_MS: u64 = 1_710_061_205_000;

#[test]
fn events_are_read_to_notices_and_others_to_none() {
    let check = |event: Value, expected: Option<(Subject, Notice)>| assert_eq!(notice(&event), expected, "{event}");
    let fleet = Subject::Fleet("fleet-9bb27bf1-cd85-4e07-b19e-0b4c0c6e0c5f".into());
    let refused = failed(AT_MS, "iamFleetRoleInvalid", "no permission");
    check(error("iamFleetRoleInvalid", "no permission"), Some((fleet, refused)));
    let interruption = Notice::Interruption { at_ms: AT_MS + 1000, machine: "i-1".into() };
    check(warning("i-1"), Some((Subject::Machine("i-1".into()), interruption)));
    let without = |event: Value, key: &str| {
        let mut event = event;
        event.as_object_mut().expect("an object").remove(key);
        event
    };
    for key in ["time", "source", "detail-type", "detail", "resources"] {
        check(without(error("x", "y"), key), None);
    }
    check(json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}), None);
    check(json!(null), None);
}

#[test]
fn a_record_keeps_the_latest_notices_each_once() {
    let mut notices = Vec::new();
    let taken = |n: u64| Notice::Interruption { at_ms: n, machine: format!("i-{n}") };
    add(&mut notices, taken(2));
    add(&mut notices, taken(1));
    add(&mut notices, taken(2));
    assert_eq!(notices, [taken(1), taken(2)], "in the order of time, whatever order they come in");
    add(&mut notices, failed(1, "a", "b"));
    add(&mut notices, failed(5, "a", "b"));
    add(&mut notices, failed(4, "a", "b"));
    assert_eq!(notices, [taken(1), taken(2), failed(5, "a", "b")]);
    (10..200).for_each(|n| add(&mut notices, taken(n)));
    assert_eq!((notices.len(), &notices[0]), (MAX_NOTICES, &taken(160)));
}

#[test]
fn a_report_names_them() {
    let mut life = RoundMachines::default();
    life.note("noted".into());
    assert_eq!(remarks(&life), ["noted"]);
    life.report(Notice::Interruption { at_ms: 1, machine: "i-1".into() });
    life.report(failed(2, "spotInstanceCountLimitExceeded", "MaxSpotInstanceCountExceeded"));
    assert_eq!(
        remarks(&life),
        [
            "noted",
            "EC2 took back 1 machine (spot interruptions); what they held went back to the queue",
            "EC2 reported of the fleet: spotInstanceCountLimitExceeded: MaxSpotInstanceCountExceeded",
        ]
    );
}

/// A program that knows no notices has written it: it has none.
#[test]
fn a_record_without_notices_is_read_as_before() {
    let before = serde_json::to_value(RoundMachines::default()).expect("JSON");
    assert!(before.get("notices").is_none(), "an older program's record is the same bytes");
    let read: RoundMachines = serde_json::from_value(before).expect("a record");
    assert_eq!(read, RoundMachines::default());
    let mut noticed = read;
    noticed.report(Notice::Interruption { at_ms: 1, machine: "i-1".into() });
    let json = serde_json::to_value(&noticed).expect("JSON");
    assert_eq!(json["notices"], json!([{"kind": "interruption", "at_ms": 1, "machine": "i-1"}]));
}
