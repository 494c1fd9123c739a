//! Messages in batches that SQS takes: at most ten, at most 1 MiB together, several batches at once. What was not
//! accepted is reported by its index; a batch without an answer counts as not accepted, and may yet be delivered.

use super::SqsQueues;
use super::errors::failed;
use crate::aws::error::RequestError;
use crate::ports::QueueError;
use crate::several::several;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use std::convert::Infallible;
use std::ops::Range;

const BATCH: usize = 10;
/// Bytes of a message, and of a batch.
const BYTES: usize = 1 << 20;
/// Batches under way at once for one call; callers run several calls at once themselves.
const AT_ONCE: usize = 8;

pub async fn send(queues: &SqsQueues, queue: &str, url: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
    if let Some(long) = bodies.iter().map(String::len).find(|n| *n > BYTES) {
        let what = format!("a message of {long} bytes; SQS takes at most {BYTES}");
        return Err(failed(queue, what, "the message is too long".into()));
    }
    let all = batches(bodies);
    let count = all.len();
    let sent = several(AT_ONCE, all, |batch| {
        let sending = one(queues.clone(), url.to_owned(), batch.clone(), bodies[batch].to_vec());
        async move { Ok::<_, Infallible>(sending.await) }
    });
    let Ok(sent) = sent.await;
    let (mut unsent, mut failures) = (Vec::new(), Vec::new());
    for (batch, result) in sent {
        match result {
            Ok(refused) => unsent.extend(refused),
            Err(e) => {
                unsent.extend(batch);
                failures.push(e);
            }
        }
    }
    unsent.sort_unstable();
    outcome(queues, queue, count, unsent, failures)
}

/// If nothing at all got through, the cause is the answer; else what is to be resent.
fn outcome(
    queues: &SqsQueues,
    queue: &str,
    batches: usize,
    unsent: Vec<usize>,
    failures: Vec<RequestError>,
) -> Result<Vec<usize>, QueueError> {
    let all_failed = failures.len() == batches;
    let mut named = failures.into_iter().map(|e| queues.port_error(queue, e));
    match named.next() {
        Some(e) if all_failed || matches!(e, QueueError::NoQueue(_)) => Err(e),
        Some(e) => {
            tracing::warn!(queue, unsent = unsent.len(), error = %e, "some batches were not accepted");
            Ok(unsent)
        }
        None => Ok(unsent),
    }
}

/// Sends one batch; the indexes of what SQS refused.
async fn one(
    queues: SqsQueues,
    url: String,
    batch: Range<usize>,
    bodies: Vec<String>,
) -> (Range<usize>, Result<Vec<usize>, RequestError>) {
    let entries = batch.clone().zip(bodies).map(|(i, body)| {
        let entry = SendMessageBatchRequestEntry::builder().id(i.to_string()).message_body(body);
        entry.build().expect("id and body are all that an entry needs")
    });
    let entries = entries.collect();
    let sent = queues.client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
    let refused = sent.map_err(RequestError::from).map(|reply| {
        for entry in &reply.failed {
            tracing::warn!(code = entry.code(), message = entry.message(), "SQS refused a message");
        }
        reply.failed.iter().filter_map(|entry| entry.id().parse().ok()).collect()
    });
    (batch, refused)
}

/// Neighbours, as many as fit.
fn batches(bodies: &[String]) -> Vec<Range<usize>> {
    let (mut found, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (i, body) in bodies.iter().enumerate() {
        if i - from == BATCH || bytes + body.len() > BYTES {
            found.push(from..i);
            (from, bytes) = (i, 0);
        }
        bytes += body.len();
    }
    if from < bodies.len() {
        found.push(from..bodies.len());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_ten_and_a_mebibyte() {
        let of = |lengths: &[usize]| -> Vec<usize> {
            let bodies: Vec<String> = lengths.iter().map(|n| "x".repeat(*n)).collect();
            let found = batches(&bodies);
            assert!(found.windows(2).all(|two| two[0].end == two[1].start));
            found.iter().map(|range| range.end).collect()
        };
        assert_eq!(of(&[]), [0; 0]);
        assert_eq!(of(&[1; 10]), [10]);
        assert_eq!(of(&[1; 25]), [10, 20, 25]);
        assert_eq!(of(&[BYTES, 1, BYTES - 1, 1]), [1, 3, 4]);
        assert_eq!(of(&[BYTES]), [1]);
    }
}
