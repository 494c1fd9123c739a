//! How every client talks to AWS: credentials, region and endpoint from the environment; retries and time-outs on
//! purpose. Each number is in this file, with its reason. What one client needs otherwise (an upload's patience, a
//! conditional write's single try) it changes for that call only.

use super::executions::SfnExecutions;
use super::instance::ImdsInstance;
use super::queue::{QueueSettings, SqsQueues};
use super::store::S3Store;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_sqs::config::SharedHttpClient;
use aws_smithy_http_client::{Builder, tls};
use std::time::Duration;

/// Tries of one request, the first included. The state machines and the worker have budgets of their own above it.
pub(super) const TRIES: u32 = 5;
/// The first pause before a retry is a random part of this; each next may be twice as long. S3 wants a second when
/// it answers SlowDown.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer: a function's minutes are better spent on its own retry.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Within a region a connection stands in milliseconds; one lost SYN is resent after 1 s.
const CONNECT: Duration = Duration::from_secs(3);
/// From the request's first byte to the reply's. A long poll is silent for 20 s and must not end as a time-out; all
/// other control calls answer within a few seconds.
const READ: Duration = Duration::from_secs(30);
/// The same where a request carries megabytes or S3 copies them before it answers: 64 MiB at 300 kB/s. A body that
/// stands still ends earlier, after 20 s, by the SDK's own protection.
const TRANSFER: Duration = Duration::from_secs(220);
/// All tries of a control call, pauses included: five that each fail at once, or four that hang.
const OPERATION: Duration = Duration::from_secs(125);
/// All tries of a transfer.
const TRANSFERS: Duration = Duration::from_secs(900);

/// The same for a function that has a minute: a call that hangs leaves time for what follows, and for the next batch.
const HASTY_READ: Duration = Duration::from_secs(8);
const HASTY_OPERATION: Duration = Duration::from_secs(25);

/// What all clients share.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    pub async fn from_env() -> Aws {
        Aws::load(aws_config::defaults(BehaviorVersion::latest())).await
    }

    /// For a store that may not be AWS's: with an endpoint of its own, a region is only part of the signature.
    pub async fn for_store() -> Aws {
        let aws = Aws::from_env().await;
        let own = aws.config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        if aws.config.region().is_none() && own {
            let region = Region::from_static("us-east-1");
            return Aws::load(aws_config::defaults(BehaviorVersion::latest()).region(region)).await;
        }
        aws
    }

    /// For a function that ends after a minute.
    pub async fn hasty() -> Aws {
        let aws = Aws::from_env().await;
        let config = aws.config.into_builder().timeout_config(timeouts(HASTY_READ, HASTY_OPERATION)).build();
        Aws { config }
    }

    /// From an environment that the caller has begun to describe: its own endpoint or credentials.
    pub async fn load(loader: ConfigLoader) -> Aws {
        let config =
            loader.http_client(http()).retry_config(retries()).timeout_config(timeouts(READ, OPERATION)).load().await;
        Aws { config }
    }

    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub fn store(&self) -> S3Store {
        S3Store::new(&self.config)
    }

    pub fn queues(&self, settings: QueueSettings) -> SqsQueues {
        SqsQueues::new(&self.config, settings)
    }

    pub fn executions(&self) -> SfnExecutions {
        SfnExecutions::new(&self.config)
    }
}

/// Of clients that were configured otherwise, retries and time-outs included.
impl From<SdkConfig> for Aws {
    fn from(config: SdkConfig) -> Aws {
        Aws { config }
    }
}

/// The metadata service of the machine this process is on.
pub fn this_instance() -> ImdsInstance {
    ImdsInstance::new(&ProviderConfig::default().with_http_client(http()))
}

fn http() -> SharedHttpClient {
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    super::record::if_asked(Builder::new().tls_provider(tls).build_https())
}

/// `standard`, not `adaptive`: adaptive holds back every request of a client after one is throttled, and one client
/// of ours uses many prefixes and queues at once, of which one is busy. Standard's budget of retries a client
/// stops a storm, and what it gives up on is retried by the functions and workers at their own, slower pace.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(FIRST_PAUSE).with_max_backoff(LONGEST_PAUSE)
}

fn timeouts(read: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(read).operation_timeout(operation).build()
}

/// For requests that carry or copy megabytes.
pub(super) fn transfer_timeouts() -> TimeoutConfig {
    timeouts(TRANSFER, TRANSFERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_poll_is_no_time_out_and_an_operation_has_room_for_its_tries() {
        assert!(READ >= Duration::from_secs(20) + CONNECT + Duration::from_secs(5));
        let pauses: Duration = (0..TRIES - 1).map(|n| (FIRST_PAUSE * 2u32.pow(n)).min(LONGEST_PAUSE)).sum();
        assert!(OPERATION >= READ * (TRIES - 2) + pauses);
        assert!(TRANSFERS >= TRANSFER * 4);
        // Two that hang to the end fit in the minute of a function that is called by a queue.
        assert!(HASTY_OPERATION * 2 < Duration::from_secs(60) && HASTY_OPERATION > HASTY_READ * 2);
    }
}
