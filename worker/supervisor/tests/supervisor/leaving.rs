//! A machine that has to go hands back what it holds, whatever it is doing: copying inputs, running, copying outputs,
//! committing. The item is visible to others at once, and nobody is held to account for it.

use crate::common::{Away, World};
use spotmill_core::item::FailureClass;
use spotmill_core::records::CallbackKind;
use spotmill_platform::local::SystemClock;
use spotmill_platform::ports::{Clock, Queue};
use spotmill_supervisor::Supervisor;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A machine on which `hanging` never answers, and which has met it.
async fn stuck(world: &World, hanging: &'static str) -> (Supervisor, Arc<Away>) {
    let (away, ports) = world.behind(Some(hanging));
    let supervisor = Supervisor::start(world.config.clone(), ports, world.sink()).expect("start");
    world.eventually("it hangs", || away.hangs()).await;
    (supervisor, away)
}

/// Visible now, long before its lease would have ended.
async fn is_visible(world: &World, within: Duration) {
    let found = world.queues.receive("work", 1, within, Duration::ZERO).await.expect("receive");
    assert_eq!(found.len(), 1, "it is still held; events: {:?}", world.events());
}

async fn was_lost(world: &World) {
    assert_eq!(world.callbacks(1).await[0].kind, CallbackKind::Lost);
    let classes: Vec<FailureClass> = world.failures().await.iter().map(|f| f.class).collect();
    assert_eq!(classes, [FailureClass::Lost]);
}

/// Another machine does it.
async fn is_done_elsewhere(world: &World) {
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    assert!(world.receipt(0).await.is_some());
}

async fn end(supervisor: Supervisor) {
    let since = Instant::now();
    supervisor.stop_now();
    supervisor.join().await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_notice_interrupts_the_copying_of_inputs_at_once() {
    let world = World::away(1, "finish").await;
    let (supervisor, _) = stuck(&world, "download").await;
    // There would be two minutes; but nothing has begun, so another machine may as well begin it.
    supervisor.notice(SystemClock.now_ms() + 120_000);
    is_visible(&world, Duration::from_secs(2)).await;
    was_lost(&world).await;
    assert_eq!(world.started(), 0);
    end(supervisor).await;
    is_done_elsewhere(&world).await;
}

#[tokio::test]
async fn a_stop_interrupts_the_copying_of_inputs_at_once() {
    let world = World::away(1, "finish").await;
    let (supervisor, _) = stuck(&world, "download").await;
    end(supervisor).await;
    is_visible(&world, Duration::ZERO).await;
    was_lost(&world).await;
    is_done_elsewhere(&world).await;
}

#[tokio::test]
async fn outputs_have_until_the_machine_goes_and_no_longer() {
    let world = World::away(1, "finish").await;
    let (supervisor, _) = stuck(&world, "upload").await;
    supervisor.notice(SystemClock.now_ms() + 1_500);
    let early = world.queues.receive("work", 1, Duration::from_millis(800), Duration::ZERO).await.expect("receive");
    assert_eq!(early.len(), 0, "it was given up too early");
    is_visible(&world, Duration::from_millis(700)).await;
    was_lost(&world).await;
    end(supervisor).await;
    assert_eq!(world.scratch().await, [""; 0]);
    is_done_elsewhere(&world).await;
}

#[tokio::test]
async fn a_stop_ends_the_copying_of_outputs_in_time() {
    let world = World::away(1, "finish").await;
    let (supervisor, _) = stuck(&world, "upload").await;
    end(supervisor).await;
    is_visible(&world, Duration::ZERO).await;
    was_lost(&world).await;
    is_done_elsewhere(&world).await;
}

#[tokio::test]
async fn a_commit_that_hangs_is_handed_back_with_its_files_where_they_are() {
    let world = World::away(1, "finish").await;
    let (supervisor, _) = stuck(&world, "create").await;
    end(supervisor).await;
    is_visible(&world, Duration::ZERO).await;
    assert_eq!(world.scratch().await.len(), 1, "the receipt may yet land, and would speak of them");
    is_done_elsewhere(&world).await;
}

#[tokio::test]
async fn whoever_is_stopped_child_first_has_failed_nobody() {
    // systemd stops a group in any order: the child dies first, by a signal that is not ours, or reports it by its
    // code.
    for death in ["kill -TERM $$; sleep 60", "kill -KILL $$; sleep 60", "exit 143"] {
        let mut world = World::new(&format!("touch $HERE/dying; {death}"), "max_attempts = 1").await;
        world.config.times.notice_wait_ms = 10_000;
        let supervisor = world.start();
        world.eventually("the child dies", || world.local("dying").exists()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(world.failures().await.len(), 0, "{death}: not yet explained");
        end(supervisor).await;
        was_lost(&world).await;
        assert_eq!(world.queues.depth("work"), Some(1), "{death}");
    }
}

#[tokio::test]
async fn what_the_child_did_not_write_is_its_crash_and_not_waited_for() {
    let world = World::away(1, "finish; rm -r \"$SCRATCH\"").await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Failed);
    let record = world.failures().await.remove(0);
    assert_eq!((record.class, record.ended.as_str()), (FailureClass::Crash, "bad outcome file"));
    assert!(record.message.contains("k=a/0.parquet"), "{}", record.message);
}
