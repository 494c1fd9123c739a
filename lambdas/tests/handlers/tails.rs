//! The tail of a round, in virtual time: machines with nothing to do end within a minute, by one decision.

use crate::ports::lock;
use crate::watches::{dispatched, stands};
use crate::workers::Work;
use crate::world::World;
use spotmill_core::bounds::{ALIVE_SECS, HOLDER_SECS};
use spotmill_core::calls::RoundRequest;
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::{FleetRequest, Target};
use spotmill_core::records::{Callback, CallbackKind};
use spotmill_lambdas::{kill_fleet, report, tally};
use spotmill_platform::ports::Store;

/// A hundred items on a fleet that was asked for eight slots and has eight machines.
async fn hundred(world: &World) -> (RoundRequest, FleetRequest) {
    world.store.delete(&world.base().join("in/2013-01-01/1.csv")).await.unwrap();
    world.store.delete(&world.base().join("in/2013-01-01/2.csv")).await.unwrap();
    world.store.delete(&world.base().join("in/2013-01-01/3.csv")).await.unwrap();
    for n in 0..100 {
        world.input(&format!("{n:03}.csv"), "x,1\ny,2\n").await;
    }
    world.deploy_edited(|p| p.fleet.max_vcpus = Some(8)).await;
    let (round, fleet) = dispatched(world).await;
    assert_eq!(fleet.max_slots, 8);
    stands(world, &fleet, 8);
    (round, fleet)
}

fn alive(world: &World, round: &RoundRequest, item: u32, machine: &str) -> String {
    let worker = format!("{machine} m7g.medium use1-az1");
    serde_json::to_string(&Callback { worker, ..world.callback(round, item, CallbackKind::Alive) }).unwrap()
}

fn working(world: &World, fleet: &FleetRequest) -> Vec<String> {
    lock(&world.fleets.now)[&fleet.name].working().map(|m| m.id.clone()).collect()
}

/// The three long items report that they live, as they do every few seconds.
async fn all_live(world: &World, round: &RoundRequest) {
    let bodies = [(0, "i-2"), (1, "i-5"), (2, "i-8")].map(|(item, machine)| alive(world, round, item, machine));
    assert!(tally::handle(&world.ctx, &bodies).await.is_empty());
}

#[tokio::test]
async fn with_three_long_items_left_of_a_hundred_on_eight_machines_five_are_gone_within_a_minute() {
    let world = World::new().await;
    let (round, fleet) = hundred(&world).await;
    all_live(&world, &round).await;
    world.clock.pass_secs(600);
    // All others end at once, and the long ones were not heard of for ten minutes.
    world.work(&round, &|item| if item < 3 { Work::Vanish } else { Work::Commit }).await.unwrap();
    assert_eq!(working(&world, &fleet).len(), 8, "nobody knows yet who works");
    let mut waited = 0;
    while working(&world, &fleet).len() > 3 {
        assert!(waited < 60, "not within a minute");
        world.clock.pass_secs(ALIVE_SECS);
        waited += ALIVE_SECS;
        all_live(&world, &round).await;
    }
    assert_eq!(working(&world, &fleet), ["i-2", "i-5", "i-8"]);
    let resized = lock(&world.fleets.resized).clone();
    assert_eq!((resized.len(), resized[0].target), (1, Target { vcpus: 3, on_demand: 0 }));

    // The three end after ten more minutes: that is what the tail cost.
    world.clock.pass_secs(600);
    let left: Vec<_> = (0..3).map(|i| world.callback(&round, i, CallbackKind::Done)).collect();
    let left: Vec<String> = left.iter().map(|c| serde_json::to_string(c).unwrap()).collect();
    tally::handle(&world.ctx, &left).await;
    assert!(world.executions.succeeded("t"));
    kill_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    let report = report::summarize(&world.ctx, &world.run()).await.unwrap();
    let cost = report.steps[0].cost.expect("machines cost something");
    assert_eq!(cost.machines, 8);
    assert!((600_000..720_000).contains(&cost.tail_ms), "{cost:?}");
    // Three machines for eleven minutes and five for one, at $0.36 an hour.
    assert!(cost.tail_usd > 0.18 && cost.tail_usd < 0.24, "{cost:?}");
    assert_eq!(report.steps[0].notes, ["3 items left: 5 of 8 machines had nothing to do and ended"]);
}

#[tokio::test]
async fn of_many_folds_at_once_one_decides() {
    let world = World::new().await;
    let (round, fleet) = hundred(&world).await;
    world.work(&round, &|item| if item < 3 { Work::Vanish } else { Work::Commit }).await.unwrap();
    world.clock.pass_secs(ALIVE_SECS);
    let batches: Vec<Vec<String>> = [(0, "i-2"), (1, "i-5"), (2, "i-8"), (0, "i-2"), (1, "i-5"), (2, "i-8")]
        .map(|(item, machine)| vec![alive(&world, &round, item, machine)])
        .to_vec();
    let folds = batches.iter().map(|bodies| tally::handle(&world.ctx, bodies));
    let folds: Vec<_> = futures_all(folds).await;
    assert!(folds.iter().all(Vec::is_empty));
    all_live(&world, &round).await;
    world.clock.pass_secs(ALIVE_SECS);
    all_live(&world, &round).await;
    assert_eq!(lock(&world.fleets.resized).len(), 1, "{:?}", lock(&world.fleets.resized));
    assert_eq!(working(&world, &fleet).len(), 3);
}

async fn futures_all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pinned: Vec<_> = futures.into_iter().map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in pinned.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(cx) {
                *done = Some(value);
            }
        }
        if pinned.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pinned.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn a_machine_stays_for_an_item_that_nobody_works_on() {
    let world = World::new().await;
    let (round, fleet) = hundred(&world).await;
    world.work(&round, &|item| if item < 3 { Work::Vanish } else { Work::Commit }).await.unwrap();
    for _ in 0..=HOLDER_SECS / ALIVE_SECS + 1 {
        world.clock.pass_secs(ALIVE_SECS);
        let bodies = [alive(&world, &round, 0, "i-4"), alive(&world, &round, 1, "i-4")];
        tally::handle(&world.ctx, &bodies).await;
    }
    // The third item waits in the queue: one idle machine is there to take it.
    assert_eq!(working(&world, &fleet), ["i-1", "i-4"]);
    let life: RoundMachines = world.read(&world.step_keys(&round).machines(round.epoch, 0)).await;
    assert_eq!(life.machines.values().filter(|m| m.ended_ms.is_none()).count(), 2);
}
