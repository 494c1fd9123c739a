//! Whether S3 is asked at an endpoint that somebody chose: another store that speaks S3, a gateway or an emulator. Such a
//! one has no host name a bucket, and of a region it knows only the name.

use aws_config::SdkConfig;

/// For all services, in the environment or in a profile, or for this one in the environment.
pub fn is_own(config: &SdkConfig) -> bool {
    config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some()
}
