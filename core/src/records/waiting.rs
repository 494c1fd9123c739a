//! How the input of a run stood when it was last checked. The moment of the first check decides when it is late; the rest
//! informs.

use crate::ids::{ExecutionId, StepName};
use crate::model::OnLate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `waiting.json`: written by every check of a run that has steps with `wait_for` to plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputWait {
    pub v: u32,
    /// The root execution that checked.
    pub root: ExecutionId,
    /// When this wait began: it outlives the execution that began it, until a check ends it.
    pub first_ms: u64,
    pub checked_ms: u64,
    pub next: AfterCheck,
    pub steps: Vec<StepWait>,
}

/// What follows a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterCheck {
    /// The steps are run: all is there, or what is there has to do.
    Go,
    /// Another check.
    Wait,
    /// The run ends as late.
    Late,
    /// The run ends well, and nothing is run.
    Skip,
}

/// The input of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepWait {
    pub step: StepName,
    pub state: InputState,
    /// `21 of 24 files, last 04:51 UTC`.
    pub text: String,
    /// How long it may take, and so from when on it is late.
    pub up_to_secs: u64,
    pub due_ms: u64,
    pub on_late: OnLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputState {
    Ready,
    Waiting,
    Late,
}

impl InputWait {
    /// How what is not there stands, in one line: `read: 21 of 24 files, last 04:51 UTC`. Empty where all is there.
    pub fn text(&self) -> String {
        let open = self.steps.iter().filter(|step| step.state != InputState::Ready);
        open.map(|step| format!("{}: {}", step.step, step.text)).collect::<Vec<_>>().join("; ")
    }
}
