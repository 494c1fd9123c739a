//! A failure at every write of a whole run: refused, lost reply, sudden death. Whatever it was, a restart gives what
//! an undisturbed run gives.

use crate::drive::run_all;
use crate::ports::Fault;
use crate::workers::Work;
use crate::world::{World, directory};
use spotmill_core::calls::Next;
use spotmill_lambdas::reap;

/// Who restarts after a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Restart {
    /// A person, with another execution.
    Anew,
    /// The same execution: a retry, a redrive.
    Same,
}

/// Runs until done.
async fn insist(world: &World, restart: Restart) -> u32 {
    for tries in 1..=3 {
        let root = if restart == Restart::Same { "r1".to_owned() } else { format!("r{tries}") };
        let ended = run_all(world, &root, &|_, _| Work::Commit).await;
        world.store.revive();
        if ended.is_ok_and(|v| v.next == Next::Done) {
            return tries;
        }
        if restart == Restart::Anew {
            world.executions.end(&root);
        }
    }
    panic!("not done after three starts");
}

async fn check(fault: Fault, restart: Restart) {
    let dir = directory();
    let place = dir.path().join("w");
    let calm = World::at(&place).await;
    calm.store.fail_at(u64::MAX, fault);
    run_all(&calm, "r1", &|_, _| Work::Commit).await.unwrap();
    let (writes, expected) = (calm.store.writes(), calm.outcome().await);
    assert!(writes > 40, "{writes} writes");
    for k in 1..=writes {
        let world = World::at(&place).await;
        world.store.fail_at(k, fault);
        insist(&world, restart).await;
        let outcome = world.outcome().await;
        for (name, text) in &expected {
            assert_eq!(outcome.get(name), Some(text), "{name} after {fault:?} at write {k}");
        }
        let more: Vec<_> = outcome.keys().filter(|name| !expected.contains_key(*name)).collect();
        assert!(more.is_empty(), "after {fault:?} at write {k} there are also {more:?}");
        assert!(crate::ports::lock(&world.fleets.live).is_empty(), "a fleet lives after {fault:?} at write {k}");
    }
}

#[tokio::test]
async fn a_write_refused_anywhere_changes_nothing_in_the_end() {
    check(Fault::Refuse, Restart::Anew).await;
}

#[tokio::test]
async fn a_lost_reply_anywhere_changes_nothing_in_the_end() {
    check(Fault::LoseReply, Restart::Anew).await;
}

#[tokio::test]
async fn a_death_after_any_write_changes_nothing_in_the_end() {
    check(Fault::Die, Restart::Anew).await;
}

#[tokio::test]
async fn a_retry_by_the_same_execution_after_a_death_changes_nothing_in_the_end() {
    check(Fault::Die, Restart::Same).await;
}

#[tokio::test]
async fn a_lost_request_anywhere_changes_nothing_in_the_end() {
    check(Fault::LoseRequest, Restart::Anew).await;
}

/// The conditional writes check for themselves: Begin and PlanWork need no second start for a lost reply.
#[tokio::test]
async fn a_lost_reply_or_request_is_checked_again_at_once() {
    for fault in [Fault::LoseReply, Fault::LoseRequest] {
        for k in 1..=2 {
            let world = World::new().await;
            world.store.fail_at(k, fault);
            world.begin("r1", |_| {}).await.unwrap_or_else(|e| panic!("{fault:?} at write {k}: {e}"));
            assert_eq!(world.lease().await.owner, Some("r1".into()), "{fault:?} at write {k}");
        }
        let world = World::new().await;
        world.begin("r1", |_| {}).await.unwrap();
        world.store.fail_at(1, fault);
        let plan = world.plan("r1", "a").await.unwrap();
        assert_eq!(plan.epoch, world.lease().await.epoch, "{fault:?}");
    }
}

/// Every function may die after any write, and no event need come: ticks of the watch rule end what is left.
#[tokio::test]
async fn whatever_died_a_tick_leaves_no_fleet_and_no_queue() {
    let dir = directory();
    let place = dir.path().join("w");
    let mut alive = 0;
    for k in 1..=40 {
        let world = World::at(&place).await;
        world.store.fail_at(k, Fault::Die);
        let ended = run_all(&world, "r1", &|_, _| Work::Commit).await;
        world.store.revive();
        let fleets: Vec<String> = crate::ports::lock(&world.fleets.live).iter().cloned().collect();
        alive += fleets.len();
        for child in ["r1", "r1/a", "r1/b"] {
            world.executions.end(child);
        }
        reap::handle(&world.ctx, crate::watches::tick()).await.unwrap();
        assert!(crate::ports::lock(&world.fleets.live).is_empty(), "write {k}: {ended:?}");
        assert!(fleets.iter().all(|queue| world.queues.depth(queue).is_none()), "write {k}");
    }
    assert!(alive > 5, "deaths left {alive} fleets");
}
