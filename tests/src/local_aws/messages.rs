//! Messages in the local AWS: notices of failure as somebody hears them, functions called with events, queues filled and
//! inspected.

use super::{LocalAws, STACK};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The queue of a subscriber to notices of failures.
const NOTICES: &str = "notices";

impl LocalAws {
    /// Subscribes a queue to the topic that failures are published to.
    pub(super) fn subscribe_to_notices(&self) {
        let made = self.aws(&["sqs", "create-queue", "--queue-name", NOTICES]);
        let url = made["QueueUrl"].as_str().expect("a queue's URL");
        let asked = ["sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "QueueArn"];
        let described = self.aws(&asked);
        let arn = described["Attributes"]["QueueArn"].as_str().expect("a queue's ARN");
        let topic = self.output("NotifyTopic");
        self.aws(&["sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", arn]);
    }

    /// Waits for a notice that `is` the wanted one; returns its text. Others that came before it are gone.
    #[track_caller]
    pub fn notice(&self, within: Duration, is: impl Fn(&str) -> bool) -> String {
        let url = self.aws(&["sqs", "get-queue-url", "--queue-name", NOTICES])["QueueUrl"].clone();
        let (url, mut heard) = (url.as_str().expect("a URL"), Vec::new());
        let until = Instant::now() + within;
        while Instant::now() < until {
            let asked = ["sqs", "receive-message", "--queue-url", url, "--max-number-of-messages", "10"];
            let got = self.aws(&[&asked[..], &["--wait-time-seconds", "2", "--visibility-timeout", "600"]].concat());
            for message in got["Messages"].as_array().into_iter().flatten() {
                let body: Value = serde_json::from_str(message["Body"].as_str().unwrap_or("null")).unwrap_or_default();
                let text = body["Message"].as_str().unwrap_or_default().to_owned();
                if is(&text) {
                    return text;
                }
                heard.push(text);
            }
        }
        panic!("no such notice within {within:?}; heard: {heard:#?}");
    }

    /// What a program of ours needs to talk to it.
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = self.emulator.env();
        env.push(("AWS_ENDPOINT_URL_EC2".to_owned(), self.ec2.endpoint().to_owned()));
        env.push(("SPOTMILL_STACK".to_owned(), STACK.to_owned()));
        env
    }

    /// Calls a function of the stack; its reply.
    #[track_caller]
    pub fn invoke(&self, function: &str, event: &Value) -> Value {
        let dir = tempfile::tempdir().expect("a directory");
        let (asked, replied) = (dir.path().join("event.json"), dir.path().join("reply.json"));
        std::fs::write(&asked, event.to_string()).expect("write");
        let (payload, reply) = (format!("file://{}", asked.display()), replied.to_string_lossy());
        let name = format!("{STACK}-{function}");
        self.aws(&["lambda", "invoke", "--function-name", &name, "--payload", &payload, &reply]);
        serde_json::from_slice(&std::fs::read(&replied).expect("a reply")).expect("JSON")
    }

    /// Sends all, ten at a time.
    pub fn send_all(&self, queue: &str, bodies: &[String]) {
        for part in bodies.chunks(10) {
            // An empty body is no message; a space is as little a callback.
            let entry = |(i, body): (usize, &String)| {
                let body = if body.is_empty() { " " } else { body };
                json!({"Id": i.to_string(), "MessageBody": body})
            };
            let entries: Vec<Value> = part.iter().enumerate().map(entry).collect();
            self.post("AmazonSQS.SendMessageBatch", &json!({"QueueUrl": queue, "Entries": entries}));
        }
    }

    /// Messages in a queue, taken ones too.
    pub fn depth(&self, queue: &str) -> u32 {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let asked = json!({"QueueUrl": queue, "AttributeNames": names});
        let found = self.post("AmazonSQS.GetQueueAttributes", &asked);
        let number = |name: &str| found["Attributes"][name].as_str().and_then(|n| n.parse::<u32>().ok());
        names.iter().filter_map(|name| number(name)).sum()
    }

    /// Waits until a queue is empty.
    #[track_caller]
    pub fn drained(&self, queue: &str, within: Duration) {
        let end = Instant::now() + within;
        while self.depth(queue) > 0 {
            assert!(Instant::now() < end, "{queue} is not empty within {within:?}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// URLs of the queues of rounds that are there.
    pub fn round_queues(&self) -> Vec<String> {
        let queues = self.aws(&["sqs", "list-queues", "--queue-name-prefix", STACK]);
        let urls = queues["QueueUrls"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let of_round = |url: &&str| {
            let name = url.rsplit('/').next().and_then(|name| name.strip_prefix("etl-")).unwrap_or_default();
            name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit())
        };
        urls.filter(of_round).map(str::to_owned).collect()
    }

    /// The only round's queue.
    #[track_caller]
    pub fn round_queue(&self) -> String {
        let mut all = self.round_queues();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}
