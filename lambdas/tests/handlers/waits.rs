//! Runs that wait for their input: what a check answers and keeps, whoever dies, and whatever vanishes between a check and
//! the plan.

use crate::drive::{run_all, run_step};
use crate::ports::{Fault, lock};
use crate::workers::Work;
use crate::world::World;
use spotmill_core::calls::*;
use spotmill_core::keys::RunKeys;
use spotmill_core::model::{FileCount, LeastBytes, OnLate, WaitFor};
use spotmill_core::records::*;
use spotmill_lambdas::*;
use spotmill_platform::ports::Store;

const HOUR: u64 = 3_600;

/// So many files, for two hours.
fn files(least: u64) -> WaitFor {
    let files = Some(FileCount::Min(least));
    WaitFor { exists: None, files, bytes: None, quiet_secs: None, up_to_secs: 2 * HOUR, on_late: OnLate::Fail }
}

/// A world of three files whose first step waits for this.
async fn waiting(wait: WaitFor) -> World {
    let world = World::new().await;
    world.deploy_edited(|p| p.steps[0].input.wait_for = Some(wait)).await;
    world
}

async fn begun(world: &World, root: &str) {
    assert!(world.begin(root, |_| {}).await.unwrap().awaits);
}

async fn record(world: &World) -> InputWait {
    world.read(&RunKeys::new(&world.ctx.root, &world.run()).waiting()).await
}

/// The kinds of the run's lineage events.
async fn lineage(world: &World, summary: &RunReport) -> Vec<&'static str> {
    let events = openlineage::compile(&world.ctx, summary).await.unwrap();
    events.iter().map(|event| event.event_type).collect()
}

async fn is_planned(world: &World) -> bool {
    world.store.head(&world.keys("a", 1).plan()).await.is_ok()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, HandlerError>, error: &str) -> String {
    let e = result.expect_err("a refusal");
    assert_eq!(e.error, error, "{}", e.cause);
    e.cause
}

#[tokio::test]
async fn a_run_waits_until_all_is_there_and_only_then_goes_on() {
    let world = waiting(files(4)).await;
    begun(&world, "r1").await;
    let reply = world.await_input("r1").await.unwrap();
    assert_eq!((reply.next, reply.pause_secs), (AfterCheck::Wait, 300));
    assert!(reply.text.starts_with("a: 3 of 4 files, last "), "{}", reply.text);
    let first = record(&world).await;
    world.clock.pass_secs(HOUR);
    let summary = report::summarize(&world.ctx, &world.run()).await.unwrap();
    assert_eq!(summary.input.map(|input| (input.first_ms, input.text())), Some((first.first_ms, reply.text)));
    assert!(!is_planned(&world).await && lock(&world.fleets.asked).is_empty(), "something began");
    world.input("4.csv", "w,1\n").await;
    assert_eq!(world.await_input("r1").await.unwrap().next, AfterCheck::Go);
    let now = record(&world).await;
    assert!(now.first_ms == first.first_ms && now.checked_ms > first.checked_ms + HOUR * 1000, "{now:?}");
    let done = run_step(&world, "r1", "a", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(done.next, Next::Done);
}

#[tokio::test]
async fn a_pipeline_that_waits_for_nothing_is_not_checked() {
    let world = World::new().await;
    assert!(!world.begin("r1", |_| {}).await.unwrap().awaits);
}

#[tokio::test]
async fn what_is_late_ends_by_a_name_of_its_own_for_its_redrives_too_and_a_new_start_waits_anew() {
    let world = waiting(files(4)).await;
    begun(&world, "r1").await;
    world.await_input("r1").await.unwrap();
    world.clock.pass_secs(2 * HOUR);
    let cause = refused(world.await_input("r1").await, errors::INPUT_LATE);
    for text in ["the input of p/2013-01-01 is late: a: 3 of 4 files", "for 2 h", "nothing failed", "Again: `spotmill "]
    {
        assert!(cause.contains(text), "`{text}` is not in {cause}");
    }
    assert_eq!(record(&world).await.next, AfterCheck::Late);
    // A redrive is the same execution.
    refused(world.await_input("r1").await, errors::INPUT_LATE);
    // How the reaper, or whoever ran it, has it on record.
    report::record_end(&world.ctx, &world.run(), &"r1".into(), errors::INPUT_LATE, &cause).await.unwrap();
    let summary = report::summarize(&world.ctx, &world.run()).await.unwrap();
    assert_eq!((summary.outcome, summary.state()), (RunOutcome::Failed, "late"));
    assert_eq!(lineage(&world, &summary).await, ["START", "ABORT"], "whoever follows the run sees its end");
    world.executions.end("r1");
    begun(&world, "r2").await;
    let first = world.ctx.clock.now_ms();
    assert_eq!(world.await_input("r2").await.unwrap().next, AfterCheck::Wait);
    assert!(record(&world).await.first_ms > first);
    assert!(refused(world.await_input("r1").await, errors::HELD).contains("r2"));
    assert!(!is_planned(&world).await && lock(&world.fleets.asked).is_empty());
    // What came after all is taken, late or not.
    world.clock.pass_secs(3 * HOUR);
    world.input("4.csv", "w,1\n").await;
    assert_eq!(world.await_input("r2").await.unwrap().next, AfterCheck::Go);
}

#[tokio::test]
async fn whoever_is_killed_or_stopped_as_it_waits_leaves_the_time_that_passed() {
    let world = waiting(files(4)).await;
    begun(&world, "r1").await;
    world.await_input("r1").await.unwrap();
    let first = record(&world).await.first_ms;
    world.clock.pass_secs(HOUR);
    world.executions.end("r1");
    begun(&world, "r2").await;
    assert_eq!(world.await_input("r2").await.unwrap().next, AfterCheck::Wait);
    assert_eq!(record(&world).await.first_ms, first, "the deadline began anew");
    world.clock.pass_secs(HOUR);
    refused(world.await_input("r2").await, errors::INPUT_LATE);
}

#[tokio::test]
async fn a_check_that_dies_at_a_write_is_made_again() {
    for fault in [Fault::Refuse, Fault::LoseReply, Fault::LoseRequest, Fault::Die] {
        let world = waiting(files(4)).await;
        begun(&world, "r1").await;
        world.store.fail_at(1, fault);
        let _ = world.await_input("r1").await;
        world.store.revive();
        assert_eq!(world.await_input("r1").await.unwrap().next, AfterCheck::Wait, "{fault:?}");
        let first = record(&world).await.first_ms;
        world.clock.pass_secs(HOUR);
        world.store.fail_at(1, fault);
        let _ = world.await_input("r1").await;
        world.store.revive();
        world.await_input("r1").await.unwrap();
        assert_eq!(record(&world).await.first_ms, first, "{fault:?}");
    }
}

#[tokio::test]
async fn a_start_that_is_not_to_wait_says_so_and_the_next_one_counts_from_it() {
    let mut world = waiting(files(4)).await;
    world.ctx.settings.checks_once = true;
    begun(&world, "r1").await;
    let cause = refused(world.await_input("r1").await, errors::INPUT_NOT_THERE);
    assert!(cause.starts_with("p/2013-01-01 waits for input: a: 3 of 4 files, last "), "{cause}");
    world.executions.end("r1");
    world.clock.pass_secs(2 * HOUR);
    begun(&world, "r2").await;
    refused(world.await_input("r2").await, errors::INPUT_LATE);
}

#[tokio::test]
async fn with_run_it_goes_on_with_what_is_there_and_the_report_says_so() {
    let world = waiting(WaitFor { on_late: OnLate::Run, ..files(4) }).await;
    begun(&world, "r1").await;
    world.await_input("r1").await.unwrap();
    world.clock.pass_secs(2 * HOUR);
    let reply = world.await_input("r1").await.unwrap();
    assert!(reply.next == AfterCheck::Go && reply.text.starts_with("a: 3 of 4 files"), "{reply:?}");
    for step in ["a", "b"] {
        run_step(&world, "r1", step, &|_, _| Work::Commit).await.unwrap();
    }
    report::handle(&world.ctx, ReportRequest { run: world.run(), root: "r1".into() }).await.unwrap();
    let report: RunReport = world.read(&RunKeys::new(&world.ctx.root, &world.run()).report()).await;
    assert_eq!(report.outcome, RunOutcome::Succeeded);
    let note = &report.steps[0].notes[0];
    assert!(note.starts_with("its input was late, and it went on with what was there: 3 of 4 files"), "{note}");
}

#[tokio::test]
async fn with_skip_nothing_is_run_or_published_and_no_later_run_is_compared_with_it() {
    let world = waiting(WaitFor { on_late: OnLate::Skip, ..files(4) }).await;
    begun(&world, "r1").await;
    world.await_input("r1").await.unwrap();
    world.clock.pass_secs(2 * HOUR);
    assert_eq!(world.await_input("r1").await.unwrap().next, AfterCheck::Skip);
    let request = ReportRequest { run: world.run(), root: "r1".into() };
    for _ in 0..2 {
        assert_eq!(report::handle(&world.ctx, request.clone()).await.unwrap().outcome, RunOutcome::Skipped);
    }
    assert_eq!(world.lease().await.outcome, Some(RunOutcome::Skipped));
    let summary = report::summarize(&world.ctx, &world.run()).await.unwrap();
    assert_eq!((summary.state(), summary.nothing_to_do), ("skipped", false));
    assert_eq!(lineage(&world, &summary).await, ["START", "COMPLETE"]);
    assert!(!is_planned(&world).await && history::load(&world.ctx, "p").await.runs.is_empty());
    // Somebody starts it again once the input has come.
    world.input("4.csv", "w,1\n").await;
    run_all(&world, "r2", &|_, _| Work::Commit).await.unwrap();
    assert_eq!(world.lease().await.outcome, Some(RunOutcome::Succeeded));
}

#[tokio::test]
async fn a_step_that_is_planned_waits_for_nothing() {
    let world = waiting(files(3)).await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let checked = record(&world).await;
    for name in ["1.csv", "2.csv", "3.csv"] {
        world.store.delete(&world.base().join(&format!("in/2013-01-01/{name}"))).await.unwrap();
    }
    begun(&world, "r2").await;
    let reply = world.await_input("r2").await.unwrap();
    assert_eq!((reply.next, reply.text), (AfterCheck::Go, String::new()));
    assert_eq!(record(&world).await, checked, "there was nothing to check");
    let report = report::handle(&world.ctx, ReportRequest { run: world.run(), root: "r2".into() }).await.unwrap();
    assert_eq!(report.outcome, RunOutcome::Succeeded);
}

/// What is judged to be there is not frozen: the plan lists again, and what is there then counts.
#[tokio::test]
async fn what_vanishes_or_comes_between_the_check_and_the_plan_is_as_it_would_be_without_a_check() {
    let marker = "{src}/{date}/_DONE";
    let world = waiting(WaitFor { exists: Some(marker.into()), ..files(3) }).await;
    begun(&world, "r1").await;
    let reply = world.await_input("r1").await.unwrap();
    let lacks = format!("{}/in/2013-01-01/_DONE is not there", world.base());
    assert!(reply.next == AfterCheck::Wait && reply.text.ends_with(&lacks), "{reply:?}");
    world.input("_DONE", "").await;
    assert_eq!(world.await_input("r1").await.unwrap().next, AfterCheck::Go);
    for gone in ["_DONE", "1.csv"] {
        world.store.delete(&world.base().join(&format!("in/2013-01-01/{gone}"))).await.unwrap();
    }
    world.input("9.csv", "q,9\n").await;
    world.plan("r1", "a").await.unwrap();
    let plan: Plan = world.read(&world.keys("a", 1).plan()).await;
    assert_eq!(plan.input_bytes, 16, "2.csv, 3.csv and 9.csv");
}

#[tokio::test]
async fn bytes_are_compared_with_the_last_runs_of_other_dates() {
    let share = |runs| WaitFor { bytes: Some(LeastBytes::OfMedian { share: 0.7, runs }), ..files(1) };
    let world = waiting(share(2)).await;
    run_all(&world, "r1", &|_, _| Work::Commit).await.unwrap();
    let next = world.of_date("2013-01-02");
    next.input("1.csv", "x,1\n").await;
    begun(&next, "r2").await;
    let text = next.await_input("r2").await.unwrap().text;
    assert!(
        text.contains(
            "4 bytes of 14 bytes, 70% of the median of 1 run; its bytes are compared with 1 earlier run, of 2"
        ),
        "{text}"
    );
    next.input("2.csv", "x,1\ny,2\nz,3\n").await;
    assert_eq!(next.await_input("r2").await.unwrap().next, AfterCheck::Go);
    // The first run itself is not what it is compared with.
    let again = world.begin("r3", |input| input.fresh = true).await.unwrap();
    assert!(again.awaits);
    assert_eq!(world.await_input("r3").await.unwrap().next, AfterCheck::Go);
    let text = &record(&world).await.steps[0].text;
    assert!(text.ends_with("no earlier run to compare its bytes with, so they count as enough"), "{text}");
}
