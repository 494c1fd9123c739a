//! Hours of failures in virtual time: interruptions, an outage of the store, an item that takes its machines with it.
//! Failed, infra, lost and poison are never mixed up.

use crate::common::sim::{Fate, Machine, Sim};
use spotmill_core::ids::ItemIndex;
use spotmill_core::item::FailureClass;
use spotmill_core::records::{Callback, CallbackKind};
use spotmill_platform::ports::Queue;
use spotmill_supervisor::WorkerEvent;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

const LONG: Duration = Duration::from_secs(48 * 3_600);

/// What became of each item, once all are settled; interruptions are counted.
async fn settled(sim: &Sim, items: u32) -> (BTreeMap<ItemIndex, CallbackKind>, u32) {
    let (mut ends, mut lost) = (BTreeMap::new(), 0);
    let until = Instant::now() + LONG;
    while ends.len() < items as usize {
        assert!(Instant::now() < until, "still only {ends:?}; events: {:?}", sim.world.events());
        let (wait, long) = (Duration::from_secs(20), Duration::from_secs(600));
        for message in sim.world.queues.receive("callbacks", 10, wait, long).await.expect("receive") {
            let callback: Callback = serde_json::from_str(&message.body).expect("callback");
            match callback.kind {
                CallbackKind::Alive | CallbackKind::Held => {}
                CallbackKind::Lost => lost += 1,
                kind => drop(ends.insert(callback.item, kind)),
            }
            sim.world.queues.delete("callbacks", &message.receipt).await.expect("delete");
        }
    }
    (ends, lost)
}

/// Recorded failures: the item and class of each.
async fn classes(sim: &Sim) -> Vec<(ItemIndex, FailureClass)> {
    sim.world.failures().await.into_iter().map(|f| (f.item, f.class)).collect()
}

/// The item is begun for the `times`th time before so long.
async fn begins(sim: &Sim, times: usize, within: Duration) {
    let until = Instant::now() + within;
    while sim.world.started() < times {
        assert!(Instant::now() < until, "begun {} times, not {times}", sim.world.started());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn stop(machines: Vec<Machine>) {
    for machine in machines {
        machine.supervisor.stop_now();
        machine.supervisor.join().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_machine_polls_until_it_is_stopped() {
    let mut sim = Sim::new(1, |_| Fate::Done(60)).await;
    sim.world.queues.remove("work").await.expect("remove");
    let machine = sim.machine(2);
    // No queue at all, then an empty one: neither is a reason to leave.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    sim.world.queues.create("work").await.expect("create");
    tokio::time::sleep(Duration::from_secs(3 * 3_600)).await;
    sim.world.send(&sim.world.work[0]).await;
    let sent = Instant::now();
    assert_eq!(settled(&sim, 1).await.0[&0], CallbackKind::Done);
    assert!(sent.elapsed() < Duration::from_secs(90), "it listened: {:?}", sent.elapsed());
    stop(vec![machine]).await;
}

#[tokio::test(start_paused = true)]
async fn forty_interruptions_of_one_item_are_no_failure() {
    // It needs fifty minutes, and is given them only in the end.
    let mut sim = Sim::new(1, |_| Fate::Done(3_000)).await;
    let mut machine = sim.machine(2);
    begins(&sim, 1, Duration::from_secs(1)).await;
    for n in 0..40 {
        tokio::time::sleep(Duration::from_secs(700)).await;
        // Every third machine vanishes without a message: then the lease has to end first.
        if n % 3 == 2 {
            machine.vanish().await;
            machine = sim.machine(2);
            begins(&sim, n + 2, Duration::from_secs(121)).await;
            continue;
        }
        machine.supervisor.notice(sim.now_ms() + 120_000);
        let next = sim.machine(2);
        tokio::time::sleep(Duration::from_secs(109)).await;
        assert_eq!(sim.world.started(), n + 1, "it had until shortly before the end");
        begins(&sim, n + 2, Duration::from_secs(10)).await;
        std::mem::replace(&mut machine, next).vanish().await;
    }
    let (ends, lost) = settled(&sim, 1).await;
    assert_eq!((ends[&0], lost), (CallbackKind::Done, 27));
    assert_eq!(classes(&sim).await, vec![(0, FailureClass::Lost); 27]);
    stop(vec![machine]).await;
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_without_a_store_touch_no_budget_and_lose_no_work() {
    let mut sim = Sim::new(24, |item| Fate::Done(50 + u64::from(item))).await;
    let machines: Vec<Machine> = (0..3).map(|_| sim.machine(2)).collect();
    // In the middle of copies, runs, commits and records, as it comes.
    tokio::time::sleep(Duration::from_secs(130)).await;
    sim.storm.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(sim.world.queues.depth("work").map(|left| left > 6), Some(true), "it rains");
    sim.storm.store(false, Ordering::SeqCst);
    let calm = Instant::now();
    let (ends, lost) = settled(&sim, 24).await;
    assert!(ends.values().all(|kind| *kind == CallbackKind::Done), "{ends:?}");
    assert!(calm.elapsed() < Duration::from_secs(900), "back-off outlives the storm: {:?}", calm.elapsed());
    assert_eq!((classes(&sim).await, lost), (Vec::new(), 0), "nothing was counted, not even as infra");
    assert_eq!(sim.world.started(), 24, "nothing was done twice");
    stop(machines).await;
}

#[tokio::test(start_paused = true)]
async fn a_day_without_a_store_is_nobodys_poison() {
    let mut sim = Sim::new(4, |_| Fate::Done(60)).await;
    let machines: Vec<Machine> = (0..2).map(|_| sim.machine(1)).collect();
    sim.storm.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(24 * 3_600)).await;
    sim.storm.store(false, Ordering::SeqCst);
    let (ends, _) = settled(&sim, 4).await;
    assert!(ends.values().all(|kind| *kind == CallbackKind::Done), "{ends:?}");
    assert_eq!(classes(&sim).await, Vec::new());
    stop(machines).await;
}

#[tokio::test(start_paused = true)]
async fn an_item_that_takes_its_machines_with_it_is_poison_and_its_neighbours_are_not() {
    let poison = |item| item == 5 || item == 7;
    let mut sim =
        Sim::new(16, move |item| if poison(item) { Fate::TakesItsMachine(20) } else { Fate::Done(240) }).await;
    let mut machines: Vec<Machine> = (0..3).map(|_| sim.machine(4)).collect();
    let deaths = tokio::time::timeout(LONG, async {
        for deaths in 1.. {
            // A poisonous item is given up after ten isolated attempts; after that no machine vanishes.
            let Ok(gone) = tokio::time::timeout(Duration::from_secs(7_200), sim.next_gone()).await else {
                return deaths - 1;
            };
            let at = machines.iter().position(|m| m.name == gone).expect("a living machine");
            machines.swap_remove(at).vanish().await;
            machines.push(sim.machine(4));
        }
        0
    });
    let deaths = deaths.await.expect("it ends");
    let (ends, _) = settled(&sim, 16).await;
    for (item, kind) in &ends {
        assert_eq!(*kind == CallbackKind::Poison, poison(*item), "item {item}: {kind:?}, {ends:?}");
        assert_eq!(*kind == CallbackKind::Done, !poison(*item), "item {item}: {kind:?}");
    }
    let failures = classes(&sim).await;
    assert_eq!(
        failures,
        [(5, FailureClass::Poison), (7, FailureClass::Poison)],
        "neighbours have no failure on record"
    );
    assert!((20..=40).contains(&deaths), "{deaths} machines for two such items");
    let failed = |e: &WorkerEvent| matches!(e, WorkerEvent::ItemFailed { id, .. } if !poison(id.item));
    assert!(!sim.world.events().iter().any(failed));
    stop(machines).await;
}
