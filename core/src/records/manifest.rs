//! What a run published, as the run records it, and as it tells others.

use crate::destination::ListedFile;
use crate::ids::{Generation, ItemIndex, RunId, StepName, Uri};
use crate::types::Column;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// `after.json`: which command has heard of which publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterPublish {
    pub v: u32,
    /// The publication's id.
    pub publication: String,
    /// Names the command that succeeded.
    pub command: String,
    pub done_ms: u64,
}

/// `glue.json`: the table of Glue that names what the step published, as it is told apart from every other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlueTable {
    pub v: u32,
    pub database: String,
    pub table: String,
    pub region: String,
    /// Whose catalog it is in.
    pub account: String,
}

/// What a command after publishing reads on stdin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Published {
    pub v: u32,
    pub pipeline: String,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    /// The publication's id: the same publication is told again until the command succeeds, another has another.
    pub publication: String,
    /// Where runs of the step publish, without what tells them apart.
    pub dataset: String,
    /// The run's key by param.
    pub key: BTreeMap<String, String>,
    pub destination: Uri,
    /// The folder that holds this publication and nothing else, if the step has a catalog; else the destination.
    pub location: Uri,
    /// The table of Glue that the step names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    pub columns: Vec<Column>,
    /// With paths below the destination.
    pub files: Vec<ListedFile>,
    pub rows: u64,
    pub bytes: u64,
}
