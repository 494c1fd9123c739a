//! Names of things as newtypes, so that a step cannot be passed where a run is meant. Parsing refuses what could
//! not be a key segment; formatting is the only other operation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id!(
    /// `{pipeline}/{key values}`, for example `flights/2013-01-01` or `suppliers/scale=1`.
    RunId
);
text_id!(
    /// A step's name within its pipeline.
    StepName
);
text_id!(
    /// One try at an item by one worker; unique, chosen by the worker.
    AttemptId
);
text_id!(
    /// The id of an execution of a state machine (an ARN on AWS, `local:…` on one machine).
    ExecutionId
);
text_id!(
    /// Where an object is: `s3://bucket/key`, or an absolute path on this machine.
    Uri
);

impl RunId {
    /// The name of its pipeline.
    pub fn pipeline(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(pipeline, _)| pipeline)
    }
    /// What distinguishes it from other runs of its pipeline; empty where nothing does.
    pub fn key(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, key)| key)
    }
}

impl Uri {
    /// The location `tail` below this one.
    pub fn join(&self, tail: &str) -> Uri {
        Uri(format!("{}/{}", self.0.trim_end_matches('/'), tail.trim_start_matches('/')))
    }
    pub fn is_s3(&self) -> bool {
        self.0.starts_with("s3://")
    }
}

/// A number per step of a run; a new one begins when what shapes its data changes.
pub type Generation = u32;
/// A number minted whenever a `step` execution claims its run; the higher fences the lower.
pub type Epoch = u64;
/// One fleet, dispatch, kill cycle of a step.
pub type Round = u32;
/// A memory rung: the step's memory times two to this power.
pub type Rung = u32;
/// Dense index of a work item in its plan.
pub type ItemIndex = u32;
