//! The event of an event-source mapping on a queue, and the answer that names the messages to deliver again.

use crate::HandlerError;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    #[serde(default)]
    body: String,
}

/// A batch of messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub bodies: Vec<String>,
    ids: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Batch {
    pub fn read(event: serde_json::Value) -> Result<Self, HandlerError> {
        let event: Event = serde_json::from_value(event)
            .map_err(|e| HandlerError::invalid(format!("the input is not a queue's event: {e}")))?;
        let (ids, bodies) = event.records.into_iter().map(|r| (r.message_id, r.body)).unzip();
        Ok(Self { bodies, ids })
    }

    /// Messages by index that are to be delivered again; the others are deleted by the mapping.
    pub fn answer(&self, retry: &[usize]) -> Answer {
        let failed = retry.iter().filter_map(|i| self.ids.get(*i));
        Answer { batch_item_failures: failed.map(|id| Failure { item_identifier: id.clone() }).collect() }
    }
}
