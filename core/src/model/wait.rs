//! What must lie at a step's input before anything of a run is launched, and for how long a run waits for it. It shapes
//! when a run begins and never what it makes, so it is no part of a signature.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Conditions that must all hold; at least one is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitFor {
    /// A template: something must lie there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FileCount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<LeastBytes>,
    /// No file is newer than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_secs: Option<u64>,
    /// From the first check on.
    pub up_to_secs: u64,
    pub on_late: OnLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileCount {
    Min(u64),
    Exactly(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeastBytes {
    Absolute(u64),
    /// A share of what the middle one of the last runs read.
    OfMedian {
        share: f64,
        runs: u32,
    },
}

/// What becomes of a run whose input is not there in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLate {
    /// It ends as late, and nothing is begun.
    #[default]
    Fail,
    /// It goes on with what is there.
    Run,
    /// It ends well, and nothing is run or published for its key.
    Skip,
}

impl OnLate {
    pub fn name(self) -> &'static str {
        match self {
            OnLate::Fail => "fail",
            OnLate::Run => "run",
            OnLate::Skip => "skip",
        }
    }
}
