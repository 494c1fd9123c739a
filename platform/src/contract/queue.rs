//! The promises of a queue. Waits are whole seconds of tokio's time: real queues count in seconds, and a test of
//! the local one pauses the clock. `name` makes the queues of one suite unique.

use crate::ports::{Message, Queue, QueueError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const NOW: Duration = Duration::ZERO;
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(60);

/// The whole suite.
pub async fn all<Q: Queue + 'static>(queues: Arc<Q>, name: &str) {
    no_queue(&*queues, &format!("{name}-none")).await;
    every_message_once(&*queues, &format!("{name}-once")).await;
    comes_back_unless_deleted(&*queues, &format!("{name}-back")).await;
    extension_keeps_it_hidden(&*queues, &format!("{name}-extend")).await;
    zero_gives_back_at_once(&*queues, &format!("{name}-zero")).await;
    stale_receipts_do_nothing(&*queues, &format!("{name}-stale")).await;
    a_waiting_receive_wakes_up(queues.clone(), &format!("{name}-wake")).await;
    no_message_has_two_takers(queues.clone(), &format!("{name}-takers")).await;
}

async fn one(queues: &(impl Queue + ?Sized), queue: &str, wait: Duration, visibility: Duration) -> Option<Message> {
    queues.receive(queue, 1, wait, visibility).await.expect("receive").pop()
}

async fn with_one(queues: &(impl Queue + ?Sized), queue: &str) {
    queues.create(queue).await.expect("create");
    let unsent = queues.send(queue, &["hello".to_owned()]).await.expect("send");
    assert_eq!(unsent, [0; 0]);
}

async fn no_queue(queues: &(impl Queue + ?Sized), queue: &str) {
    let gone = |result: Result<(), QueueError>| assert!(matches!(result, Err(QueueError::NoQueue(_))), "{result:?}");
    gone(queues.send(queue, &["x".to_owned()]).await.map(drop));
    gone(queues.receive(queue, 1, NOW, SHORT).await.map(drop));
    queues.remove(queue).await.expect("removing what is absent is fine");
    queues.create(queue).await.expect("create");
    queues.create(queue).await.expect("creating what is present is fine");
    queues.send(queue, &["x".to_owned()]).await.expect("send");
    queues.create(queue).await.expect("create");
    assert!(one(queues, queue, SHORT, LONG).await.is_some(), "creating again emptied the queue");
    queues.remove(queue).await.expect("remove");
}

async fn every_message_once(queues: &(impl Queue + ?Sized), queue: &str) {
    queues.create(queue).await.expect("create");
    let bodies: Vec<String> = (0..10).map(|n| format!("{{\"n\":{n}}}")).collect();
    queues.send(queue, &bodies).await.expect("send");
    let mut seen = BTreeSet::new();
    while let Some(message) = one(queues, queue, SHORT, LONG).await {
        assert_eq!(message.receives, 1);
        assert!(seen.insert(message.body.clone()), "received twice while invisible");
        queues.delete(queue, &message.receipt).await.expect("delete");
    }
    assert_eq!(seen, bodies.into_iter().collect());
    queues.remove(queue).await.expect("remove");
}

async fn comes_back_unless_deleted(queues: &(impl Queue + ?Sized), queue: &str) {
    with_one(queues, queue).await;
    for receives in 1..=3 {
        let message = one(queues, queue, LONG / 3, SHORT).await.expect("the message comes back");
        assert_eq!((message.body.as_str(), message.receives), ("hello", receives));
        assert!(one(queues, queue, NOW, SHORT).await.is_none(), "visible while in flight");
    }
    let last = one(queues, queue, LONG / 3, LONG).await.expect("the message comes back");
    queues.delete(queue, &last.receipt).await.expect("delete");
    assert!(one(queues, queue, SHORT, LONG).await.is_none());
    queues.remove(queue).await.expect("remove");
}

async fn extension_keeps_it_hidden(queues: &(impl Queue + ?Sized), queue: &str) {
    with_one(queues, queue).await;
    let message = one(queues, queue, SHORT, SHORT).await.expect("message");
    for _ in 0..3 {
        sleep(SHORT / 2).await;
        queues.extend(queue, &message.receipt, SHORT * 2).await.expect("extend");
    }
    assert!(one(queues, queue, SHORT / 2, SHORT).await.is_none(), "an extended message came back early");
    queues.delete(queue, &message.receipt).await.expect("the receipt still holds");
    assert!(one(queues, queue, SHORT * 3, SHORT).await.is_none());
    queues.remove(queue).await.expect("remove");
}

async fn zero_gives_back_at_once(queues: &(impl Queue + ?Sized), queue: &str) {
    with_one(queues, queue).await;
    let message = one(queues, queue, SHORT, LONG).await.expect("message");
    queues.extend(queue, &message.receipt, NOW).await.expect("give back");
    let redelivered = one(queues, queue, SHORT, LONG).await.expect("given back at once");
    assert_eq!(redelivered.receives, 2);
    queues.remove(queue).await.expect("remove");
}

async fn stale_receipts_do_nothing(queues: &(impl Queue + ?Sized), queue: &str) {
    with_one(queues, queue).await;
    let old = one(queues, queue, SHORT, SHORT).await.expect("message");
    let new = one(queues, queue, SHORT * 3, LONG).await.expect("message");
    let harmless = |result: Result<(), QueueError>| {
        assert!(matches!(result, Ok(()) | Err(QueueError::Stale(_))), "{result:?}");
    };
    harmless(queues.extend(queue, &old.receipt, NOW).await);
    assert!(one(queues, queue, SHORT, LONG).await.is_none(), "an old receipt gave the message back");
    harmless(queues.delete(queue, &old.receipt).await);
    queues.extend(queue, &new.receipt, NOW).await.expect("an old receipt deleted the message");
    let last = one(queues, queue, SHORT, LONG).await.expect("message");
    queues.delete(queue, &last.receipt).await.expect("delete");
    harmless(queues.delete(queue, &last.receipt).await);
    queues.remove(queue).await.expect("remove");
}

async fn a_waiting_receive_wakes_up<Q: Queue + 'static>(queues: Arc<Q>, queue: &str) {
    queues.create(queue).await.expect("create");
    let waiting = tokio::spawn({
        let (queues, queue) = (queues.clone(), queue.to_owned());
        async move { one(&*queues, &queue, LONG / 3, LONG).await }
    });
    sleep(SHORT).await;
    let sent = tokio::time::Instant::now();
    queues.send(queue, &["late".to_owned()]).await.expect("send");
    assert!(waiting.await.expect("task").is_some_and(|m| m.body == "late"));
    assert!(sent.elapsed() < LONG / 6, "a waiting receive slept on");
    queues.remove(queue).await.expect("remove");
}

async fn no_message_has_two_takers<Q: Queue + 'static>(queues: Arc<Q>, queue: &str) {
    queues.create(queue).await.expect("create");
    for ten in 0..10 {
        let bodies: Vec<String> = (0..10).map(|n| format!("{}", ten * 10 + n)).collect();
        queues.send(queue, &bodies).await.expect("send");
    }
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (queues, queue) = (queues.clone(), queue.to_owned());
        takers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let got = queues.receive(&queue, 3, SHORT, LONG).await.expect("receive");
                assert!(got.len() <= 3);
                if got.is_empty() {
                    return mine;
                }
                mine.extend(got.into_iter().map(|m| m.body));
            }
        });
    }
    let all: Vec<String> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), 100, "each message has one taker while it is invisible");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 100);
    queues.remove(queue).await.expect("remove");
}
