//! Why a step or an item is done again, or is not, by codes that never change their meaning: programs compare them,
//! people read the sentence beside them. Whoever decides gives the reason with the decision; nobody derives it later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Details of one reason that a record keeps.
const KEPT: usize = 5;

/// `docs/explain.md` describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    // Of a step's generation.
    FirstRun,
    Asked,
    UpstreamRedone,
    SqlChanged,
    TransformChanged,
    ParamsChanged,
    ReadingChanged,
    PackingChanged,
    LayoutChanged,
    ExpectChanged,
    WorkerChanged,
    FormatBumped,
    DefinitionChanged,
    InputChanged,
    InputRemoved,
    InputAdded,
    FilesLost,
    FilesExpired,
    ProjectMoved,
    // Of an item that is done again.
    NoReceipt,
    Failed,
    // Of an item that is not.
    Committed,
    CarriedOver,
    Accepted,
    // Written by a later program.
    #[serde(other)]
    Unknown,
}

impl Code {
    /// As records and `--json` have it.
    pub fn name(self) -> String {
        let text = serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned));
        text.unwrap_or_default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    pub code: Code,
    /// What exactly: a step, a file with its old and new ETag, an option.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl Reason {
    pub fn of(code: Code) -> Self {
        Self { code, details: Vec::new() }
    }

    /// Of many details the first are kept.
    pub fn with(code: Code, details: impl IntoIterator<Item = String>) -> Self {
        let mut details: Vec<String> = details.into_iter().collect();
        let more = details.len().saturating_sub(KEPT);
        if more > 0 {
            details.truncate(KEPT);
            details.push(format!("and {} more", crate::format::number(more as u64)));
        }
        Self { code, details }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.code.name())?;
        match self.details.as_slice() {
            [] => Ok(()),
            details => write!(f, " ({})", details.join("; ")),
        }
    }
}

/// Why an item without a receipt is to be done: its generation was not planned before and begins for these reasons, or
/// it was, and the item was never committed.
pub fn of_open(planned_before: bool, generation: &[Reason]) -> Code {
    match generation.first().filter(|_| !planned_before) {
        Some(reason) => reason.code,
        None => Code::NoReceipt,
    }
}

/// A decision's reasons, and the sentence that a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    pub text: String,
    pub reasons: Vec<Reason>,
}

impl Because {
    pub fn one(text: impl Into<String>, reason: Reason) -> Self {
        Self { text: text.into(), reasons: vec![reason] }
    }
}
