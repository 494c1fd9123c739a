//! What the design review found would go wrong, each as a test. Callbacks are hints, so these tests forge, lose, repeat
//! and delay them.

use crate::drive::{run_all, run_step};
use crate::ports::{Sent, lock};
use crate::workers::Work;
use crate::world::{PIPELINE, World};
use spotmill_core::calls::{Next, RoundRequest, errors};
use spotmill_core::records::{CallbackKind, Pins, Plan, Seal};
use spotmill_core::tally::Tally;
use spotmill_lambdas::{kill_fleet, launch_fleet, tally};
use spotmill_platform::ports::{Clock, ExecutionState, Queue, Store};

/// Step `a` planned by `root`, with machines: its first round.
async fn launched(world: &World, root: &str) -> RoundRequest {
    world.begin(root, |_| {}).await.unwrap();
    let plan = world.plan(root, "a").await.unwrap();
    let round = world.round(root, "a", &plan, 0, 0);
    launch_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    round
}

async fn tally_of(world: &World, round: &RoundRequest) -> Tally {
    world.read(&world.step_keys(round).tally(round.epoch)).await
}

fn heartbeats(world: &World) -> usize {
    lock(&world.executions.sent).iter().filter(|s| matches!(s, Sent::Heartbeat(_))).count()
}

#[tokio::test]
async fn a_forged_done_ends_the_round_early_and_another_round_does_the_work() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    world.dispatch(&round, "t").await.unwrap();
    world.work(&round, &|item| if item == 1 { Work::ForgeDone } else { Work::Commit }).await.unwrap();
    assert!(world.executions.succeeded("t"), "the tally believes every callback");
    kill_fleet::handle(&world.ctx, round.clone()).await.unwrap();
    let verdict = world.verdict(&round, None).await.unwrap();
    assert_eq!((verdict.next, verdict.round), (Next::Round, 1));
    let next = RoundRequest { round: 1, ..round };
    launch_fleet::handle(&world.ctx, next.clone()).await.unwrap();
    world.dispatch(&next, "t1").await.unwrap();
    let items: Vec<u32> = world.messages(&next).await.iter().map(|m| m.item).collect();
    assert_eq!(items, [1]);
}

#[tokio::test]
async fn a_late_file_shifts_nothing_in_a_frozen_plan_and_is_reported() {
    let world = World::new().await;
    run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    world.executions.end("r1");
    let before: Plan = world.read(&world.keys("a", 1).plan()).await;
    world.input("0.csv", "q,9\n").await;
    assert_eq!(run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    let after: Plan = world.read(&world.keys("a", 1).plan()).await;
    assert_eq!(before, after);
    let seal: Seal = world.read(&world.keys("a", 1).seal()).await;
    assert_eq!(seal.rows.written, 5);
    let report: spotmill_core::records::RunReport =
        world.read(&world.ctx.root.join(&format!("runs/{}/report.json", world.run()))).await;
    assert!(report.steps[0].notes[0].contains("1 file came after the plan"), "{:?}", report.steps[0].notes);

    // A new generation takes it.
    world.begin("r3", |i| i.from_step = Some("a".into())).await.unwrap();
    assert_eq!(run_step(&world, "r3", "a", &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    let seal: Seal = world.read(&world.keys("a", 2).seal()).await;
    assert_eq!(seal.rows.written, 6);
}

#[tokio::test]
async fn a_receipt_of_other_inputs_is_an_error() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    world.dispatch(&round, "t").await.unwrap();
    world.work(&round, &|_| Work::Commit).await.unwrap();
    let uri = world.step_keys(&round).receipt(1);
    let mut receipt: spotmill_core::records::Receipt = world.read(&uri).await;
    receipt.item_digest = "of another plan".into();
    world.store.put(&uri, &serde_json::to_vec(&receipt).unwrap()).await.unwrap();
    let e = world.verdict(&round, None).await.unwrap_err();
    assert_eq!(e.error, errors::CORRUPT_RECORD);
    assert!(e.cause.contains("item 1 is about other inputs"), "{}", e.cause);
}

#[tokio::test]
async fn a_step_is_planned_only_from_a_sealed_one() {
    let world = World::new().await;
    run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    world.executions.end("r1");
    let e = world.begin("r2", |i| i.only_steps = Some(vec!["b".into()])).await.unwrap_err();
    assert_eq!(e.error, errors::UPSTREAM_INCOMPLETE);
    assert!(e.cause.contains("reads step `a`, which is not complete"), "{}", e.cause);
    // Nor when it is asked for out of turn.
    world.begin("r2", |_| {}).await.unwrap();
    let e = world.plan("r2", "b").await.unwrap_err();
    assert_eq!(e.error, errors::UPSTREAM_INCOMPLETE);
    assert!(e.cause.contains("step `a` is not complete"), "{}", e.cause);
}

#[tokio::test]
async fn a_seal_that_is_without_items_serves_only_who_accepts_that() {
    let world = World::new().await;
    let accept = |i: &mut spotmill_core::calls::RunInput| i.accept = [("a".to_owned(), vec![1])].into();
    world.begin("r1", accept).await.unwrap();
    assert_eq!(run_step(&world, "r1", "a", &|_, _| Work::Commit).await.unwrap().next, Next::Done);
    world.executions.end("r1");
    let e = world.begin("r2", |i| i.only_steps = Some(vec!["b".into()])).await.unwrap_err();
    assert_eq!(e.error, errors::UPSTREAM_INCOMPLETE);
    world.begin("r2", |_| {}).await.unwrap();
    let e = world.plan("r2", "b").await.unwrap_err();
    assert_eq!(e.error, errors::UPSTREAM_INCOMPLETE);
    assert!(e.cause.contains("without items 1, which this start does not accept"), "{}", e.cause);
}

#[tokio::test]
async fn another_param_is_refused_by_name_unless_all_is_made_afresh() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let three = |i: &mut spotmill_core::calls::RunInput| {
        i.params.insert("factor".into(), 3.into());
    };
    let e = world.begin("r2", three).await.unwrap_err();
    assert_eq!(e.error, errors::INVALID_INPUT);
    assert!(e.cause.contains("param `factor` was 2 when this run first started and is 3 now"), "{}", e.cause);
    let fresh = |i: &mut spotmill_core::calls::RunInput| {
        three(i);
        i.fresh = true;
    };
    world.begin("r3", fresh).await.unwrap();
    world.begin("r3", fresh).await.unwrap();
    let lease = world.lease().await;
    let generations: Vec<u32> = lease.generations.values().map(|g| g.generation).collect();
    assert_eq!(generations, [2, 2], "`fresh` takes effect once an execution");
    assert_eq!(lease.params["factor"].to_string(), "3");
}

#[tokio::test]
async fn new_sql_begins_a_new_generation_of_its_step_and_those_after_it_only() {
    let world = World::new().await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let numbers = |lease: &spotmill_core::records::Lease| -> Vec<u32> {
        lease.generations.values().map(|g| g.generation).collect()
    };
    // What applies on resume changes nothing.
    world.deploy(&PIPELINE.replace("4 GiB", "8 GiB")).await;
    run_all(&world, "r2", &|_, _| panic!("nothing is to run")).await.unwrap();
    assert_eq!(numbers(&world.lease().await), [1, 1]);
    world.deploy(&PIPELINE.replace("SUM(v) AS v", "SUM(v) + 1 AS v")).await;
    world.begin("r3", |_| {}).await.unwrap();
    assert_eq!(numbers(&world.lease().await), [1, 2]);
    assert_eq!(world.lease().await.generations["b"].because, "its SQL changed");
    world.deploy(&PIPELINE.replace("SELECT k, v *", "SELECT k, 1 + v *")).await;
    world.executions.end("r3");
    world.begin("r4", |_| {}).await.unwrap();
    assert_eq!(numbers(&world.lease().await), [2, 3]);
    assert_eq!(world.lease().await.generations["b"].because, "its SQL, the result of `a` changed");
}

#[tokio::test]
async fn a_resume_takes_an_input_as_it_is_now_where_no_receipt_depends_on_it() {
    let world = World::new().await;
    run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    world.executions.end("r1");
    world.input("2.csv", "x,3\nz,4\nz,5\n").await;
    world.begin("r2", |_| {}).await.unwrap();
    let plan = world.plan("r2", "a").await.unwrap();
    let pins: Pins = world.read(&world.keys("a", 1).pins(plan.epoch)).await;
    let changed: Vec<&str> = pins.changed.iter().map(|f| f.uri.as_str().rsplit('/').next().unwrap()).collect();
    assert_eq!((changed, plan.todo), (vec!["2.csv"], 1));
    assert_eq!((pins.changed[0].bytes, pins.notes.len()), (12, 1));
}

#[tokio::test]
async fn a_resume_does_again_what_a_committed_item_read_otherwise_and_keeps_the_rest() {
    let world = World::new().await;
    run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    world.executions.end("r1");
    world.input("1.csv", "x,7\n").await;
    world.input("2.csv", "x,3\nz,4\nz,5\n").await;
    world.begin("r2", |_| {}).await.unwrap();
    assert_eq!(world.lease().await.generations["a"].because, "redo 1 item: `1.csv` changed");
    let plan = world.plan("r2", "a").await.unwrap();
    assert_eq!((plan.generation, plan.todo), (2, 2), "item 2 is kept; item 1 was never done");
    world.executions.end("r2");
    world.begin("r3", |_| {}).await.unwrap();
    let how = |item, _| if item == 2 { panic!("it is committed") } else { Work::Commit };
    assert_eq!(run_step(&world, "r3", "a", &how).await.unwrap().next, Next::Done);
    let seal: Seal = world.read(&world.keys("a", 2).seal()).await;
    assert_eq!((seal.items, seal.rows.written), (3, 5));
}

#[tokio::test]
async fn a_file_that_is_gone_before_it_was_read_is_left_out() {
    let world = World::new().await;
    run_all(&world, "r1", &|item, _| if item == 1 { Work::Fail } else { Work::Commit }).await.unwrap();
    world.executions.end("r1");
    world.store.delete(&world.base().join("in/2013-01-01/2.csv")).await.unwrap();
    world.begin("r2", |_| {}).await.unwrap();
    assert_eq!(world.lease().await.generations["a"].because, "`2.csv` is gone");
    assert_eq!(world.plan("r2", "a").await.unwrap().todo, 0, "the two others are kept");
}

#[tokio::test]
async fn every_token_is_answered_whichever_try_registered_it() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    world.dispatch(&round, "t1").await.unwrap();
    // The state gave T1 up; its retry holds T2, and a tally with only T1 would answer nobody.
    lock(&world.executions.closed).insert("t1".into());
    world.dispatch(&round, "t2").await.unwrap();
    // The function of T1 was only asleep and registers once more.
    world.dispatch(&round, "t1").await.unwrap();
    world.work(&round, &|_| Work::Commit).await.unwrap();
    assert!(world.executions.succeeded("t2"));
}

#[tokio::test]
async fn items_that_commit_between_plan_and_dispatch_complete_the_round_at_once() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    world.dispatch(&round, "t1").await.unwrap();
    world.work(&round, &|_| Work::CommitSilently).await.unwrap();
    assert!(!world.executions.succeeded("t1"));
    world.dispatch(&round, "t2").await.unwrap();
    assert!(world.executions.succeeded("t2"), "dispatch folds once itself");
}

#[tokio::test]
async fn a_tally_that_died_between_its_write_and_the_answer_answers_on_redelivery() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    world.dispatch(&round, "t").await.unwrap();
    world.work(&round, &|_| Work::CommitSilently).await.unwrap();
    let body = |item| serde_json::to_string(&world.callback(&round, item, CallbackKind::Done)).unwrap();
    assert!(tally::handle(&world.ctx, &[body(0), body(1)]).await.is_empty());
    *lock(&world.executions.broken) = 1;
    assert_eq!(tally::handle(&world.ctx, &["no callback".into(), body(2)]).await, [1], "handed back");
    assert!(tally_of(&world, &round).await.is_complete() && !world.executions.succeeded("t"));
    assert!(tally::handle(&world.ctx, &[body(2)]).await.is_empty());
    assert!(world.executions.succeeded("t"));
}

#[tokio::test]
async fn an_older_executions_dispatch_cannot_replace_the_newer_ones_token() {
    let world = World::new().await;
    let old = launched(&world, "r1").await;
    let plan = world.plan("r1", "a").await.unwrap();
    let new = world.round("r1", "a", &plan, 0, 0);
    launch_fleet::handle(&world.ctx, new.clone()).await.unwrap();
    world.dispatch(&new, "new").await.unwrap();
    world.dispatch(&old, "old").await.unwrap();
    assert!(lock(&world.executions.sent).contains(&Sent::Failure("old".into(), errors::FENCED.into())));
    assert_eq!(tally_of(&world, &new).await.tokens, ["new"]);
}

#[tokio::test]
async fn a_done_from_whoever_saw_the_receipt_counts_whenever_it_was_sent() {
    let world = World::new().await;
    let old = launched(&world, "r1").await;
    world.dispatch(&old, "t-old").await.unwrap();
    let messages = world.messages(&old).await;
    let plan = world.plan("r1", "a").await.unwrap();
    let new = world.round("r1", "a", &plan, 0, 0);
    launch_fleet::handle(&world.ctx, new.clone()).await.unwrap();
    world.dispatch(&new, "t-new").await.unwrap();
    // Workers of the earlier epoch commit, and losers of the race report.
    for message in &messages {
        world.commit(message).await.unwrap();
        world.call_back(&old, message.item, &[CallbackKind::Done, CallbackKind::Done]).await.unwrap();
    }
    assert!(world.executions.succeeded("t-new"));
}

#[tokio::test]
async fn only_an_awaited_item_that_is_alive_keeps_the_step_beating() {
    let world = World::new().await;
    let round = launched(&world, "r1").await;
    world.dispatch(&round, "t").await.unwrap();
    let before = heartbeats(&world);
    world.call_back(&round, 0, &[CallbackKind::Alive]).await.unwrap();
    assert_eq!(heartbeats(&world), before + 1);
    let other = RoundRequest { round: 7, ..round.clone() };
    world.call_back(&other, 0, &[CallbackKind::Alive, CallbackKind::Lost]).await.unwrap();
    world.call_back(&round, 99, &[CallbackKind::Alive]).await.unwrap();
    world.call_back(&round, 0, &[CallbackKind::Done]).await.unwrap();
    world.call_back(&round, 0, &[CallbackKind::Done, CallbackKind::Alive]).await.unwrap();
    assert_eq!(heartbeats(&world), before + 2, "the one new bit");
    assert_eq!(tally_of(&world, &round).await.malformed, 1);
}

#[tokio::test]
async fn a_late_needs_memory_of_round_one_sets_no_bit_in_round_two() {
    let world = World::new().await;
    let first = launched(&world, "r1").await;
    world.dispatch(&first, "t").await.unwrap();
    let greedy = |item| if item == 2 { Work::NeedMemory } else { Work::Commit };
    world.work(&first, &greedy).await.unwrap();
    kill_fleet::handle(&world.ctx, first.clone()).await.unwrap();
    let verdict = world.verdict(&first, None).await.unwrap();
    assert_eq!((verdict.next, verdict.round, verdict.rung), (Next::Round, 1, 1));
    let second = RoundRequest { round: 1, rung: 1, ..first.clone() };
    launch_fleet::handle(&world.ctx, second.clone()).await.unwrap();
    world.dispatch(&second, "t2").await.unwrap();
    world.call_back(&first, 2, &[CallbackKind::NeedsMemory, CallbackKind::Failed]).await.unwrap();
    assert!(!world.executions.succeeded("t2"));
    assert!(!tally_of(&world, &second).await.has_bit(2));
    // Queues are apart, and the machines twice the size.
    let fleets = lock(&world.fleets.asked).values().cloned().collect::<Vec<_>>();
    assert_ne!(fleets[0].queue, fleets[1].queue);
    let mut memory: Vec<u64> = fleets.iter().map(|f| f.memory_bytes_per_item >> 30).collect();
    memory.sort_unstable();
    assert_eq!(memory, [1, 2]);
}

#[tokio::test]
async fn failures_of_an_earlier_execution_do_not_count() {
    let world = World::new().await;
    let bad = |item, _| if item == 1 { Work::Fail } else { Work::Commit };
    assert_eq!(run_all(&world, "r1", &bad).await.unwrap().error, errors::ITEMS_FAILED);
    world.executions.end("r1");
    assert_eq!(run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap().next, Next::Done);
}

#[tokio::test]
async fn who_lost_the_run_acts_no_more() {
    let world = World::new().await;
    let old = launched(&world, "r1").await;
    let e = world.begin("r2", |_| {}).await.unwrap_err();
    assert_eq!(e.error, errors::HELD);
    assert!(e.cause.contains("held by r1"), "{}", e.cause);

    // Just started, not described yet: counts as ended only after five minutes.
    lock(&world.executions.states).insert("r1".into(), ExecutionState::NotFound);
    assert_eq!(world.begin("r2", |_| {}).await.unwrap_err().error, errors::HELD);
    world.clock.pass_secs(300);
    world.begin("r2", |_| {}).await.unwrap();

    for e in
        [launch_fleet::handle(&world.ctx, old.clone()).await.unwrap_err(), world.verdict(&old, None).await.unwrap_err()]
    {
        assert_eq!(e.error, errors::FENCED);
    }
    // A redrive of the first skips Begin, and is refused while the second runs.
    assert_eq!(world.plan("r1", "a").await.unwrap_err().error, errors::HELD);
    world.executions.end("r2");
    let epoch = world.lease().await.epoch;
    assert_eq!(world.plan("r1", "a").await.unwrap().epoch, epoch + 1);
}

#[tokio::test]
async fn planning_ends_the_machines_and_queues_of_earlier_epochs() {
    let world = World::new().await;
    let old = launched(&world, "r1").await;
    let queue = lock(&world.fleets.asked).values().next().unwrap().queue.clone();
    world.executions.end("r1");
    world.begin("r2", |_| {}).await.unwrap();
    world.plan("r2", "a").await.unwrap();
    assert!(lock(&world.fleets.live).is_empty());
    assert!(world.queues.send(&queue, &["x".into()]).await.is_err(), "the queue is gone");
    assert!(world.store.head(&world.step_keys(&old).fleet_ended(old.epoch, 0)).await.is_ok());
}

#[tokio::test]
async fn a_retry_of_dispatch_sends_again_only_when_nothing_was_heard_for_long() {
    let mut world = World::new().await;
    world.ctx.settings.dispatch_page = 1;
    let round = launched(&world, "r1").await;
    world.dispatch(&round, "t1").await.unwrap();
    assert_eq!(tally_of(&world, &round).await.cursor, 3);
    assert_eq!(world.messages(&round).await.len(), 3);
    world.dispatch(&round, "t2").await.unwrap();
    assert_eq!(world.messages(&round).await.len(), 0, "the function was retried, the messages are there");
    world.call_back(&round, 0, &[CallbackKind::Done]).await.unwrap();
    world.clock.pass_secs(spotmill_core::bounds::HEARTBEAT_SECS);
    world.dispatch(&round, "t3").await.unwrap();
    let resent: Vec<u32> = world.messages(&round).await.iter().map(|m| m.item).collect();
    assert_eq!(resent, [1, 2], "the heartbeat timed out: what has no answer");
}

#[tokio::test]
async fn a_dispatch_whose_time_is_up_hands_over_to_its_retry() {
    let mut world = World::new().await;
    world.ctx.settings.dispatch_page = 1;
    let round = launched(&world, "r1").await;
    let now = world.clock.now_ms();
    // Each read of the clock takes a millisecond: time is left for the first page, not for all.
    world.ctx.settings.deadline_ms = Some(now + spotmill_core::bounds::HAND_OVER_SECS * 1000 + 5);
    world.dispatch(&round, "t1").await.unwrap();
    let cursor = tally_of(&world, &round).await.cursor;
    assert!((1..3).contains(&cursor), "{cursor}");
    assert!(matches!(lock(&world.executions.sent).last(), Some(Sent::Failure(_, e)) if e == errors::TRANSIENT));
    world.ctx.settings.deadline_ms = None;
    world.dispatch(&round, "t2").await.unwrap();
    let items: Vec<u32> = world.messages(&round).await.iter().map(|m| m.item).collect();
    assert_eq!(items, [0, 1, 2], "none twice, none left out");
}

#[tokio::test]
async fn a_dispatch_that_was_cut_goes_on_where_it_was() {
    let mut world = World::new().await;
    world.ctx.settings.dispatch_page = 1;
    let round = launched(&world, "r1").await;
    // Register, first page, and then every write fails.
    world.store.fail_at(2, crate::ports::Fault::Die);
    world.dispatch(&round, "t1").await.unwrap();
    world.store.revive();
    assert!(matches!(lock(&world.executions.sent).last(), Some(Sent::Failure(_, e)) if e == errors::TRANSIENT));
    assert_eq!(tally_of(&world, &round).await.cursor, 1);
    world.dispatch(&round, "t2").await.unwrap();
    let items: Vec<u32> = world.messages(&round).await.iter().map(|m| m.item).collect();
    assert_eq!(items, [0, 1, 2], "none twice");
}
