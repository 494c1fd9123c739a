//! Events of EC2 on EventBridge that are about a fleet or its machines, read to the notices of a round. EC2 sends them
//! for every fleet and machine of the account, best effort; whose they are, its tags say.

use serde_json::Value;
use spotmill_core::fleet::{Notice, Subject};
use spotmill_core::format::clip;

/// Characters of an error that are kept.
const TEXT_CHARS: usize = 500;

/// Nothing of any other event.
pub fn notice(event: &Value) -> Option<(Subject, Notice)> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let at: jiff::Timestamp = event["time"].as_str()?.parse().ok()?;
    let at_ms = u64::try_from(at.as_millisecond()).ok()?;
    let detail = &event["detail"];
    match (event["source"].as_str()?, event["detail-type"].as_str()?) {
        ("aws.ec2fleet", "EC2 Fleet Error") => {
            let resources = event["resources"].as_array()?.iter().filter_map(Value::as_str);
            let fleet = resources.filter_map(|arn| arn.rsplit('/').next()).find(|id| id.starts_with("fleet-"))?;
            let sub_kind = clip(&text(&detail["sub-type"])?, TEXT_CHARS);
            let text = clip(&text(&detail["description"]).unwrap_or_default(), TEXT_CHARS);
            Some((Subject::Fleet(fleet.to_owned()), Notice::Error { at_ms, sub_kind, text }))
        }
        ("aws.ec2", "EC2 Spot Instance Interruption Warning") => {
            let machine = text(&detail["instance-id"])?;
            Some((Subject::Machine(machine.clone()), Notice::Interruption { at_ms, machine }))
        }
        _ => None,
    }
}
