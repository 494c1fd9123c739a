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

/// What a file holds, from bytes that come in pieces: 128 bits of XXH3, which cost next to nothing beside writing the
/// file. Two files that a step wrote hold the same if these are the same.
#[derive(Clone, Default)]
pub struct Content(xxhash_rust::xxh3::Xxh3);

impl Content {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn hex(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}

/// The first `digits` of it: for names, where a whole digest is noise.
pub fn short(bytes: &[u8], digits: usize) -> String {
    let mut hex = sha256(bytes);
    hex.truncate(digits);
    hex
}
