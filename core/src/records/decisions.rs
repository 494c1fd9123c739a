//! What a start found of a step's items, kept for whoever asks later why they were done again.

use crate::ids::{Epoch, Generation};
use crate::reason::Code;
use crate::tally::Items;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `e{epoch}/decisions.json`, written by PlanWork of the epoch as it decides. It informs: a step without it, of an older
/// program or of a start that was killed first, goes on as it would with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decisions {
    pub v: u32,
    pub epoch: Epoch,
    pub generation: Generation,
    pub items: u32,
    /// Each item under one code.
    pub by_code: BTreeMap<Code, Items>,
    /// The generation that items were taken over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<Generation>,
    pub decided_ms: u64,
}
