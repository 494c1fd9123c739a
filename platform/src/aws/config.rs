//! How every client talks to AWS: credentials, region, endpoint from the environment; retries and time-outs on purpose.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::{Builder, tls};
use std::time::Duration;

/// Tries of one request, the first included. The state machines and the worker have budgets of their own above it.
const TRIES: u32 = 5;

/// What all clients share.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    pub async fn from_env() -> Aws {
        let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .read_timeout(Duration::from_secs(30))
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(Builder::new().tls_provider(tls).build_https())
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(timeouts)
            .load()
            .await;
        Aws { config }
    }

    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}
