//! Every way a child can end, seen from outside: records, callbacks, what is left of the process group.

use crate::common::{World, lives};
use spotmill_core::item::FailureClass;
use spotmill_core::records::CallbackKind;
use spotmill_supervisor::WorkerEvent;
use std::time::Duration;

const ONCE: &str = "max_attempts = 1";

/// The one attempt ends as stated, is recorded so, and the item has failed.
async fn check(script: &str, resources: &str, class: FailureClass, ended: &str, message: &str) -> World {
    let world = World::new(&format!("echo a line of the log\n{script}"), resources).await;
    let callbacks = world.settle(1).await;
    let record = world.failures().await.pop().expect("a record");
    assert_eq!((record.class, record.ended.as_str()), (class, ended), "{record:?}");
    assert!(record.message.contains(message), "{}", record.message);
    assert!(record.log_tail.starts_with("a line of the log"), "{}", record.log_tail);
    assert_eq!((record.item, record.round, record.worker.as_str()), (0, 2, "here"));
    let kind = if class == FailureClass::Memory { CallbackKind::NeedsMemory } else { CallbackKind::Failed };
    assert_eq!((callbacks[0].kind, &callbacks[0].attempt), (kind, &record.attempt));
    assert!(world.receipt(0).await.is_none());
    assert_eq!(world.scratch().await, [""; 0], "an attempt that sent no receipt leaves no files");
    world
}

#[tokio::test]
async fn exit_codes_and_outcome_files() {
    use FailureClass::{BadData, Crash, Transform};
    check("finish; exit 101", ONCE, Crash, "exit code 101", "no word why").await;
    check("exit 0", ONCE, Crash, "bad outcome file", "no outcome").await;
    check("echo '{' > \"$OUT\"", ONCE, Crash, "bad outcome file", "cannot be read").await;
    check("failed bad_data; exit 1", ONCE, BadData, "exit code 1", "the words of the worker").await;
    check("failed transform", ONCE, Transform, "exit code 0", "the words of the worker").await;
    check("wrote 5 data", ONCE, Crash, "bad outcome file", "reported 5 bytes of k=a/0.parquet, but there are 4").await;
    check("finish; rm -r \"$SCRATCH\"", ONCE, Crash, "bad outcome file", "it is not there").await;
}

#[tokio::test]
async fn signals() {
    check("kill -SEGV $$", ONCE, FailureClass::Crash, "signal 11 (segmentation fault)", "was ended by").await;
    check("finish; kill -KILL $$", ONCE, FailureClass::Crash, "signal 9 (kill)", "was ended by").await;
}

#[tokio::test]
async fn a_time_out_ends_the_whole_group_even_if_it_will_not() {
    let script = r#"
        trap '' TERM
        bash -c "trap '' TERM; echo \$\$ > $HERE/grandchild; sleep 60; sleep 60" &
        finish; sleep 60; sleep 60"#;
    let resources = format!("{ONCE}\ntimeout = \"1s\"");
    let world = check(script, &resources, FailureClass::Timeout, "time-out after 1 s", "no end in sight").await;
    let grandchild = world.process("grandchild").await;
    assert!(!lives(grandchild));
}

#[tokio::test]
async fn a_child_that_ends_well_takes_its_group_with_it() {
    let world = World::new("(trap '' TERM; sleep 60) & echo $! > $HERE/grandchild; finish", ONCE).await;
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    let grandchild = world.process("grandchild").await;
    world.eventually("the grandchild is dead", || !lives(grandchild)).await;
}

#[tokio::test]
async fn memory_over_the_limit_is_for_the_next_rung() {
    // Half of it in a grandchild: the group counts.
    let script = r#"hold() { x=$(head -c $((90 << 20)) /dev/zero | tr '\0' x); sleep 60; }
        hold & hold"#;
    let world = World::new(script, ONCE).await;
    let callbacks = world.settle(1).await;
    assert_eq!(callbacks[0].kind, CallbackKind::NeedsMemory);
    let record = world.failures().await.remove(0);
    assert_eq!((record.class, record.rung), (FailureClass::Memory, 0));
    assert!(record.ended.ends_with("over 128.0 MiB"), "{}", record.ended);
    assert!(record.usage.peak_bytes > 128 << 20, "{:?}", record.usage);
    let needs_memory =
        |e: &WorkerEvent| matches!(e, WorkerEvent::ItemNeedsMemory { peak_bytes, .. } if *peak_bytes > 128 << 20);
    assert!(world.events().iter().any(needs_memory));
}

#[tokio::test]
async fn a_higher_rung_doubles_the_limit() {
    // Up to `max_memory`, and to what the machine has.
    for (rung, machine, mebibytes) in [(1, 1024, 256), (2, 1024, 512), (3, 1024, 512), (2, 300, 300)] {
        let mut world = World::of(0, "cp \"$SPEC\" $HERE/spec; finish", "").await;
        world.config.machine.memory_bytes = machine << 20;
        world.plan(1, "").await;
        world.work[0].rung = rung;
        world.send(&world.work[0]).await;
        world.settle(1).await;
        assert_eq!(world.receipt(0).await.expect("receipt").rung, rung);
        let spec = std::fs::read_to_string(world.local("spec")).expect("spec");
        assert!(spec.contains(&format!("\"memory_bytes\":{}", (mebibytes as u64) << 20)), "{spec}");
    }
}

#[tokio::test]
async fn a_program_that_does_not_start_is_no_fault_of_the_item() {
    let mut world = World::new("", ONCE).await;
    world.config.program.path = "/nowhere/worker".into();
    let supervisor = world.start();
    let infra = |e: &WorkerEvent| {
        matches!(e, WorkerEvent::ItemFailed { class: FailureClass::Infra, attempts: 0, retry_in_ms: Some(_), .. })
    };
    world.eventually("it is tried again and again", || world.events().iter().filter(|e| infra(e)).count() > 2).await;
    supervisor.stop_now();
    supervisor.join().await;
    assert!(world.failures().await.iter().all(|f| f.message.contains("/nowhere/worker")));
}

#[tokio::test]
async fn the_environment_is_the_least() {
    let world = World::new("env | cut -d= -f1 | sort > $HERE/env; pwd > $HERE/pwd; finish", ONCE).await;
    world.settle(1).await;
    let names = std::fs::read_to_string(world.local("env")).expect("env");
    let own: Vec<&str> = names.lines().filter(|n| !matches!(*n, "_" | "PWD" | "SHLVL" | "OLDPWD")).collect();
    let home = std::env::var_os("HOME").map(|_| "HOME");
    let engine = ["LANG", "MIMALLOC_ALLOW_THP", "MIMALLOC_PURGE_DELAY", "PATH", "POLARS_MAX_THREADS", "TMPDIR"];
    let expected: Vec<&str> = ["HERE"].into_iter().chain(home).chain(engine).collect();
    assert_eq!(own, expected);
    let pwd = std::fs::read_to_string(world.local("pwd")).expect("pwd");
    assert!(crate::common::is_below(&pwd, &world.config.tmp), "{pwd}");
}

#[tokio::test]
async fn the_kernel_kills_it_first() {
    let world = World::new("sleep 0.3; cat /proc/$$/oom_score_adj > $HERE/score; finish", ONCE).await;
    world.settle(1).await;
    assert_eq!(std::fs::read_to_string(world.local("score")).expect("score").trim(), "1000");
}

#[tokio::test]
async fn stop_kills_gives_back_and_cleans_up_within_two_seconds() {
    let script = r#"trap '' TERM
        if first a; then mkdir -p "$SCRATCH"; echo half > "$SCRATCH/x"; sleep 60 & echo $! > $HERE/inner; echo $$ > $HERE/outer
        wait; sleep 60; fi"#;
    let world = World::new(script, ONCE).await;
    let supervisor = world.start();
    let (inner, outer) = (world.process("inner").await, world.process("outer").await);
    assert_eq!(world.scratch().await.len(), 1);
    let stopped = std::time::Instant::now();
    supervisor.stop_now();
    supervisor.join().await;
    assert!(stopped.elapsed() < Duration::from_secs(2), "{:?}", stopped.elapsed());
    assert!(!lives(inner) && !lives(outer));
    assert_eq!(world.scratch().await, [""; 0]);
    let record = world.failures().await.remove(0);
    assert_eq!(record.class, FailureClass::Lost);
    assert_eq!(world.callbacks(1).await[0].kind, CallbackKind::Lost);
    let back = world.queues.depth("work");
    assert_eq!(back, Some(1));
    let received = spotmill_platform::ports::Queue::receive(&world.queues, "work", 1, Duration::ZERO, Duration::ZERO);
    assert_eq!(received.await.expect("receive").len(), 1, "visible again at once");
    assert!(!world.config.tmp.exists());
}

#[tokio::test]
async fn a_notice_lets_finish_what_can_and_hands_back_the_rest() {
    let script = r#"if grep -q '"item":0' "$SPEC"; then sleep 0.7; finish; else sleep 60; fi"#;
    let world = World::of(2, script, ONCE).await;
    let supervisor = world.start();
    world.eventually("both run", || world.started() == 2).await;
    let now_ms = spotmill_platform::ports::Clock::now_ms(&spotmill_platform::local::SystemClock);
    supervisor.notice(now_ms + 2_500);
    let callbacks = world.callbacks(2).await;
    assert_eq!((callbacks[0].kind, callbacks[0].item), (CallbackKind::Done, 0));
    assert_eq!((callbacks[1].kind, callbacks[1].item), (CallbackKind::Lost, 1));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((world.started(), world.queues.depth("work")), (2, Some(1)), "it takes no more work");
    supervisor.stop_now();
    supervisor.join().await;
}

#[tokio::test]
async fn a_dropped_supervisor_leaves_no_child() {
    let world = World::new("echo $$ > $HERE/child; sleep 60", ONCE).await;
    let supervisor = world.start();
    let child = world.process("child").await;
    drop(supervisor);
    world.eventually("the child is dead", || !lives(child)).await;
}
