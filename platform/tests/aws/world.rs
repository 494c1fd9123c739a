//! One emulator for the whole suite, and clients of it. Each test has a bucket and queues of its own.

use crate::proxy::{Fault, Proxy};
use aws_config::BehaviorVersion;
use aws_sdk_s3::config::{Credentials, Region};
use spotmill_core::ids::Uri;
use spotmill_emulator::{Emulator, REGION};
use spotmill_platform::aws::{Aws, QueueSettings, S3Store, SqsQueues};
use std::sync::OnceLock;

pub fn emulator() -> &'static Emulator {
    static SHARED: OnceLock<Emulator> = OnceLock::new();
    SHARED.get_or_init(Emulator::start)
}

pub async fn aws() -> Aws {
    aws_at(&emulator().endpoint()).await
}

pub async fn aws_at(endpoint: &str) -> Aws {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint);
    Aws::load(loader).await
}

/// A bucket of the test's own.
pub async fn bucket(name: &str) -> Uri {
    let client = aws_sdk_s3::Client::new(aws().await.config());
    client.create_bucket().bucket(name).send().await.expect("bucket");
    Uri::new(format!("s3://{name}"))
}

/// A bucket, a store that reaches it undisturbed, and one behind a proxy that injects faults into some requests.
pub async fn disturbed(name: &str, method: &'static str, faults: Vec<Fault>) -> (Uri, S3Store, S3Store, Proxy) {
    let base = bucket(name).await;
    let proxy = Proxy::start(emulator().port(), method, faults).await;
    (base, aws().await.store(), aws_at(&proxy.endpoint()).await.store(), proxy)
}

pub fn queue_settings(prefix: &str) -> QueueSettings {
    QueueSettings {
        prefix: format!("{prefix}-"),
        dead_letters: None,
        key: None,
        tags: [("spotmill:stack", prefix)].map(owned).into(),
    }
}

pub async fn queues(prefix: &str) -> SqsQueues {
    aws().await.queues(queue_settings(prefix))
}

pub fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}
