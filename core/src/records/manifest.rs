//! What a run published, as the run records it.

use crate::destination::ListedFile;
use crate::ids::{Generation, ItemIndex, RunId, StepName, Uri};
use serde::{Deserialize, Serialize};

/// `manifest.json`: what the run published, as the run records it. What lies at the destination is recorded there
/// (`destination::Contents`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub v: u32,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    /// The publication's id.
    pub publication: String,
    pub destination: Uri,
    pub files: Vec<ListedFile>,
    pub rows: u64,
    pub missing: Vec<ItemIndex>,
    /// Why it does not stand there: a later one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded: Option<String>,
    pub published_ms: u64,
}
