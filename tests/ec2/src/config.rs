//! What one endpoint is made of. Everything has a default that suits tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct LocalEc2Config {
    /// 0: any free port.
    pub port: u16,
    pub region: String,
    /// Zones of the region, each with a subnet in the default VPC: 1 to 6.
    pub zones: usize,
    /// Given to every instance, besides what it gets anyway; wins over it.
    pub instance_env: BTreeMap<String, String>,
    /// Where instances get their directories; absent: a temporary directory that goes with the endpoint.
    pub root: Option<PathBuf>,
    /// From an instance's death to its replacement, and from a failed launch to the next try.
    pub replace_after: Duration,
    /// From SIGTERM to SIGKILL when an instance is terminated.
    pub grace: Duration,
    /// Of all instances together; more is `spotInstanceCountLimitExceeded`.
    pub quota_vcpus: Option<u32>,
    /// Instances alive at once, for the sake of this machine; more is the same error.
    pub quota_instances: usize,
}

impl Default for LocalEc2Config {
    fn default() -> LocalEc2Config {
        LocalEc2Config {
            port: 0,
            region: std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned()),
            zones: 3,
            instance_env: BTreeMap::new(),
            root: None,
            replace_after: Duration::from_millis(500),
            grace: Duration::from_secs(2),
            quota_vcpus: Some(1_000),
            quota_instances: 32,
        }
    }
}
