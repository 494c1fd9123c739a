//! The programs that did a step's items. A worker states its version, and functions that changed without a new one mix
//! within a generation: receipts name the program by its digest, so that this is reported.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub struct Builds<'a> {
    /// One program, built for each architecture; empty where machines fetch none.
    deployed: &'a BTreeMap<String, String>,
    found: BTreeSet<String>,
}

impl<'a> Builds<'a> {
    pub fn new(deployed: &'a BTreeMap<String, String>) -> Self {
        Self { deployed, found: BTreeSet::new() }
    }

    pub fn add(&mut self, digest: &str) {
        if !self.found.contains(digest) {
            self.found.insert(digest.to_owned());
        }
    }

    /// Several digests are one program only if all of them are deployed.
    fn mixed(&self) -> bool {
        let is_deployed = |digest: &String| self.deployed.values().any(|deployed| deployed == digest);
        self.found.len() > 1 && !self.found.iter().all(is_deployed)
    }

    pub fn describe(&self, step: &str) -> Option<String> {
        let count = self.found.len();
        self.mixed().then(|| {
            format!(
                "its items were done by {count} builds of the worker that state one version: if functions changed between \
                 them, give the worker another version, or start again with --from-step {step}"
            )
        })
    }
}
