//! The frozen form of a pipeline: the normalized model as TOML, SQL inlined. A replay needs no other file.

use super::file::json;
use serde::Deserialize;
use spotmill_core::model::{FORMAT, Pipeline};

/// Hex digits of a digest that name a frozen pipeline.
const DIGEST_LEN: usize = 16;

/// What `pipeline-{digest}.toml` holds.
pub fn freeze(pipeline: &Pipeline) -> String {
    toml::to_string(pipeline).expect("a pipeline has string keys and finite numbers only")
}

/// The pipeline of a frozen text.
pub fn thaw(text: &str) -> Result<Pipeline, String> {
    let table: toml::Value =
        toml::from_str(text).map_err(|e| format!("this is no frozen pipeline: {}", e.message()))?;
    let pipeline = Pipeline::deserialize(json(&table)).map_err(|e| format!("this is no frozen pipeline: {e}"))?;
    if pipeline.format == FORMAT {
        Ok(pipeline)
    } else {
        Err(format!("format {} is not known; this version reads {FORMAT}", pipeline.format))
    }
}

/// Names a frozen pipeline by its content.
pub fn digest(frozen: &str) -> String {
    spotmill_core::digest::short(frozen.as_bytes(), DIGEST_LEN)
}
