//! Receipts, races, budgets and fences: what is committed, what is reported, and what is never done twice.

use crate::common::{EPOCH, World};
use spotmill_core::digest::sha256;
use spotmill_core::item::{FailureClass, ItemSpec, RowCounts};
use spotmill_core::records::{CallbackKind, Pins};
use spotmill_platform::ports::Queue;
use spotmill_platform::records;
use spotmill_supervisor::WorkerEvent;
use std::time::Duration;

#[tokio::test]
async fn an_item_is_done() {
    let world = World::new("cp \"$SPEC\" $HERE/spec; finish", "timeout = \"7s\"").await;
    let callbacks = world.settle(1).await;
    let receipt = world.receipt(0).await.expect("receipt");
    assert_eq!((callbacks[0].kind, &callbacks[0].attempt), (CallbackKind::Done, &receipt.attempt));
    assert_eq!(receipt.rows, RowCounts { raw: 3, read: 2, rejected: 1, written: 2 });
    assert_eq!((receipt.worker_digest.as_str(), receipt.epoch), ("digest of the worker", EPOCH));
    assert!(receipt.usage.wall_ms > 0);
    let file = receipt.scratch.join(&receipt.files[0].path);
    assert_eq!(world.store.get(&file).await.expect("file").body, b"data");
    let work = &world.work[0];
    let line = world.store.get_range(&world.keys.work(&work.work_digest), work.from, work.to).await.expect("line");
    assert_eq!(receipt.item_digest, sha256(&line));

    let spec = std::fs::read(world.local("spec")).expect("spec");
    let spec: ItemSpec = serde_json::from_slice(&spec).expect("spec");
    assert_eq!((spec.alias.as_str(), spec.threads, spec.memory_bytes), ("input", 1, 128 << 20));
    assert_eq!((spec.scratch, spec.attempt, spec.worker_version.as_str()), (receipt.scratch, receipt.attempt, "test"));
    let done =
        |e: &WorkerEvent| matches!(e, WorkerEvent::ItemDone { rows, files: 1, bytes: 4, .. } if rows.written == 2);
    assert!(world.events().iter().any(done));
}

#[tokio::test]
async fn many_items_share_the_slots() {
    let world = World::of(12, "finish", "").await;
    let callbacks = world.settle(12).await;
    let mut items: Vec<u32> = callbacks.iter().map(|c| c.item).collect();
    items.sort_unstable();
    assert_eq!(items, (0..12).collect::<Vec<_>>());
    assert_eq!(world.started(), 12);
}

#[tokio::test]
async fn a_failed_attempt_is_retried() {
    let world = World::new("first a && { failed transform; exit 1; }; finish", "max_attempts = 3").await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    assert_eq!(world.failures().await.len(), 1);
    let retried = |e: &WorkerEvent| matches!(e, WorkerEvent::ItemFailed { attempts: 1, retry_in_ms: Some(10), .. });
    assert!(world.events().iter().any(retried));
    assert_eq!(world.scratch().await.len(), 1, "only the committed attempt's file");
}

#[tokio::test]
async fn attempts_are_counted_and_bounded() {
    let world = World::new("exit 3", "max_attempts = 3").await;
    world.put_failure(0, "lost", FailureClass::Lost).await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Failed);
    assert_eq!(world.started(), 3, "what was lost does not count");

    let world = World::new("failed bad_data; exit 1", "max_attempts = 5").await;
    world.settle(1).await;
    assert_eq!(world.started(), 2, "bad data is looked at twice");
}

#[tokio::test]
async fn infrastructure_failures_are_not_counted() {
    let world = World::new(
        "first a && { failed infra; exit 1; }; first b && { failed infra; exit 1; }; finish",
        "max_attempts = 1",
    )
    .await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    assert_eq!(world.started(), 3);
}

#[tokio::test]
async fn whoever_sees_a_receipt_reports_done() {
    let world = World::new("finish", "").await;
    world.put_receipt(0, "winner").await;
    let callbacks = world.settle(1).await;
    assert_eq!((callbacks[0].kind, callbacks[0].attempt.as_str()), (CallbackKind::Done, "winner"));
    assert_eq!(world.started(), 0);
}

#[tokio::test]
async fn the_loser_of_a_race_reports_done_and_deletes_its_own_files() {
    let world = World::new("touch $HERE/running; until [ -e $HERE/go ]; do sleep 0.02; done; finish", "").await;
    let supervisor = world.start();
    world.eventually("it runs", || world.local("running").exists()).await;
    world.put_receipt(0, "winner").await;
    std::fs::write(world.local("go"), "").expect("go");
    let callbacks = world.callbacks(1).await;
    assert_eq!((callbacks[0].kind, callbacks[0].attempt.as_str()), (CallbackKind::Done, "winner"));
    supervisor.stop_now();
    supervisor.join().await;
    assert_eq!(world.receipt(0).await.expect("receipt").attempt.as_str(), "winner");
    assert_eq!(world.scratch().await, [""; 0]);
    assert_eq!(world.queues.depth("work"), Some(0));
}

#[tokio::test]
async fn two_attempts_at_one_item_commit_once() {
    let world = World::new("sleep 0.2; finish", "").await;
    // The message comes twice, as messages do.
    world.send(&world.work[0]).await;
    let callbacks = world.settle(2).await;
    let receipt = world.receipt(0).await.expect("receipt");
    assert!(callbacks.iter().all(|c| c.kind == CallbackKind::Done && c.attempt == receipt.attempt), "{callbacks:?}");
    assert_eq!(world.started(), 2);
    let files = world.scratch().await;
    assert_eq!(files, [receipt.scratch.join(&receipt.files[0].path).0]);
}

#[tokio::test]
async fn an_input_that_changed_voids_the_attempt() {
    for change in ["echo 3 >> {}", "rm {}"] {
        let world = World::new(&format!("finish; {}", change.replace("{}", "$HERE/../input-0.csv")), "").await;
        assert_eq!(world.settle(1).await[0].kind, CallbackKind::Failed);
        let record = world.failures().await.remove(0);
        assert_eq!(record.class, FailureClass::InputChanged);
        assert!(record.file.expect("file").ends_with("input-0.csv") && record.message.contains("while it was read"));
        assert!(world.receipt(0).await.is_none());
        assert_eq!(world.scratch().await, [""; 0]);
        assert_eq!(world.started(), 1, "an epoch pins its inputs: no other attempt can succeed");
    }
}

#[tokio::test]
async fn an_epoch_pins_what_changed_before_it_began() {
    let world = World::new("finish", "").await;
    let input = spotmill_core::ids::Uri::new(world.dir.path().join("input-0.csv").to_string_lossy());
    world.store.put(&input, b"repaired").await.expect("put");
    let meta = world.store.head(&input).await.expect("head");
    let changed = vec![spotmill_core::item::InputFile {
        uri: input,
        etag: meta.etag,
        bytes: meta.bytes,
        rows: None,
        bundled: None,
    }];
    let pins = Pins { v: 1, epoch: EPOCH, changed, notes: Vec::new() };
    records::put(&*world.store, &world.keys.pins(EPOCH), &pins).await.expect("pins");
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
}

#[tokio::test]
async fn messages_that_do_not_fit_are_dropped() {
    let world = World::of(2, "finish", "").await;
    let good = world.work[1].clone();
    let drain = async || {
        for message in world.queues.receive("work", 10, Duration::ZERO, Duration::from_secs(9)).await.expect("receive")
        {
            world.queues.delete("work", &message.receipt).await.expect("delete");
        }
    };
    drain().await;
    let wrong = |change: &dyn Fn(&mut spotmill_core::records::WorkMessage)| {
        let mut work = world.work[0].clone();
        change(&mut work);
        work
    };
    for work in [
        wrong(&|w| w.epoch -= 1),
        wrong(&|w| w.epoch += 1),
        wrong(&|w| w.generation += 1),
        wrong(&|w| w.work_digest = "another".to_owned()),
        wrong(&|w| w.item = 1),
        wrong(&|w| w.item = 9),
        wrong(&|w| w.to -= 1),
        wrong(&|w| w.v = 2),
        wrong(&|w| w.run = "flights/1999-01-01".into()),
        wrong(&|w| w.step = "nothing".into()),
    ] {
        world.send(&work).await;
    }
    world.queues.send("work", &["{".to_owned()]).await.expect("send");
    world.send(&good).await;
    let callbacks = world.settle(1).await;
    assert_eq!((callbacks[0].kind, callbacks[0].item), (CallbackKind::Done, 1));
    assert_eq!(world.started(), 1);
    assert!(world.receipt(0).await.is_none());
    let dropped = world.events().into_iter().filter(|e| matches!(e, WorkerEvent::MessageDropped { .. })).count();
    assert_eq!(dropped, 11);
}

#[tokio::test]
async fn what_breaks_its_machines_is_poison() {
    let received = async |world: &World, times: u32| {
        for _ in 0..times {
            world.queues.receive("work", 1, Duration::ZERO, Duration::ZERO).await.expect("receive");
        }
    };
    let world = World::new("finish", "").await;
    received(&world, 15).await;
    for n in 0..10 {
        world.put_isolated(0, &format!("alone-{n}")).await;
    }
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Poison);
    let record = world.failures().await.remove(0);
    assert_eq!(record.class, FailureClass::Poison);
    assert!(record.message.contains("received 16 times") && record.message.contains("10 times"), "{record:?}");
    assert_eq!(world.started(), 0);

    // With others beside it, or ended as recorded, it proves nothing: it runs isolated, and that is recorded.
    let world = World::new("finish", "").await;
    received(&world, 40).await;
    for n in 0..10 {
        world.put_isolated(0, &format!("alone-{n}")).await;
    }
    world.put_failure(0, "alone-3", FailureClass::Lost).await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    let marks = world.store.list(&world.keys.isolated(EPOCH, 0)).await.expect("list");
    let receipt = world.receipt(0).await.expect("receipt");
    assert!(marks.iter().any(|m| m.uri == world.keys.began_isolated(EPOCH, 0, &receipt.attempt)), "{marks:?}");

    // Interruptions on record explain as many receives.
    let world = World::new("finish", "").await;
    for n in 0..16 {
        world.queues.receive("work", 1, Duration::ZERO, Duration::ZERO).await.expect("receive");
        world.put_failure(0, &format!("lost-{n}"), FailureClass::Lost).await;
    }
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    assert_eq!(world.store.list(&world.keys.isolated(EPOCH, 0)).await.expect("list").len(), 0, "as any other");
}

#[tokio::test]
async fn spent_attempts_are_not_added_to() {
    let world = World::new("finish", "max_attempts = 2").await;
    world.queues.receive("work", 1, Duration::ZERO, Duration::ZERO).await.expect("receive");
    world.put_failure(0, "one", FailureClass::Crash).await;
    world.put_failure(0, "two", FailureClass::Transform).await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Failed);
    assert_eq!(world.started(), 0);
}
