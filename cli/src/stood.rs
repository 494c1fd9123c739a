//! How a run stands, in a word, wherever it runs.

/// The state of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// `running`, `succeeded`, `warned`, `failed`, `stopped`, or `interrupted` when whoever ran it is gone; `waiting`, `late`
    /// or `skipped` where its input was not there.
    pub state: &'static str,
    /// Why it failed, where its records do not say.
    pub cause: Option<String>,
}
