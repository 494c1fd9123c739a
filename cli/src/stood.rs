//! How a run stands, in a word, wherever it runs.

use spotmill_core::records::RunOutcome;

/// The state of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// `running`, `succeeded`, `warned`, `failed`, `stopped`, or `interrupted` when whoever ran it is gone.
    pub state: &'static str,
    /// Why it failed, where its records do not say.
    pub cause: Option<String>,
}

pub fn outcome_name(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::Warned => "warned",
        RunOutcome::Failed => "failed",
    }
}
