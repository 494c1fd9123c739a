//! What was made of experiments, as it is described.

use serde_json::Value;
use std::collections::BTreeMap;

/// By id.
#[derive(Default)]
pub struct Experiments {
    pub templates: BTreeMap<String, Value>,
    pub experiments: BTreeMap<String, Value>,
}
