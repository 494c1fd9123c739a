//! What is left behind: fleets of stopped executions, and messages that died.

use crate::ports::lock;
use crate::workers::Work;
use crate::world::World;
use serde_json::{Value, json};
use spotmill_core::bounds::NOT_FOUND_SECS;
use spotmill_core::calls::{Next, RoundRequest, errors};
use spotmill_core::item::FailureClass;
use spotmill_core::records::{Callback, CallbackKind, FailureRecord};
use spotmill_lambdas::{dead_letters, kill_fleet, launch_fleet, reap, report, tally};
use spotmill_platform::ports::{ExecutionState, FleetRequest, Queue, Store};
use std::time::Duration;

/// A step of `root` whose fleet has been launched by the execution `{root}-child`.
async fn launched(world: &World, root: &str) -> RoundRequest {
    world.begin(root, |_| {}).await.unwrap();
    let plan = world.plan(root, "a").await.unwrap();
    let round = world.round(root, "a", &plan, 0, 0);
    launch_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    round
}

async fn fleet(world: &World, round: &RoundRequest) -> FleetRequest {
    world.read(&world.step_keys(round).fleet(round.epoch, round.round)).await
}

fn aborted(world: &World, execution: &str) -> Value {
    let input = json!({"run": world.run(), "step": "a", "root": "r"}).to_string();
    json!({"source": "aws.states", "detail": {"executionArn": execution, "status": "ABORTED", "input": input}})
}

fn live(world: &World) -> usize {
    lock(&world.fleets.live).len()
}

#[tokio::test]
async fn the_fleet_and_queue_of_a_stopped_execution_are_ended_and_marked() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    let fleet = fleet(&world, &round).await;
    let event = aborted(&world, fleet.execution.as_str());
    world.executions.end(fleet.execution.as_str());
    let reply = reap::handle(&world.ctx, event.clone()).await.unwrap();
    assert_eq!((reply.ended, reply.names), (1, vec![fleet.name.clone()]));
    assert_eq!((live(&world), world.queues.depth(&fleet.queue)), (0, None));
    assert!(world.store.head(&world.step_keys(&round).fleet_ended(round.epoch, 0)).await.is_ok());
    // The same event once more, and a tick, find nothing to do.
    for event in [event, json!({"detail-type": "Scheduled Event"})] {
        assert_eq!(reap::handle(&world.ctx, event).await.unwrap().ended, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_event_of_an_earlier_execution_leaves_its_successors_fleet() {
    let world = World::new().await;
    let first = launched(&world, "r1").await;
    let first = fleet(&world, &first).await;
    world.executions.end("r1");
    world.executions.end(first.execution.as_str());
    let second = launched(&world, "r2").await;
    assert_eq!(live(&world), 1, "planning ended the first one's");
    let reply = reap::handle(&world.ctx, aborted(&world, first.execution.as_str())).await.unwrap();
    assert_eq!((reply.living, reply.ended, live(&world)), (1, 0, 1));
    // An event is only a hint, here about the second execution, which still runs.
    let second = fleet(&world, &second).await;
    assert_ne!(first.execution, second.execution);
    let reply = reap::handle(&world.ctx, aborted(&world, second.execution.as_str())).await.unwrap();
    assert_eq!((reply.ended, live(&world)), (0, 1));
}

#[tokio::test]
async fn a_queue_whose_fleet_is_gone_is_removed_with_its_execution() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    let fleet = fleet(&world, &round).await;
    // KillFleet ended the machines and died.
    lock(&world.fleets.live).clear();
    world.executions.end(fleet.execution.as_str());
    assert_eq!(reap::handle(&world.ctx, Value::Null).await.unwrap().ended, 0, "a tick sees fleets only");
    assert_eq!(reap::handle(&world.ctx, aborted(&world, fleet.execution.as_str())).await.unwrap().ended, 1);
    assert_eq!(world.queues.depth(&fleet.queue), None);
}

#[tokio::test]
async fn an_execution_that_cannot_be_found_keeps_its_fleet_for_five_minutes() {
    let world = World::new().await;
    let fleet = {
        let round = launched(&world, "r1").await;
        fleet(&world, &round).await
    };
    lock(&world.executions.states).insert(fleet.execution.to_string(), ExecutionState::NotFound);
    assert_eq!(reap::handle(&world.ctx, Value::Null).await.unwrap().ended, 0);
    world.clock.pass_secs(NOT_FOUND_SECS);
    assert_eq!(reap::handle(&world.ctx, Value::Null).await.unwrap().ended, 1);
    assert_eq!(live(&world), 0);
}

/// KillFleet failed for good and no event came: the next tick finishes, whatever KillFleet had done already.
#[tokio::test]
async fn what_a_failed_kill_left_is_ended_by_a_tick_queue_and_all() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    let fleet = fleet(&world, &round).await;
    *lock(&world.fleets.stuck) = Some(fleet.name.clone());
    assert_eq!(kill_fleet::handle(&world.ctx, round.clone()).await.unwrap_err().error, errors::TRANSIENT);
    assert_eq!((live(&world), world.queues.depth(&fleet.queue)), (1, None), "the queue never outlives its fleet");
    *lock(&world.fleets.stuck) = None;
    world.executions.end(fleet.execution.as_str());
    let reply = reap::handle(&world.ctx, json!({"detail-type": "Scheduled Event"})).await.unwrap();
    assert_eq!((reply.living, reply.ended, live(&world)), (0, 1, 0));
    assert!(world.store.head(&world.step_keys(&round).fleet_ended(round.epoch, 0)).await.is_ok());
}

/// What is reported as living lives on: neither what was ended now, nor queues without a fleet, are counted.
#[tokio::test]
async fn the_reply_counts_what_lives_on() {
    let world = World::new().await;
    let first = launched(&world, "r1").await;
    let first = fleet(&world, &first).await;
    world.store.put(&world.base().join("in/2013-01-02/1.csv"), b"x,1\n").await.unwrap();
    launched(&world.of_date("2013-01-02"), "r2").await;
    world.executions.end(first.execution.as_str());
    let reply = reap::handle(&world.ctx, aborted(&world, first.execution.as_str())).await.unwrap();
    assert_eq!((reply.living, reply.ended, live(&world)), (1, 1, 1));
}

#[tokio::test]
async fn how_a_stopped_run_ended_is_on_record_and_a_refused_start_leaves_none() {
    let world = World::new().await;
    launched(&world, "r1").await;
    world.executions.end("r1");
    let input = json!({"pipeline": "p", "date": "2013-01-01"}).to_string();
    let event = |root: &str, status: &str| json!({"detail": {"executionArn": root, "status": status, "input": input}});
    world.executions.end("refused");
    let ended = |report: spotmill_core::records::RunReport| report.end.map(|end| (end.error, end.cause));
    reap::handle(&world.ctx, event("refused", "FAILED")).await.unwrap();
    assert_eq!(ended(report::summarize(&world.ctx, &world.run()).await.unwrap()), None);
    reap::handle(&world.ctx, event("r1", "ABORTED")).await.unwrap();
    let end = ended(report::summarize(&world.ctx, &world.run()).await.unwrap());
    assert_eq!(end, Some(("Spotmill.Stopped".into(), "somebody stopped the execution".into())));
}

#[tokio::test]
async fn a_fleet_without_any_record_is_ended_by_its_tags() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    let request = fleet(&world, &round).await;
    world.executions.end(request.execution.as_str());
    world.store.delete(&world.step_keys(&round).fleet(round.epoch, 0)).await.unwrap();
    assert_eq!(reap::handle(&world.ctx, Value::Null).await.unwrap().names, std::slice::from_ref(&request.name));
    assert_eq!((live(&world), world.queues.depth(&request.queue)), (0, None));
}

#[tokio::test]
async fn one_fleet_that_cannot_be_ended_keeps_no_other_alive() {
    let world = World::new().await;
    let mut names = Vec::new();
    for date in ["2013-01-01", "2013-01-02"] {
        world.store.put(&world.base().join(&format!("in/{date}/1.csv")), b"x,1\n").await.unwrap();
        let world = world.of_date(date);
        let round = launched(&world, date).await;
        let fleet = fleet(&world, &round).await;
        world.executions.end(fleet.execution.as_str());
        names.push(fleet.name);
    }
    names.sort();
    *lock(&world.fleets.stuck) = Some(names[0].clone());
    let e = reap::handle(&world.ctx, Value::Null).await.unwrap_err();
    assert_eq!(e.error, errors::TRANSIENT);
    assert!(e.cause.starts_with(&format!("1 fleet could not be ended or watched; {}", names[0])), "{}", e.cause);
    assert_eq!(*lock(&world.fleets.live), [names[0].clone()].into());
}

/// The first message of the round, as the dead-letter queue hands it over, and everything else left in the queue.
async fn dead_letter(world: &World, round: &RoundRequest) -> String {
    world.dispatch(round, "t").await.unwrap();
    let queue = fleet(world, round).await.queue;
    let hour = Duration::from_secs(3600);
    let message = world.queues.receive(&queue, 1, Duration::ZERO, hour).await.unwrap().remove(0);
    world.queues.delete(&queue, &message.receipt).await.unwrap();
    message.body
}

async fn callbacks(world: &World) -> Vec<String> {
    let hour = Duration::from_secs(3600);
    let some = world.queues.receive("callbacks", 10, Duration::ZERO, hour).await.unwrap();
    some.into_iter().map(|m| m.body).collect()
}

#[tokio::test]
async fn a_dead_letter_is_sent_once_more_and_then_poison() {
    let world = World::new().await;
    world.queues.create("callbacks").await.unwrap();
    let round = launched(&world, "r1").await;
    let letter = dead_letter(&world, &round).await;
    assert!(dead_letters::handle(&world.ctx, std::slice::from_ref(&letter)).await.is_empty());
    // It is in its queue again, and a worker reads it as it read the first.
    let queue = fleet(&world, &round).await.queue;
    assert_eq!(world.queues.depth(&queue), Some(3));
    let mut bodies = Vec::new();
    while let Some(m) = world.queues.receive(&queue, 1, Duration::ZERO, Duration::from_secs(60)).await.unwrap().pop() {
        bodies.push(m.body);
    }
    let resent = bodies.into_iter().find(|b| b.contains("resent")).unwrap();
    assert!(callbacks(&world).await.is_empty());

    // It dies again; handling it twice is one failure and reports the same.
    for _ in 0..2 {
        assert!(dead_letters::handle(&world.ctx, std::slice::from_ref(&resent)).await.is_empty());
    }
    let bodies = callbacks(&world).await;
    let kinds: Vec<_> = bodies.iter().map(|b| serde_json::from_str::<Callback>(b).unwrap().kind).collect();
    assert_eq!(kinds, [CallbackKind::Poison, CallbackKind::Poison]);
    let keys = world.step_keys(&round);
    let record: FailureRecord = world.read(&keys.failure(round.epoch, 0, &"dead-letter".into())).await;
    assert_eq!((record.item, record.class), (0, FailureClass::Poison));
}

#[tokio::test]
async fn a_dead_letter_of_a_committed_item_is_done() {
    let world = World::new().await;
    world.queues.create("callbacks").await.unwrap();
    let round = launched(&world, "r1").await;
    world.dispatch(&round, "t").await.unwrap();
    let message = world.messages(&round).await.remove(0);
    world.commit(&message).await.unwrap();
    let letter = serde_json::to_string(&message).unwrap();
    assert!(dead_letters::handle(&world.ctx, &[letter]).await.is_empty());
    let callback: Callback = serde_json::from_str(&callbacks(&world).await[0]).unwrap();
    assert_eq!((callback.kind, callback.item), (CallbackKind::Done, message.item));
}

#[tokio::test]
async fn dead_letters_that_no_longer_matter_are_dropped() {
    let world = World::new().await;
    world.queues.create("callbacks").await.unwrap();
    let round = launched(&world, "r1").await;
    let letter = dead_letter(&world, &round).await;
    let callback = serde_json::to_string(&world.callback(&round, 0, CallbackKind::Done)).unwrap();
    let forged = letter.replace("p/2013-01-01", "p/2013-01-09");
    assert!(dead_letters::handle(&world.ctx, &["no letter".into(), callback, forged]).await.is_empty());
    // The queue is gone before the mark stands.
    world.queues.remove(&fleet(&world, &round).await.queue).await.unwrap();
    assert!(dead_letters::handle(&world.ctx, std::slice::from_ref(&letter)).await.is_empty());
    kill_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    let resent = letter.replacen('{', "{\"resent\":true,", 1);
    assert!(dead_letters::handle(&world.ctx, &[resent]).await.is_empty());
    assert!(callbacks(&world).await.is_empty());
    let failures = world.store.list(&world.step_keys(&round).failures(round.epoch).join("")).await.unwrap();
    assert!(failures.is_empty(), "{failures:?}");
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_handled_now_is_handed_back() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    let letter = dead_letter(&world, &round).await.replacen('{', "{\"resent\":true,", 1);
    // There is no callback queue: the failure is recorded, and not reported yet.
    assert_eq!(dead_letters::handle(&world.ctx, &["no letter".into(), letter.clone()]).await, [1]);
    world.queues.create("callbacks").await.unwrap();
    assert!(dead_letters::handle(&world.ctx, &[letter]).await.is_empty());
    assert_eq!(callbacks(&world).await.len(), 1);
}

#[tokio::test]
async fn a_poisoned_item_fails_its_step_by_name() {
    let world = World::new().await;
    world.queues.create("callbacks").await.unwrap();
    let round = launched(&world, "r1").await;
    let letter = dead_letter(&world, &round).await.replacen('{', "{\"resent\":true,", 1);
    world.work(&round, &|_| Work::Commit).await.unwrap();
    assert!(dead_letters::handle(&world.ctx, &[letter]).await.is_empty());
    let bodies = callbacks(&world).await;
    assert!(!world.executions.succeeded("t"));
    assert!(tally::handle(&world.ctx, &bodies).await.is_empty());
    assert!(world.executions.succeeded("t"), "poison completes the round");
    kill_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    let verdict = world.verdict(&round, None).await.unwrap();
    assert_eq!((verdict.next, verdict.error.as_str()), (Next::Failed, errors::ITEMS_FAILED));
    assert!(verdict.cause.contains("Item 0 (breaks its machine): received 100 times"), "{}", verdict.cause);
}
