//! The frozen form of a pipeline: the normalized model as TOML, SQL inlined. It needs no other file to run again.

use crate::model::{FORMAT, Pipeline};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Hex digits of a digest that name a frozen pipeline.
const DIGEST_LEN: usize = 16;

/// What `pipeline-{digest}.toml` holds.
pub fn freeze(pipeline: &Pipeline) -> String {
    toml::to_string(pipeline).expect("a pipeline has string keys and finite numbers only")
}

/// The pipeline of a frozen text.
pub fn thaw(text: &str) -> Result<Pipeline, String> {
    let pipeline: Pipeline =
        toml::from_str(text).map_err(|e| format!("this is no frozen pipeline: {}", e.message()))?;
    if pipeline.format == FORMAT {
        Ok(pipeline)
    } else {
        Err(format!("format {} is not known; this version reads {FORMAT}", pipeline.format))
    }
}

/// Names a frozen pipeline by its content.
pub fn digest(frozen: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(frozen.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex.truncate(DIGEST_LEN);
    hex
}
