//! The programs that did a step's items. A worker states its version, and functions that changed without a new one mix
//! within a generation: receipts name the program by its digest, so that this is reported.

use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub struct Builds {
    /// As many builds are one program: one for each architecture.
    usual: usize,
    found: BTreeSet<String>,
}

impl Builds {
    pub fn new(architectures: usize) -> Self {
        Self { usual: architectures.max(1), found: BTreeSet::new() }
    }

    pub fn add(&mut self, digest: &str) {
        if !self.found.contains(digest) {
            self.found.insert(digest.to_owned());
        }
    }

    pub fn describe(&self, step: &str) -> Option<String> {
        let count = self.found.len();
        (count > self.usual).then(|| {
            format!(
                "its items were done by {count} builds of the worker that state one version: if functions changed between \
                 them, give the worker another version, or start again with --from-step {step}"
            )
        })
    }
}
