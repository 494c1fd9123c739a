//! A step of very many items through the functions that see them all: planned, dispatched, judged and sealed, within
//! bounds of time and memory. The objects, receipts and queues are synthesized on demand, and large ones lie on
//! disk, so that the memory measured is the functions' own. Twenty thousand items by default; the most a step may have:
//!
//!     SPOTMILL_SCALE=1000000 cargo test --release -p spotmill-lambdas --test scale -- --nocapture
//!
//! A million, on two busy cores: plan_work 6 s and 382 MiB, dispatch_work 13 s and 276 MiB, a resume's plan_work 49 s
//! and 463 MiB, verdict with its million receipts 104 s and 380 MiB. What the network adds: a thousand objects a
//! listing, a GET a receipt, a send for ten messages, each of them `parallel` (64) or sixteen at once.

mod synthetic;

use spotmill_core::bounds::MAX_ITEMS;
use spotmill_core::calls::*;
use spotmill_core::keys::RunKeys;
use spotmill_core::records::{Plan, Seal};
use spotmill_lambdas::{begin, dispatch_work, launch_fleet, plan_work, verdict};
use spotmill_platform::records;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use synthetic::{Made, Sent, world};

/// What a function may use: half of what the stack gives the largest, and far below Lambda's 15 minutes.
const MOST_BYTES: u64 = 512 << 20;
const MOST_SECS: u64 = 300;

/// Runs a phase and holds it against the bounds.
async fn measured<T, E: std::fmt::Debug>(what: &str, act: impl Future<Output = Result<T, E>>) -> T {
    // 5: the peak begins anew. Where that is not allowed the peak is that of all phases, which is bounded as well.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let began = Instant::now();
    let result = act.await.unwrap();
    let (took, peak) = (began.elapsed(), peak_bytes());
    println!("{what:14} {:7.1} s  {:6} MiB at most", took.as_secs_f64(), peak >> 20);
    assert!(took.as_secs() < MOST_SECS, "{what} took {took:?}");
    assert!(peak < MOST_BYTES, "{what} took {peak} bytes");
    result
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_many_items_fits_a_function() {
    let items: u32 = std::env::var("SPOTMILL_SCALE").map_or(20_000, |n| n.parse().unwrap());
    assert!(items <= MAX_ITEMS);
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Made::new(dir.path(), items));
    let sent = Arc::new(Sent::default());
    let ctx = world(store.clone(), sent.clone()).await;

    let input = RunInput { pipeline: "p".into(), date: Some("2013-01-01".into()), ..RunInput::default() };
    let begun = begin::handle(&ctx, BeginRequest { input: input.clone(), root: "died".into() }).await.unwrap();
    let (run, step) = (begun.run, begun.steps[0].clone());
    let request = PlanWorkRequest { run: run.clone(), step: step.clone(), root: "died".into(), execution: "e".into() };
    let planned = measured("plan_work", plan_work::handle(&ctx, request.clone())).await;
    assert_eq!(planned.todo, items);
    let keys = RunKeys::new(&ctx.root, &run).step(&step, planned.generation);
    let (plan, _) = records::load::<Plan>(&*ctx.store, &keys.plan()).await.unwrap().unwrap();
    store.know(&keys, plan);

    let round = |planned: &PlanWorkReply, root: &str| RoundRequest {
        run: run.clone(),
        step: step.clone(),
        root: root.into(),
        generation: planned.generation,
        epoch: planned.epoch,
        round: 0,
        rung: 0,
    };
    let of = round(&planned, "died");
    measured("launch_fleet", launch_fleet::handle(&ctx, of.clone())).await;
    let dispatch = DispatchRequest { round: of, token: "t".into() };
    measured("dispatch_work", dispatch_work::handle(&ctx, dispatch)).await;
    assert_eq!(sent.failures.load(Ordering::SeqCst), 0);
    assert_eq!(sent.messages.load(Ordering::SeqCst), u64::from(items));
    assert!(sent.resent.load(Ordering::SeqCst) > 0, "some were refused and sent again");

    // Half of them commit, and the execution dies: a resume checks every input again.
    store.commit(items / 2);
    measured("begin again", begin::handle(&ctx, BeginRequest { input, root: "r".into() })).await;
    let request = PlanWorkRequest { root: "r".into(), ..request };
    let planned = measured("resume", plan_work::handle(&ctx, request)).await;
    assert_eq!(planned.todo, items - items / 2);
    store.commit(items);
    let judge = VerdictRequest { round: round(&planned, "r"), failure: None };
    let judged = measured("verdict", verdict::handle(&ctx, judge)).await;
    assert_eq!((judged.next, judged.cause.as_str()), (Next::Done, ""));
    let (seal, _) = records::load::<Seal>(&*ctx.store, &keys.seal()).await.unwrap().unwrap();
    assert_eq!((seal.items, seal.files, seal.rows.written), (items, u64::from(items), u64::from(items) * 10));
    println!("{} files sealed", seal.files);
}
