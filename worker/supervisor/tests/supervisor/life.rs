//! What a machine reports of itself: its record, its milestones, and the notice it waits for.

use crate::common::{EPOCH, World};
use async_trait::async_trait;
use spotmill_core::bounds::NOTICE_POLL_SECS;
use spotmill_core::keys;
use spotmill_core::life::InstanceRecord;
use spotmill_platform::local::SystemClock;
use spotmill_platform::ports::{Clock, Identity, Instance, InstanceError};
use spotmill_platform::records;
use spotmill_supervisor::{WorkerEvent, noticed};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

async fn with_life(script: &str) -> World {
    let mut world = World::new(script, "").await;
    let born = InstanceRecord {
        v: 1,
        id: "i-1".to_owned(),
        kind: "r7g.2xlarge".to_owned(),
        booted_ms: SystemClock.now_ms() - 20_000,
        ..InstanceRecord::default()
    };
    world.config.life = Some((world.keys.instances(EPOCH), born));
    world
}

async fn record(world: &World) -> Option<InstanceRecord> {
    let key = keys::instance(&world.keys.instances(EPOCH), "i-1");
    records::load(&*world.store, &key).await.expect("load").map(|(record, _)| record)
}

/// The record, once it is so.
async fn eventually(world: &World, what: &str, holds: impl Fn(&InstanceRecord) -> bool) -> InstanceRecord {
    for _ in 0..500 {
        if let Some(found) = record(world).await.filter(|r| holds(r)) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}; {:?}", record(world).await);
}

#[tokio::test]
async fn a_machine_writes_down_its_life() {
    let world = with_life("until [ -e $HERE/go ]; do sleep 0.02; done; finish").await;
    let supervisor = world.start();
    let working = eventually(&world, "it works", |r| r.first_item_ms.is_some()).await;
    assert_eq!((working.kind.as_str(), working.ended_ms, working.items), ("r7g.2xlarge", None, 0));
    assert!(working.booted_ms < working.started_ms && working.first_receive_ms <= working.first_item_ms, "{working:?}");
    supervisor.notice(SystemClock.now_ms() + 60_000);
    eventually(&world, "it heard", |r| r.noticed_ms.is_some()).await;
    std::fs::write(world.local("go"), "").expect("go");
    world.callbacks(1).await;
    supervisor.stop_now();
    supervisor.join().await;
    let ended = record(&world).await.expect("a record");
    assert_eq!((ended.items, ended.why.as_deref()), (1, Some("asked to stop")));
    assert!(ended.ended_ms >= ended.noticed_ms && ended.lived_ms() > 20_000, "{ended:?}");
    let milestones: Vec<&str> = world
        .events()
        .iter()
        .filter_map(|e| match e {
            WorkerEvent::Milestone { what, since_boot_ms } if *since_boot_ms >= 20_000 => Some(*what),
            _ => None,
        })
        .collect();
    assert_eq!(milestones, ["the worker is ready", "first work", "first item"]);
}

#[tokio::test]
async fn a_machine_that_vanishes_is_dated_by_its_last_record() {
    let mut world = with_life("sleep 60").await;
    world.config.times.life_ms = 100;
    let supervisor = world.start();
    let first = eventually(&world, "it works", |r| r.first_item_ms.is_some()).await;
    // Now and then, without any other event.
    let later = eventually(&world, "it lives", |r| r.seen_ms > first.seen_ms).await;
    assert_eq!((later.ended_ms, later.why), (None, None));
    drop(supervisor);
}

/// Answers without a notice, then with an error, then with the notice.
struct Metadata {
    answers: Mutex<Vec<Option<u64>>>,
    asked: Mutex<Vec<Duration>>,
    since: Instant,
}

#[async_trait]
impl Instance for Metadata {
    async fn identity(&self) -> Result<Identity, InstanceError> {
        Err(InstanceError { what: "not asked".to_owned(), source: "test".into() })
    }
    async fn notice(&self) -> Result<Option<u64>, InstanceError> {
        let mut asked = self.asked.lock().expect("asked");
        asked.push(self.since.elapsed());
        if asked.len() == 2 {
            return Err(InstanceError { what: "no route".to_owned(), source: "test".into() });
        }
        Ok(self.answers.lock().expect("answers").pop().unwrap_or_default())
    }
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_asked_for_every_five_seconds_whatever_the_answer() {
    assert_eq!(NOTICE_POLL_SECS, 5);
    let answers = Mutex::new(vec![Some(77), None, None]);
    let metadata = Metadata { answers, asked: Mutex::default(), since: Instant::now() };
    let errors = Mutex::new(0);
    assert_eq!(noticed(&metadata, |_| *errors.lock().expect("trouble") += 1).await, 77);
    let asked: Vec<u64> = metadata.asked.lock().expect("asked").iter().map(Duration::as_secs).collect();
    assert_eq!((asked.as_slice(), *errors.lock().expect("trouble")), ([0, 5, 10, 15].as_slice(), 1));
}
