//! The columns that steps make of the columns that they read, as a check of the definition found them without a row.
//! The record only informs: what is missing in it, or read otherwise than it states, is found when the step is complete.

use crate::lineage::ColumnLineage;
use crate::types::{Column, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `pipelines/{name}/{definition}.columns.json`, and frozen with a run as `columns-{definition}.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foreseen {
    pub v: u32,
    /// Steps whose columns follow from those that they read.
    pub steps: BTreeMap<String, ForeseenStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeseenStep {
    /// Values of the params that names and types may depend on; under others nothing is foreseen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// What was read, with the columns of the path.
    pub input: Vec<Column>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, Vec<Column>>,
    /// What follows from it.
    pub output: Vec<Column>,
    /// Where the columns of the output come from; nothing where that is not on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<ColumnLineage>,
}

impl Default for Foreseen {
    fn default() -> Self {
        Self { v: super::RECORD_VERSION, steps: BTreeMap::new() }
    }
}
