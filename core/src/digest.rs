//! Digests as text. A digest names bytes; it is never a secret.

use sha2::Digest;

/// SHA-256 in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    let mut digest = Sha256::default();
    digest.update(bytes);
    digest.hex()
}

/// SHA-256 of bytes that come in pieces.
#[derive(Clone, Debug, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn hex(self) -> String {
        self.0.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// The first `digits` of it: for names, where a whole digest is noise.
pub fn short(bytes: &[u8], digits: usize) -> String {
    let mut hex = sha256(bytes);
    hex.truncate(digits);
    hex
}
