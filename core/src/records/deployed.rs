//! What a deploy leaves for runs and machines.

use crate::ids::{RunId, StepName, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `pipelines/{name}.json`: what a start of the pipeline runs. Replaced whole by a deploy; a run keeps what it began
/// with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    pub v: u32,
    pub name: String,
    /// Names `pipelines/{name}/{digest}.toml`, the frozen pipeline.
    pub pipeline_digest: String,
    pub worker: DeployedWorker,
    pub deployed_ms: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployedWorker {
    /// The worker's declared version (`About::version`): part of every signature.
    pub version: String,
    /// sha256 of the program by architecture (`x86_64`, `aarch64`), where machines have to fetch it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, String>,
}

/// `workers/{sha256}/needs.json`: what a worker program needs of a machine, as its deploy found it. It only
/// informs; nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerNeeds {
    pub v: u32,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// `2.34`; none of a program without glibc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
    pub bytes: u64,
}

/// The settings of a machine of a fleet: its user data holds them, `spotmill-worker serve` reads them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerSettings {
    pub v: u32,
    /// The state root.
    pub root: Uri,
    /// Prefix of all queues' names on SQS.
    pub stack: String,
    pub region: String,
    /// The fleet's name; its work queue bears it too.
    pub fleet: String,
    pub queue: String,
    pub callbacks: String,
    pub run: RunId,
    pub step: StepName,
    pub vcpus_per_item: u32,
    pub memory_bytes_per_item: u64,
    pub max_slots: u32,
    /// Where machines record their lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Uri>,
    /// The worker's digest by architecture, as in `DeployedWorker`.
    pub workers: BTreeMap<String, String>,
    /// Seconds that an item stays this machine's without a call from it.
    #[serde(default = "visibility_secs")]
    pub visibility_secs: u64,
}

fn visibility_secs() -> u64 {
    crate::bounds::VISIBILITY_SECS
}
