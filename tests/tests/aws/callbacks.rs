//! The tally under everything that may arrive on the callback queue, from many at once: the result is exact.

use super::*;
use serde_json::json;
use spotmill_core::records::CallbackKind::{self, Alive, Done, Failed, Lost, NeedsMemory, Poison};
use spotmill_core::records::{Callback, RECORD_VERSION};
use spotmill_tests::Seeded;
use std::thread;

const ITEMS: u32 = 12;

#[test]
fn repeated_reordered_stale_forged_and_malformed_callbacks_change_no_result() {
    let project = copying("tallied", "naps", ITEMS as usize);
    let aws = aws();
    aws.deploy_project(&project, "tallied");
    let mut seen = machines(&aws);
    let run = aws.start_run(&aws.input("tallied", DAY));
    next_busy(&aws, &mut seen);
    let before = aws.tally("tallied").expect("a tally");
    assert_eq!(before["cursor"], ITEMS);
    let epoch = before["epoch"].as_u64().expect("an epoch");

    flood(&aws, worthless(epoch));
    let flooded = aws.tally("tallied").expect("a tally");
    for set in ["failed", "needs_memory"] {
        assert_eq!(flooded[set], before[set], "{set}");
    }
    assert_eq!(flooded["tokens"], before["tokens"]);
    assert_eq!(aws.execution(&run).status, "RUNNING", "{}", aws.diagnosis(&run));

    // `done` is believed only as a hint to check: nothing without a receipt is sealed, and the rest goes on.
    let forged = (0..ITEMS).map(|item| callback(item, epoch, 0, Done)).collect::<Vec<_>>();
    flood(&aws, [forged.clone(), forged.clone(), forged].concat());
    ends(&aws, &run, "SUCCEEDED", 2 * PATIENCE);
    assert_eq!(aws.receipts("tallied").len(), ITEMS as usize);
    assert_eq!(published(&aws, &project, &format!("tallied/{DAY}")), copied(ITEMS as usize));
    let launches = aws.all_states(&run).concat().iter().filter(|s| *s == "LaunchFleet").count();
    assert_eq!(launches, 2, "the forged round, and the one that did the work");

    // Late ones find nobody.
    flood(&aws, (0..ITEMS).map(|item| callback(item, epoch, 0, Failed)).collect());
    assert_eq!(aws.execution(&run).status, "SUCCEEDED");
    aws.leaves_nothing(REAPED);
}

fn callback(item: u32, epoch: u64, round: u32, kind: CallbackKind) -> String {
    let callback = Callback {
        v: RECORD_VERSION,
        run: "tallied/2013-01-01".into(),
        step: "copy".into(),
        generation: 1,
        epoch,
        round,
        item,
        attempt: "0123456789abcdef".into(),
        kind,
        worker: "nobody".to_owned(),
    };
    serde_json::to_string(&callback).expect("JSON")
}

/// What must not change anything: other epochs and rounds, items and runs that are not there, texts without a meaning,
/// and no callbacks at all. Each several times.
fn worthless(epoch: u64) -> Vec<String> {
    let mut all = Vec::new();
    for item in 0..ITEMS {
        for kind in [Failed, Poison, NeedsMemory] {
            all.push(callback(item, 0, 0, kind));
            all.push(callback(item, epoch + 7, 0, kind));
            all.push(callback(item, epoch, 5, kind));
        }
        all.extend([callback(item, epoch, 0, Lost), callback(item, epoch, 0, Alive)]);
    }
    all.push(callback(ITEMS + 7, epoch, 0, Done));
    all.push(callback(0, epoch, 0, Done).replace("tallied", "nobodys"));
    all.push(callback(0, epoch, 0, Done).replace("\"generation\":1", "\"generation\":9"));
    all.extend(["", "not JSON", "{}", "[1]", "{\"v\": 99}"].map(str::to_owned));
    [all.clone(), all.clone(), all].concat()
}

/// Half of them straight to the function, from eight at once, half through the queue; in a seeded order.
fn flood(aws: &LocalAws, mut bodies: Vec<String>) {
    let mut seeded = Seeded::from_env(7);
    for last in (1..bodies.len()).rev() {
        let other = usize::try_from(seeded.below(last as u64 + 1)).expect("an index");
        bodies.swap(last, other);
    }
    let (direct, queued) = bodies.split_at(bodies.len() / 2);
    thread::scope(|scope| {
        for part in direct.chunks(direct.len().div_ceil(8)) {
            scope.spawn(|| {
                let reply = aws.invoke("tally", &batch(part));
                assert_eq!(reply, json!({"batchItemFailures": []}), "handed back");
            });
        }
        for part in queued.chunks(queued.len().div_ceil(4)) {
            scope.spawn(|| aws.send_all(aws.output("CallbacksQueueUrl"), part));
        }
    });
    aws.drained(aws.output("CallbacksQueueUrl"), PATIENCE);
}

/// As an event-source mapping hands messages over.
fn batch(bodies: &[String]) -> Value {
    let record =
        |(i, body): (usize, &String)| json!({"messageId": i.to_string(), "eventSource": "aws:sqs", "body": body});
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
}
