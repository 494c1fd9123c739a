//! A complete step.

use crate::bundle;
use crate::ids::{Generation, ItemIndex, StepName, Uri};
use crate::item::{Bundled, RowCounts};
use crate::model::{MaxBadRows, RowsRule};
use crate::types::Column;
use serde::{Deserialize, Serialize};

/// `sealed.json`: the step is complete. `sealed/files-{digest}.ndjson` holds a `SealedFile` a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    pub v: u32,
    pub step: StepName,
    pub generation: Generation,
    pub items: u32,
    /// Items left out with `accept`.
    pub missing: Vec<ItemIndex>,
    pub files_digest: String,
    pub files: u64,
    pub partitions: u64,
    pub bytes: u64,
    #[serde(flatten)]
    pub rows: RowCounts,
    pub columns: Vec<Column>,
    /// Expectations that did not hold but only warn.
    pub warnings: Vec<String>,
    pub peak_bytes: u64,
    pub cpu_ms: u64,
    /// Time that the committed attempts held a slot, all together.
    #[serde(default)]
    pub slot_ms: u64,
    /// The most memory above the engine's own that a byte of an item's input took, where that could be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_per_byte: Option<f64>,
    /// What was asked of the receipts all together; nothing in a seal that does not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checks>,
    /// Time in which the step was worked on: what lay between two starts is no part of it.
    #[serde(default)]
    pub took_ms: u64,
    pub sealed_ms: u64,
}

/// What a step asks of its receipts all together. No item has to be redone for it: a seal that was made with other
/// checks is remade, from the same receipts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowsRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    pub max_bad_rows: MaxBadRows,
    pub warn_only: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedFile {
    pub item: ItemIndex,
    pub partition: String,
    pub part: u32,
    pub uri: Uri,
    pub rows: u64,
    pub bytes: u64,
    /// What it holds, by its receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Set where its bytes lie in an object with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundled: Option<Bundled>,
}

impl SealedFile {
    /// The object that holds it.
    pub fn object(&self) -> Uri {
        bundle::object(&self.uri, self.bundled)
    }
}
