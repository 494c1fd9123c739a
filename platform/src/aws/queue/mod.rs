//! Queues in SQS, named `{prefix}{queue}`. They keep messages 14 days, hide a received one for two minutes unless
//! configured otherwise, and hand what was received too often to the stack's dead-letter queue. SQS repeats and
//! reorders messages; so may a send whose reply was lost.

mod batches;
mod errors;

use super::error::RequestError;
use crate::ports::{Message, Queue, QueueError};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use errors::{NO_QUEUE, STALE, failed, named, of_receipt};
use spotmill_core::bounds::{MAX_RECEIVES, VISIBILITY_SECS};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Seconds SQS keeps a message at most: a round outlives any outage of ours.
const RETENTION_SECS: u32 = 14 * 86_400;
/// Seconds SQS lets a receive wait at most: fewer, cheaper polls.
const LONGEST_POLL_SECS: u64 = 20;
/// Seconds SQS hides a message at most, counted from its receive.
const LONGEST_VISIBILITY_SECS: u64 = 12 * 3_600;
/// Messages of one receive.
const MOST: usize = 10;

/// The stack's settings of its queues.
#[derive(Clone, Debug, Default)]
pub struct QueueSettings {
    /// What the port's names begin with in SQS: `{stack}-`.
    pub prefix: String,
    /// The ARN of the queue that dead letters go to.
    pub dead_letters: Option<String>,
    /// The ARN of the key that messages are encrypted with; none for SQS's own.
    pub key: Option<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct SqsQueues {
    client: Client,
    settings: Arc<QueueSettings>,
    urls: Arc<Mutex<HashMap<String, String>>>,
}

impl SqsQueues {
    pub fn new(config: &SdkConfig, settings: QueueSettings) -> SqsQueues {
        SqsQueues { client: Client::new(config), settings: Arc::new(settings), urls: Arc::default() }
    }

    fn urls(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, queue: &str) -> String {
        format!("{}{queue}", self.settings.prefix)
    }

    async fn url(&self, queue: &str) -> Result<String, QueueError> {
        if let Some(url) = self.urls().get(queue) {
            return Ok(url.clone());
        }
        let found = self.client.get_queue_url().queue_name(self.name(queue)).send().await;
        let url = found.map_err(|e| named(queue, e))?.queue_url.unwrap_or_default();
        self.urls().insert(queue.to_owned(), url.clone());
        Ok(url)
    }

    /// The port's error; the URL of a queue that is gone is forgotten.
    fn port_error(&self, queue: &str, error: impl Into<RequestError>) -> QueueError {
        let e = named(queue, error);
        if matches!(e, QueueError::NoQueue(_)) {
            self.urls().remove(queue);
        }
        e
    }

    fn attributes(&self) -> HashMap<QueueAttributeName, String> {
        let mut all = HashMap::from([
            (QueueAttributeName::VisibilityTimeout, VISIBILITY_SECS.to_string()),
            (QueueAttributeName::MessageRetentionPeriod, RETENTION_SECS.to_string()),
            (QueueAttributeName::ReceiveMessageWaitTimeSeconds, LONGEST_POLL_SECS.to_string()),
        ]);
        if let Some(key) = &self.settings.key {
            all.insert(QueueAttributeName::KmsMasterKeyId, key.clone());
        }
        if let Some(arn) = &self.settings.dead_letters {
            let policy = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES});
            all.insert(QueueAttributeName::RedrivePolicy, policy.to_string());
        }
        all
    }
}

#[async_trait]
impl Queue for SqsQueues {
    async fn create(&self, queue: &str) -> Result<(), QueueError> {
        let mut create = self.client.create_queue().queue_name(self.name(queue));
        create = create.set_attributes(Some(self.attributes()));
        for (key, value) in &self.settings.tags {
            create = create.tags(key, value);
        }
        match create.send().await.map_err(RequestError::from) {
            Ok(made) => {
                self.urls().insert(queue.to_owned(), made.queue_url.unwrap_or_default());
                Ok(())
            }
            // It stands, made with other attributes: by the stack, or by a previous release.
            Err(e) if e.is(&["QueueNameExists", "QueueAlreadyExists"]) => Ok(()),
            Err(e) if e.is(&["QueueDeletedRecently"]) => {
                Err(failed(queue, "SQS bars the name of a deleted queue for 60 s".to_owned(), e.source))
            }
            Err(e) => Err(named(queue, e)),
        }
    }

    async fn remove(&self, queue: &str) -> Result<(), QueueError> {
        let url = match self.url(queue).await {
            Ok(url) => url,
            Err(QueueError::NoQueue(_)) => return Ok(()),
            Err(e) => return Err(e),
        };
        let removed = self.client.delete_queue().queue_url(url).send().await.map_err(RequestError::from);
        match removed {
            Err(e) if !e.is(NO_QUEUE) => Err(named(queue, e)),
            _ => {
                self.urls().remove(queue);
                Ok(())
            }
        }
    }

    async fn send(&self, queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
        let url = self.url(queue).await?;
        batches::send(self, queue, &url, bodies).await
    }

    async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        let receive = self.client.receive_message().queue_url(self.url(queue).await?);
        let receive = receive.max_number_of_messages(i32::try_from(most.clamp(1, MOST)).unwrap_or(1));
        let receive = receive.wait_time_seconds(secs(wait, LONGEST_POLL_SECS));
        let receive = receive.visibility_timeout(secs(visibility, LONGEST_VISIBILITY_SECS));
        let receive = receive.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let received = receive.send().await.map_err(|e| self.port_error(queue, e))?;
        Ok(received.messages.unwrap_or_default().into_iter().map(message).collect())
    }

    async fn extend(&self, queue: &str, receipt: &str, visibility: Duration) -> Result<(), QueueError> {
        let change = self.client.change_message_visibility().queue_url(self.url(queue).await?);
        let change = change.receipt_handle(receipt).visibility_timeout(secs(visibility, LONGEST_VISIBILITY_SECS));
        match change.send().await.map_err(RequestError::from) {
            Ok(_) => Ok(()),
            Err(e) if e.is(STALE) || of_receipt(&e) => Err(QueueError::Stale(queue.to_owned())),
            Err(e) => Err(self.port_error(queue, e)),
        }
    }

    async fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        let delete = self.client.delete_message().queue_url(self.url(queue).await?).receipt_handle(receipt);
        match delete.send().await.map_err(RequestError::from) {
            Ok(_) => Ok(()),
            Err(e) if e.is(STALE) || of_receipt(&e) => Err(QueueError::Stale(queue.to_owned())),
            Err(e) => Err(self.port_error(queue, e)),
        }
    }
}

fn message(of: aws_sdk_sqs::types::Message) -> Message {
    let count = of.attributes.as_ref().and_then(|a| a.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    Message {
        receives: count.and_then(|n| n.parse().ok()).unwrap_or(1),
        body: of.body.unwrap_or_default(),
        receipt: of.receipt_handle.unwrap_or_default(),
    }
}

/// SQS counts whole seconds: a part of one is one, so that what was to be hidden is.
fn secs(time: Duration, most: u64) -> i32 {
    let whole = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    i32::try_from(whole.min(most)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stacks_key_encrypts_the_queues_of_rounds() {
        let key = "arn:aws:kms:eu-west-1:1:key/2".to_owned();
        let config = SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let of = |key: Option<String>| {
            let queues = SqsQueues::new(&config, QueueSettings { key, ..QueueSettings::default() });
            queues.attributes().remove(&QueueAttributeName::KmsMasterKeyId)
        };
        assert_eq!(of(Some(key.clone())), Some(key));
        assert_eq!(of(None), None, "SQS's own");
    }

    #[test]
    fn seconds_round_up_to_a_bound() {
        assert_eq!(secs(Duration::ZERO, 20), 0);
        assert_eq!(secs(Duration::from_millis(1), 20), 1);
        assert_eq!(secs(Duration::from_secs(5), 20), 5);
        assert_eq!(secs(Duration::from_secs(60), 20), 20);
        assert_eq!(secs(Duration::MAX, u64::MAX), i32::MAX);
    }
}
