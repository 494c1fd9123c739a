//! What every client of AWS shares: credentials, region and endpoint from the environment, and the patience of
//! `patience.rs`.

use super::endpoint;
#[cfg(feature = "fleets")]
use super::executions::SfnExecutions;
use super::glue::Glue;
use super::instance::ImdsInstance;
use super::patience::{hasty_timeouts, retries, timeouts};
use super::queue::{QueueSettings, SqsQueues};
use super::store::S3Store;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_sqs::config::SharedHttpClient;
use aws_smithy_http_client::{Builder, tls};

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
        if aws.config.region().is_none() && endpoint::is_own(&aws.config) {
            let region = Region::from_static("us-east-1");
            return Aws::load(aws_config::defaults(BehaviorVersion::latest()).region(region)).await;
        }
        aws
    }

    /// For a function that ends after a minute.
    pub async fn hasty() -> Aws {
        let aws = Aws::from_env().await;
        let config = aws.config.into_builder().timeout_config(hasty_timeouts()).build();
        Aws { config }
    }

    /// From an environment that the caller has begun to describe: its own endpoint or credentials.
    pub async fn load(loader: ConfigLoader) -> Aws {
        let config = loader.http_client(http()).retry_config(retries()).timeout_config(timeouts()).load().await;
        Aws { config }
    }

    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub fn store(&self) -> S3Store {
        S3Store::new(&self.config)
    }

    pub fn catalogs(&self) -> Glue {
        Glue::new(&self.config)
    }

    pub fn queues(&self, settings: QueueSettings) -> SqsQueues {
        SqsQueues::new(&self.config, settings)
    }

    #[cfg(feature = "fleets")]
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
