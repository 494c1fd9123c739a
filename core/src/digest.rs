//! Digests as text. A digest names bytes; it is never a secret.

use sha2::{Digest, Sha256};

/// SHA-256 in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The first `digits` of it: for names, where a whole digest is noise.
pub fn short(bytes: &[u8], digits: usize) -> String {
    let mut hex = sha256(bytes);
    hex.truncate(digits);
    hex
}
