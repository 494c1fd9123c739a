//! What can be made to go wrong on purpose.

use crate::wire::Ec2Error;
use serde::{Deserialize, Serialize};

/// One fault for calls of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Absent: any action.
    #[serde(default)]
    pub action: Option<String>,
    /// Calls it hits before it is gone; absent: all from now on.
    #[serde(default)]
    pub times: Option<u32>,
    #[serde(flatten)]
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Nothing is done; the reply is this error.
    Refuse { code: String, message: String },
    /// `RequestLimitExceeded`, HTTP 503.
    Throttle,
    /// It is done, and the connection closed without a reply.
    DropReply,
    /// It is done, and answered, so much later.
    Late { ms: u64 },
}

/// Why launches fail, as a fleet's history describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchError {
    /// `spotFleetRequestConfigurationInvalid`
    pub sub_kind: String,
    pub message: String,
}

/// How a fleet's history spells kinds of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `service-error`, `fleet-change`: EC2's model.
    #[default]
    Model,
    /// `error`, `fleetRequestChange`: Spot Fleet, and the samples of EC2's guide.
    Samples,
}

impl Spelling {
    pub fn of(self, kind: &str) -> &str {
        match (self, kind) {
            (Spelling::Samples, "service-error") => "error",
            (Spelling::Samples, "fleet-change") => "fleetRequestChange",
            (Spelling::Samples, "instance-change") => "instanceChange",
            (_, kind) => kind,
        }
    }
}

/// What the region has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    Plenty,
    /// Spot launches fail with `InsufficientInstanceCapacity`; what runs stays, and on-demand is there.
    None,
    /// On spot, only machines of at most so many vCPUs are left.
    UpTo(u32),
}

impl Capacity {
    pub fn has(self, vcpus: u32) -> bool {
        match self {
            Capacity::Plenty => true,
            Capacity::None => false,
            Capacity::UpTo(most) => vcpus <= most,
        }
    }
}

impl Fault {
    pub fn throttle(times: u32) -> Fault {
        Fault { action: None, times: Some(times), effect: Effect::Throttle }
    }

    pub fn drop_reply(action: &str, times: u32) -> Fault {
        Fault { action: Some(action.to_owned()), times: Some(times), effect: Effect::DropReply }
    }

    pub fn late(action: &str, times: u32, ms: u64) -> Fault {
        Fault { action: Some(action.to_owned()), times: Some(times), effect: Effect::Late { ms } }
    }

    pub fn refuse(action: &str, times: Option<u32>, code: &str, message: &str) -> Fault {
        let effect = Effect::Refuse { code: code.to_owned(), message: message.to_owned() };
        Fault { action: Some(action.to_owned()), times, effect }
    }
}

impl Effect {
    pub fn error(&self) -> Option<Ec2Error> {
        match self {
            Effect::Refuse { code, message } => Some(Ec2Error::new(code, message)),
            Effect::Throttle => Some(Ec2Error::new("RequestLimitExceeded", "Request limit exceeded.")),
            Effect::DropReply | Effect::Late { .. } => None,
        }
    }
}
