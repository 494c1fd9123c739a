//! What SQS adds to the contract of queues: attributes, batches, dead letters, and answers of its own.

use crate::proxy::{Fault, Proxy};
use crate::world::{aws, aws_at, emulator, queue_settings, queues};
use aws_sdk_sqs::types::QueueAttributeName;
use spotmill_platform::aws::{QueueSettings, SqsQueues};
use spotmill_platform::ports::{Queue, QueueError};
use std::collections::BTreeSet;
use std::time::Duration;

const NOW: Duration = Duration::ZERO;
const MINUTE: Duration = Duration::from_secs(60);

async fn answered(prefix: &str, faults: Vec<Fault>) -> (SqsQueues, Proxy) {
    let proxy = Proxy::start(emulator().port(), "POST", faults).await;
    (aws_at(&proxy.endpoint()).await.queues(queue_settings(prefix)), proxy)
}

#[tokio::test]
async fn a_queue_is_made_as_the_stack_wants_it() {
    let client = aws_sdk_sqs::Client::new(aws().await.config());
    let dead = client.create_queue().queue_name("made-dead").send().await.expect("queue").queue_url.expect("url");
    let arn = client.get_queue_attributes().queue_url(dead).attribute_names(QueueAttributeName::QueueArn).send().await;
    let arn = arn.expect("attributes").attributes.expect("some")[&QueueAttributeName::QueueArn].clone();
    let settings = QueueSettings { dead_letters: Some(arn.clone()), ..queue_settings("made") };
    let queues = aws().await.queues(settings);
    queues.create("round").await.expect("create");
    let url =
        client.get_queue_url().queue_name("made-round").send().await.expect("named by prefix").queue_url.expect("url");
    let all = client.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All).send().await;
    let all = all.expect("attributes").attributes.expect("some");
    assert_eq!(all[&QueueAttributeName::VisibilityTimeout], "120");
    assert_eq!(all[&QueueAttributeName::MessageRetentionPeriod], "1209600");
    assert_eq!(all[&QueueAttributeName::ReceiveMessageWaitTimeSeconds], "20");
    let policy: serde_json::Value = serde_json::from_str(&all[&QueueAttributeName::RedrivePolicy]).expect("JSON");
    assert_eq!(policy["deadLetterTargetArn"], arn.as_str());
    assert_eq!(policy["maxReceiveCount"].to_string().trim_matches('"'), "100");
    let tags = client.list_queue_tags().queue_url(&url).send().await.expect("tags").tags.expect("some");
    assert_eq!(tags["spotmill:stack"], "made");
}

#[tokio::test]
async fn a_queue_of_other_attributes_is_fine() {
    let client = aws_sdk_sqs::Client::new(aws().await.config());
    let other = client.create_queue().queue_name("other-callbacks");
    other.attributes(QueueAttributeName::VisibilityTimeout, "7").send().await.expect("queue");
    let queues = queues("other").await;
    queues.create("callbacks").await.expect("present is fine");
    queues.send("callbacks", &["x".to_owned()]).await.expect("send");
}

#[tokio::test]
async fn many_and_large_messages_go_in_batches() {
    let queues = queues("batches").await;
    queues.create("q").await.expect("create");
    let mut bodies: Vec<String> = (0..95).map(|n| format!("{n}")).collect();
    bodies.extend((95..100).map(|n| format!("{n}{}", " ".repeat(400_000))));
    assert_eq!(queues.send("q", &bodies).await.expect("send"), [0; 0]);
    let mut seen = BTreeSet::new();
    while seen.len() < bodies.len() {
        let got = queues.receive("q", 10, Duration::from_secs(1), MINUTE).await.expect("receive");
        assert!(!got.is_empty(), "only {} of {}", seen.len(), bodies.len());
        seen.extend(got.into_iter().map(|m| m.body));
    }
    assert_eq!(seen, bodies.into_iter().collect());
    let long = queues.send("q", &["x".repeat((1 << 20) + 1)]).await.expect_err("too long").to_string();
    assert!(long.contains("1048577") && long.contains("1048576"), "{long}");
    assert_eq!(queues.send("q", &[]).await.expect("nothing"), [0; 0]);
}

#[tokio::test]
async fn what_sqs_refuses_is_reported_by_index() {
    let partial = r#"{"Successful":[{"Id":"10","MessageId":"a","MD5OfMessageBody":"b"}],
        "Failed":[{"Id":"11","SenderFault":false,"Code":"InternalError"}]}"#;
    let refused = r#"{"__type":"com.amazonaws.sqs#InvalidAddress","message":"x"}"#;
    queues("partial").await.create("q").await.expect("create");
    let (queues, proxy) = answered("partial", vec![]).await;
    assert_eq!(queues.send("q", &["first".to_owned()]).await.expect("send"), [0; 0]);
    proxy.next([Fault::Answer(200, partial)]);
    // A batch of ten goes to the queue or gets this answer; the other batch gets the other.
    let bodies: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    let unsent = queues.send("q", &bodies).await.expect("send");
    assert_eq!(unsent, [11]);
    proxy.next([Fault::Answer(400, refused)]);
    let unsent = queues.send("q", &bodies).await.expect("one batch got through");
    assert!(unsent == [10, 11] || unsent == (0..10).collect::<Vec<_>>(), "{unsent:?}");
    proxy.next([Fault::Answer(400, refused)]);
    let none = queues.send("q", &bodies[..3]).await;
    assert!(matches!(none, Err(QueueError::Transient { .. })), "{none:?}");
}

#[tokio::test]
async fn a_queue_that_another_removed_is_no_queue_and_can_be_made_again() {
    let (one, other) = (queues("gone").await, queues("gone").await);
    one.create("q").await.expect("create");
    one.send("q", &["x".to_owned()]).await.expect("send");
    other.remove("q").await.expect("remove");
    assert!(matches!(one.send("q", &["x".to_owned()]).await, Err(QueueError::NoQueue(q)) if q == "q"));
    assert!(matches!(one.receive("q", 1, NOW, MINUTE).await, Err(QueueError::NoQueue(_))));
    assert!(matches!(one.delete("q", "a-receipt").await, Err(QueueError::NoQueue(_))));
    assert!(matches!(one.extend("q", "a-receipt", MINUTE).await, Err(QueueError::NoQueue(_))));
    other.create("q").await.expect("create");
    one.send("q", &["x".to_owned()]).await.expect("the new queue");
}

#[tokio::test]
async fn errors_of_sqs_are_classified() {
    queues("named").await.create("q").await.expect("create");
    let stale = [
        r#"{"__type":"com.amazonaws.sqs#MessageNotInflight","message":"x"}"#,
        r#"{"__type":"com.amazonaws.sqs#ReceiptHandleIsInvalid","message":"x"}"#,
        r#"{"__type":"com.amazonaws.sqs#InvalidParameterValueException","message":"Value x for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."}"#,
    ];
    let (queues, proxy) = answered("named", vec![]).await;
    queues.send("q", &["x".to_owned()]).await.expect("send");
    for body in stale {
        proxy.next([Fault::Answer(400, body)]);
        let answer = queues.extend("q", "r", MINUTE).await;
        assert!(matches!(answer, Err(QueueError::Stale(_))), "{body}: {answer:?}");
        proxy.next([Fault::Answer(400, body)]);
        assert!(matches!(queues.delete("q", "r").await, Err(QueueError::Stale(_))), "{body}");
    }
    let recently = r#"{"__type":"com.amazonaws.sqs#QueueDeletedRecently","message":"x"}"#;
    proxy.next([Fault::Answer(400, recently)]);
    let barred = queues.create("new").await.expect_err("barred").to_string();
    assert!(barred.contains("60 s") && barred.contains("new"), "{barred}");
    let throttled = r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"x"}"#;
    proxy.next(vec![Fault::Answer(400, throttled); 5]);
    let busy = queues.send("q", &["x".to_owned()]).await;
    assert!(matches!(busy, Err(QueueError::Transient { .. })), "{busy:?}");
}

#[tokio::test]
async fn a_send_whose_reply_is_lost_arrives() {
    queues("lost").await.create("q").await.expect("create");
    let (queues, proxy) = answered("lost", vec![]).await;
    queues.send("q", &["first".to_owned()]).await.expect("send");
    proxy.next([Fault::LoseReply]);
    assert_eq!(queues.send("q", &["second".to_owned()]).await.expect("sent again"), [0; 0]);
    let got = queues.receive("q", 10, Duration::from_secs(1), MINUTE).await.expect("receive");
    let distinct: BTreeSet<&str> = got.iter().map(|m| m.body.as_str()).collect();
    assert_eq!(distinct, BTreeSet::from(["first", "second"]));
}
